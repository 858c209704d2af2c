import { basename, extname } from 'node:path';
import * as vscode from 'vscode';
import { isOwnRun } from '../../runs/origin';
import { isInside, realPathOf } from '../../system/insideFolder';
import { isSaved } from '../commands/documents';
import { isReadable, runTarget, type Target } from '../commands/targets';
import { experimentName, isExperiment } from '../language/experimentFiles';
import { tell } from '../messages';
import type { ReadableRun } from '../runs/liveRun';
import { experimentFileOf } from '../runs/runLibrary';
import type { Services } from '../services';

/** URI scheme of experiment files as recorded by runs. package.json names it too. */
export const RUN_FILE_SCHEME = 'bag-of-tricks-run-file';

/** Shows a diff of the current experiment file and the version of a run, and offers to restore the latter. */
export async function restoreFile(services: Services, target: Target): Promise<void> {
  const run = await runTarget(services, target, isReadable);
  if (!run || !(await mayWrite(run))) return;
  const uri = vscode.Uri.file(experimentFileOf(run));
  const now = await textOf(uri);
  if (now === run.manifest.experiment.text) {
    tell('info', vscode.l10n.t('{0} is the same as in the run {1}.', basename(uri.fsPath), run.id));
    return;
  }
  // Avoid an experiment's file name: CodeLenses and diagnostics are for the file itself.
  const extension = extname(uri.fsPath);
  const name = experimentName(uri);
  const before = now === null ? services.runFiles.hold(`${name}.none${extension}`, '', run.folder) : uri;
  const ofRun = services.runFiles.hold(`${name}.run${extension}`, run.manifest.experiment.text, run.folder);
  const title = vscode.l10n.t('{0}: now ↔ run {1}', basename(uri.fsPath), run.id);
  await vscode.commands.executeCommand('vscode.diff', before, ofRun, title, { preview: true });
  tell(
    'info',
    vscode.l10n.t(
      'Left: {0} as it is now. Right: the file as it was in the run {1}.',
      basename(uri.fsPath),
      run.id,
    ),
    { title: vscode.l10n.t("Restore this run's file"), run: () => writeRunFile(services, ofRun) },
  );
}

/** Restores the experiment file that the diff shows, as a single undo step. */
export async function writeRunFile(services: Services, shown: vscode.Uri): Promise<void> {
  const run = services.library.find(shown.query);
  if (run?.kind !== 'run' || !(await mayWrite(run))) return;
  const uri = vscode.Uri.file(experimentFileOf(run));
  const { text } = run.manifest.experiment;
  const edit = new vscode.WorkspaceEdit();
  if ((await textOf(uri)) === null) {
    edit.createFile(uri, { contents: new TextEncoder().encode(text) });
  } else {
    const document = await vscode.workspace.openTextDocument(uri);
    edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  }
  const document = (await vscode.workspace.applyEdit(edit)) && (await vscode.workspace.openTextDocument(uri));
  if (!document || !(await isSaved(document))) {
    tell(
      'error',
      vscode.l10n.t('{0} could not be written. Check that it is not read-only.', basename(uri.fsPath)),
    );
    return;
  }
  await vscode.window.showTextDocument(document, { preview: false });
}

/**
 * A run that came with its folder names a file and a text that the user has never seen. It may only write within its
 * folder.
 */
async function mayWrite(run: ReadableRun): Promise<boolean> {
  const file = experimentFileOf(run);
  const isWithin = isInside(await realPathOf(file), await realPathOf(run.root));
  const isOwnFile = run.movedTo === undefined && (await isOwnRun(run));
  if ((isWithin && isExperiment(vscode.Uri.file(file))) || isOwnFile) return true;
  const message = vscode.l10n.t(
    'You did not create the run {0} here, or its file was renamed, and {1} is not an experiment file in its folder. The file was not written.',
    ...[run.id, file],
  );
  tell('warning', message);
  return false;
}

/** A file's text including unsaved changes in an editor, or null if there is no file. */
async function textOf(uri: vscode.Uri): Promise<string | null> {
  try {
    return (await vscode.workspace.openTextDocument(uri)).getText();
  } catch {
    return null;
  }
}
