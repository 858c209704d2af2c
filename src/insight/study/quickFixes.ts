import * as l10n from '@vscode/l10n';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import { removeItem } from '../../experiment/text/itemEdits';
import type { StudyParse } from '../../study/file/study';
import type { QuickFix } from '../quickFixes';
import { problemsOf } from './problems';

/**
 * What can be done about the problems of a study or search file.
 *
 * @param problems those that are shown of it
 */
export function studyQuickFixes(
  parsed: StudyParse,
  problems: readonly Problem[] = problemsOf(parsed),
): QuickFix[] {
  return problems.flatMap((problem) => fixesOf(parsed.document, problem));
}

function fixesOf(document: ExperimentDocument, problem: Problem): QuickFix[] {
  const { path, range, replacement } = problem;
  const [section, item] = path;
  const isFactor = section === 'factors' && typeof item === 'number';
  return [
    ...(replacement === undefined ? [] : [replacementFix(document, problem, replacement)]),
    ...(isFactor
      ? [
          {
            title: l10n.t('Remove this factor'),
            range,
            isPreferred: replacement === undefined && problem.severity === 'error',
            edits: () => removeItem(document, [section, item]),
          },
        ]
      : []),
  ];
}

function replacementFix(
  document: ExperimentDocument,
  { path, range }: Problem,
  replacement: string,
): QuickFix {
  const isNumber = Number.isFinite(Number(replacement));
  const text = document.format === 'json' && !isNumber ? JSON.stringify(replacement) : replacement;
  const { start, end } = range;
  return {
    title: titleOf(path, replacement),
    range,
    isPreferred: true,
    edits: () => ({ ok: true, edits: [{ offset: start.offset, length: end.offset - start.offset, text }] }),
  };
}

function titleOf([section, unit]: Problem['path'], replacement: string): string {
  if (section !== 'budget') return l10n.t('Write {0}', replacement);
  return unit === 'hours'
    ? l10n.t('Raise the budget to {0} hours', replacement)
    : l10n.t('Raise the budget to {0} runs', replacement);
}
