import * as vscode from 'vscode';
import { recipeFacts } from '../../recipe/anyRecipe';
import { assertNever } from '../../shared/assertNever';
import { formatAccuracy } from '../../shared/format';
import { tell, tellFailure } from '../messages';
import type { RunLabels } from '../runs/labels';
import type { ReadableRun } from '../runs/liveRun';
import type { RunLibrary } from '../runs/runLibrary';
import type { StudySource } from '../studySource';
import type { DashboardPanels } from './dashboardPanel';
import { runsOutside } from './studyRows';

/**
 * Notifies about the ends of runs: always about failures, and about success if no dashboard shows the run and it is not
 * part of a study.
 */
export function notifyOfEnds(
  library: RunLibrary,
  labels: RunLabels,
  dashboards: DashboardPanels,
  source: Pick<StudySource, 'studies'>,
): vscode.Disposable {
  return library.onDidEnd((run) => {
    const isOfStudy = runsOutside([run], source.studies).length === 0;
    notifyOfEnd(run, labels.of(run).full, isOfStudy || dashboards.isVisible(run.folder));
  });
}

function notifyOfEnd(run: ReadableRun, name: string, isVisible: boolean): void {
  const { state, recipe } = run.manifest;
  const openLog = {
    title: vscode.l10n.t('Open log'),
    run: () => vscode.commands.executeCommand('bagOfTricks.openRunLog', run.folder),
  };
  const openDashboard = {
    title: vscode.l10n.t('Open dashboard'),
    run: () => vscode.commands.executeCommand('bagOfTricks.openDashboard', run.folder),
  };
  const resume = {
    title: vscode.l10n.t('Resume'),
    run: () => vscode.commands.executeCommand('bagOfTricks.resume', run.folder),
  };
  switch (state.status) {
    case 'failed': {
      const what = vscode.l10n.t('{0} failed: {1}', name, state.failure.what);
      tellFailure({ what, remedy: state.failure.remedy }, openLog);
      break;
    }
    case 'interrupted':
      tell(
        'warning',
        vscode.l10n.t('{0} was interrupted: its trainer exited unexpectedly.', name),
        resume,
        openLog,
      );
      break;
    case 'done': {
      if (isVisible) break;
      const { validationAccuracy } = state.result;
      const accuracy = formatAccuracy(validationAccuracy, recipeFacts(recipe).validationImages);
      const text =
        validationAccuracy === null
          ? vscode.l10n.t('{0} is done.', name)
          : vscode.l10n.t('{0} is done: {1} validation accuracy.', name, accuracy);
      tell('info', text, openDashboard);
      break;
    }
    case 'stopped':
    case 'paused':
    case 'queued':
    case 'running':
      break;
    default:
      assertNever(state);
  }
}
