import * as l10n from '@vscode/l10n';
import type { Problem } from '../../experiment/problem';
import { assertNever } from '../../shared/assertNever';
import type { StudyParse } from '../../study/file/study';

/** What is shown of a study file's problems: of one that can be run its warnings. */
export function problemsOf(parsed: StudyParse): readonly Problem[] {
  if (parsed.ok) return parsed.warnings;
  switch (parsed.why) {
    case 'problems':
      return parsed.problems;
    case 'search':
      return [];
    case 'unindexed':
      return [unindexed(parsed)];
    default:
      return assertNever(parsed);
  }
}

function unindexed({ document, study }: Extract<StudyParse, { why: 'unindexed' }>): Problem {
  return {
    severity: 'warning',
    path: ['experiment'],
    range: document.rangeOf(['experiment']),
    what: l10n.t(
      'The images of {0} have not been indexed, so its factors cannot be checked.',
      study.experiment,
    ),
    remedy: l10n.t('Open the experiment and index its data.'),
  };
}
