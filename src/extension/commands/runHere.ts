import { basename } from 'node:path/posix';
import * as vscode from 'vscode';
import { commandExperimentText } from '../../interop/command/writer';
import { basesOf } from '../language/baseFiles';
import { foreignOf } from '../language/parsing';
import { tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { mayRun, savedDocument, writeBeside } from './documents';
import { run } from './runCommands';

/** Writes an experiment beside another system's file that runs its command, and runs it. */
export async function runHere(services: Services, target: vscode.Uri | undefined): Promise<void> {
  const uri = target ?? vscode.window.activeTextEditor?.document.uri;
  if (!uri || !mayRun()) return;
  const document = await savedDocument(uri);
  if (!document) return;
  if (!foreignOf(document)) {
    tell('info', vscode.l10n.t('{0} is no file of timm, torchvision or MMPretrain.', document.fileName));
    return;
  }
  const written = commandExperimentText(document.getText(), document.fileName, basesOf(document));
  if (!written.ok) return tellFailure(written.failure);
  const name = basename(document.uri.path).replace(/\.[^.]*$/, '');
  const experiment = await writeBeside(document.uri, name, '.experiment.yaml', written.text);
  if (!experiment) return;
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(experiment));
  if (written.isFolderOpen) {
    tell('info', vscode.l10n.t('Set the folder of the training script in the experiment, then run it.'));
    return;
  }
  await services.files.refresh();
  await run(services, experiment);
}
