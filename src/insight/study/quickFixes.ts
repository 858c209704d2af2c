import * as l10n from '@vscode/l10n';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import { removeItem } from '../../experiment/text/itemEdits';
import { counted } from '../../shared/counted';
import type { StudyParse } from '../../study/file/study';
import { type QuickFix, remedyFix } from '../remedyFix';
import { problemsOf } from './problems';

/**
 * Returns the fixes for the problems of a study or search file.
 *
 * @param problems the problems shown for it
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
  const remedy = replacement === undefined ? remedyFix(document, problem) : null;
  return [
    ...(replacement === undefined ? [] : [replacementFix(document, problem, replacement)]),
    ...(remedy ? [remedy] : []),
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
    ? l10n.t('Raise the budget to {0}', counted(Number(replacement), 'hour'))
    : l10n.t('Raise the budget to {0} runs', replacement);
}
