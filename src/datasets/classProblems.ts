import * as l10n from '@vscode/l10n';
import type { DataProblem } from './listing';

/** Classes that a problem names; the rest are counted. */
const NAMED = 10;

/** What is wrong with the classes of a data set: those without images, and too few of them. */
export function classProblems(
  classNames: readonly string[],
  train: Uint32Array,
  validation: Uint32Array,
  where: string,
): DataProblem[] {
  const inTrain = countsOf(train, classNames.length);
  const inValidation = countsOf(validation, classNames.length);
  const lacking = (isLacking: (label: number) => boolean) =>
    classNames.filter((_, label) => isLacking(label));
  const empty = lacking((label) => inTrain[label] === 0);
  const unvalidated = lacking((label) => inTrain[label]! > 0 && inValidation[label] === 0);
  const problems: DataProblem[] = [];
  if (classNames.length - empty.length < 2) {
    problems.push({
      severity: 'error',
      kind: 'single_class',
      count: classNames.length - empty.length,
      where: [where],
      what: l10n.t('The training images are of fewer than two classes.'),
      remedy: l10n.t('Add images of another class.'),
    });
  }
  if (empty.length > 0) {
    problems.push({
      severity: 'warning',
      kind: 'empty_class',
      count: empty.length,
      where: empty.slice(0, NAMED),
      what: l10n.t('Classes without training images: {0}.', empty.length),
      remedy: l10n.t('Add images of them, or number the classes without gaps.'),
    });
  }
  if (unvalidated.length > 0) {
    problems.push({
      severity: 'warning',
      kind: 'no_validation_image',
      count: unvalidated.length,
      where: unvalidated.slice(0, NAMED),
      what: l10n.t('Classes without validation images: {0}.', unvalidated.length),
      remedy: l10n.t('Raise data.split.validation or choose another data.split.seed.'),
    });
  }
  return problems;
}

function countsOf(labels: Uint32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}
