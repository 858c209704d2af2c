import * as l10n from '@vscode/l10n';
import { splitProblems } from '../listedSplits';
import type { DataProblem } from '../listing';

/**
 * As `splitProblems`, of classes that a list names or numbers count: one that no image has is only a warning then, but
 * two must have training images.
 *
 * @param where what the labels are read from
 */
export function labelProblems(
  classNames: readonly string[],
  trainLabels: Uint32Array,
  validationLabels: Uint32Array,
  where: string,
): DataProblem[] {
  const problems = splitProblems(classNames, trainLabels, validationLabels, 'warning');
  const first = trainLabels[0];
  if (classNames.length === 1 || first === undefined || trainLabels.some((label) => label !== first)) {
    return problems;
  }
  return [
    {
      severity: 'error',
      kind: 'single_class',
      count: 1,
      where: [where],
      what: l10n.t('All training images are of one class: {0}.', classNames[first]!),
      remedy: l10n.t('Add images of at least one other class.'),
    },
    ...problems,
  ];
}
