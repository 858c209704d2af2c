import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { workingDirectoryToAllow } from '../../runs/commandRun';
import { allowFolder } from '../../system/allowedFolders';
import { commandExperimentOf, storeRootOf } from '../language/parsing';
import { asks, tell } from '../messages';
import { readSettings } from '../settings';

/**
 * Whether an experiment's command may run in its working directory. Asks once about a folder outside of the open one.
 * True for an experiment without a command, or with problems.
 */
export async function mayRunCommand(document: vscode.TextDocument): Promise<boolean> {
  const command = commandExperimentOf(document);
  if (!command?.ok || readSettings().filesOutside) return true;
  const root = storeRootOf(document.uri);
  const places = { root, folder: dirname(document.uri.fsPath) };
  const folder = await workingDirectoryToAllow(command.recipe, places);
  if (folder === null) return true;
  const allow = vscode.l10n.t('Allow');
  const question = vscode.l10n.t(
    'The command runs in {0}, outside the open folder. Allow commands to run there?',
    folder,
  );
  if (!(await asks('warning', question, allow))) {
    tell('info', vscode.l10n.t('The command was not run.'));
    return false;
  }
  await allowFolder(folder);
  return true;
}
