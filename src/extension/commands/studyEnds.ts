import * as vscode from 'vscode';
import { assertNever } from '../../shared/assertNever';
import { tell, tellFailure } from '../messages';
import type { StudyEnd, StudyLibrary } from '../runs/studyLibrary';

/** Notifies about the end of studies that this window ran, except those that the user stopped. */
export function notifyOfStudyEnds(studies: StudyLibrary): vscode.Disposable {
  return studies.onDidEnd(notifyOfEnd);
}

function notifyOfEnd({ folder, name, state }: StudyEnd): void {
  const open = {
    title: vscode.l10n.t('Open study'),
    run: () => vscode.commands.executeCommand('bagOfTricks.openStudy', folder),
  };
  switch (state.status) {
    case 'done':
      tell('info', vscode.l10n.t('The study {0} is done.', name), open);
      break;
    case 'failed': {
      const what = vscode.l10n.t('The study {0} failed: {1}', name, state.failure.what);
      tellFailure({ what, remedy: state.failure.remedy }, open);
      break;
    }
    case 'stopped':
      if (state.because) tellFailure(state.because, open);
      break;
    case 'running':
      break;
    default:
      assertNever(state);
  }
}
