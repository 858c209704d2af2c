import * as l10n from '@vscode/l10n';
import { assertNever } from '../../shared/assertNever';
import type { StudyParse } from '../../study/file/study';
import { atTop, type ExperimentLens, type LensFace, type LensSurroundings, problemsLens } from '../lenses';

/** Returns the lens at the top of a study file: it runs the study, or says why it cannot run. Empty for a search. */
export function studyLenses(
  parsed: StudyParse,
  { obstacle }: Pick<LensSurroundings, 'obstacle'>,
): ExperimentLens[] {
  if (!parsed.ok && parsed.why === 'search') return [];
  if (!parsed.ok && parsed.why === 'problems') {
    return [atTop(problemsLens(parsed.problems.filter(({ severity }) => severity === 'error')))];
  }
  return [atTop(runFace(obstacle))];
}

function runFace(obstacle: LensSurroundings['obstacle']): LensFace {
  switch (obstacle) {
    case null:
      return {
        icon: 'play',
        title: l10n.t('Run study'),
        tooltip: l10n.t('Train the runs of this study and watch its effects come in.'),
        action: { type: 'runStudy' },
      };
    case 'untrusted':
      return {
        icon: 'workspace-untrusted',
        title: l10n.t('Cannot run: the workspace is not trusted'),
        tooltip: l10n.t('Running a study starts programs, which needs a trusted workspace.'),
        action: { type: 'manageTrust' },
      };
    case 'no_disk':
      return {
        icon: 'circle-slash',
        title: l10n.t('Cannot run: not on the local disk'),
        tooltip: l10n.t('The trainer reads only files on the local disk. Save a copy in a folder to run it.'),
        action: { type: 'save' },
      };
    default:
      return assertNever(obstacle);
  }
}
