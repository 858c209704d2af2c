import * as vscode from 'vscode';
import { assertNever } from '../../shared/assertNever';
import { formatPercent } from '../../shared/format';
import { tell, tellFailure } from '../messages';
import type { ReadableRun } from '../runs/liveRun';
import type { RunLibrary } from '../runs/runLibrary';
import type { StudySource } from '../studySource';
import type { DashboardPanels } from './dashboardPanel';
import { runsOutside } from './studyRows';

/** Tells how runs ended: failures always, success where no dashboard shows it and the run is none of a study's many. */
export function notifyOfEnds(
  library: RunLibrary,
  dashboards: DashboardPanels,
  source: Pick<StudySource, 'studies'>,
): vscode.Disposable {
  return library.onDidEnd((run) => {
    const isOfStudy = runsOutside([run], source.studies).length === 0;
    notifyOfEnd(run, isOfStudy || dashboards.isVisible(run.folder));
  });
}

function notifyOfEnd(run: ReadableRun, isVisible: boolean): void {
  const { name, state } = run.manifest;
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
      tell('warning', vscode.l10n.t('{0} was interrupted: its trainer is gone.', name), resume, openLog);
      break;
    case 'done': {
      if (isVisible) break;
      const accuracy = formatPercent(state.result.validationAccuracy);
      tell('info', vscode.l10n.t('{0} is done: {1} validation accuracy.', name, accuracy), openDashboard);
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
