import { basename } from 'node:path/posix';
import * as vscode from 'vscode';
import { commandExperimentText } from '../../interop/command/writer';
import { basesOf } from '../language/baseFiles';
import { foreignOf } from '../language/parsing';
import { tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { mayRun, type PlacedFile, placeBeside, savedDocument, writePlaced } from './documents';
import { run } from './runCommands';

/** An experiment that runs the command of another system's file, to be written beside it. */
export interface ExperimentBeside {
  readonly file: PlacedFile;
  readonly isFolderOpen: boolean;
  readonly isSeedOpen: boolean;
}

/**
 * Returns the experiment for another system's file, or undefined with a message if its command is unknown. For a study,
 * the tricks of the command become tricks of the experiment.
 */
export async function experimentBeside(
  document: vscode.TextDocument,
  { isForStudy = false }: { readonly isForStudy?: boolean } = {},
): Promise<ExperimentBeside | undefined> {
  const written = commandExperimentText(document.getText(), document.fileName, {
    readText: basesOf(document),
    isLifted: isForStudy,
  });
  if (!written.ok) {
    tellFailure(written.failure);
    return undefined;
  }
  const { text, isFolderOpen, isSeedOpen } = written;
  const name = basename(document.uri.path).replace(/\.[^.]*$/, '');
  const file = await placeBeside(document.uri, name, '.experiment.yaml', text);
  return { file, isFolderOpen, isSeedOpen };
}

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
  const written = await experimentBeside(document);
  if (!written || !(await writePlaced([written.file]))) return;
  const experiment = written.file.uri;
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(experiment));
  if (written.isFolderOpen) {
    tell('info', vscode.l10n.t('Set the folder of the training script in the experiment, then run it.'));
    return;
  }
  await services.files.refresh();
  await run(services, experiment);
}
