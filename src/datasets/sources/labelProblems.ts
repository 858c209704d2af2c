import * as l10n from '@vscode/l10n';
import { splitProblems } from '../listedSplits';
import type { DataProblem } from '../listing';

/**
 * Like `splitProblems`, for classes that are defined by a list or by label numbers. A class without images is then only
 * a warning, but at least two classes must have training images.
 *
 * @param where the source of the labels
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
      what: l10n.t('All training images belong to one class: {0}.', classNames[first]!),
      remedy: l10n.t('Add images of at least one other class.'),
    },
    ...problems,
  ];
}
