import { basename } from 'node:path/posix';
import * as vscode from 'vscode';
import type { Problem } from '../../experiment/problem';
import { experimentName } from '../language/experimentFiles';
import { editorRange } from '../language/parsing';
import { tell } from '../messages';

/** Whether the workspace is trusted. Shows a message if it is not. */
export function mayRun(): boolean {
  if (vscode.workspace.isTrusted) return true;
  tell('warning', vscode.l10n.t('Running an experiment starts a program, which needs a trusted workspace.'), {
    title: vscode.l10n.t('Manage trust'),
    run: () => vscode.commands.executeCommand('workbench.trust.manage'),
  });
  return false;
}

/**
 * Saves an experiment file and returns its document. If it cannot be saved or read, returns undefined and shows a
 * message, unless the user canceled.
 */
export async function savedDocument(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  const saved = uri.scheme === 'untitled' ? await vscode.workspace.save(uri) : uri;
  if (!saved) return undefined;
  if (saved.scheme !== 'file') {
    tell(
      'warning',
      vscode.l10n.t(
        '{0} is not on the local disk, so the trainer cannot read it. Save it in a folder.',
        saved.path,
      ),
    );
    return undefined;
  }
  try {
    const document = await vscode.workspace.openTextDocument(saved);
    if (await isSaved(document)) return document;
    tell('error', vscode.l10n.t('{0} could not be saved, so it was not run.', saved.fsPath));
  } catch {
    tell('error', vscode.l10n.t('{0} cannot be read. Check that it still exists.', saved.fsPath));
  }
  return undefined;
}

/** Saves a document, and returns whether it is saved. On a busy machine, VS Code's first attempt may end without. */
export async function isSaved(document: vscode.TextDocument): Promise<boolean> {
  return !document.isDirty || (await document.save()) || document.save();
}

/**
 * Creates a file beside another one in one edit, under the first free name of `name` and `name-2` and so on, unless a
 * file of these has the same text. Returns the file, or undefined with a message.
 */
export async function writeBeside(
  file: vscode.Uri,
  name: string,
  ending: string,
  text: string,
): Promise<vscode.Uri | undefined> {
  const place = await placeBeside(file, name, ending, text);
  return (await writePlaced([place])) ? place.uri : undefined;
}

/** A file to write, under a name that is free unless a file with the same text has it. */
export interface PlacedFile {
  readonly uri: vscode.Uri;
  readonly text: string;
  /** Whether the file is there already. */
  readonly isThere: boolean;
}

/** Finds the first name for a file beside another one that is free, or that a file with the same text has. */
export async function placeBeside(
  file: vscode.Uri,
  name: string,
  ending: string,
  text: string,
): Promise<PlacedFile> {
  const folder = vscode.Uri.joinPath(file, '..');
  const taken = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([each]) => each));
  for (let count = 1; ; count++) {
    const uri = vscode.Uri.joinPath(folder, `${name}${count === 1 ? '' : `-${count}`}${ending}`);
    if (!taken.has(basename(uri.path))) return { uri, text, isThere: false };
    if (Buffer.from(text).equals(await vscode.workspace.fs.readFile(uri))) {
      return { uri, text, isThere: true };
    }
  }
}

/** Creates the files that are not there yet, in one edit, which is one undo step. Returns false with a message. */
export async function writePlaced(files: readonly PlacedFile[]): Promise<boolean> {
  const missing = files.filter(({ isThere }) => !isThere);
  if (missing.length === 0) return true;
  const edit = new vscode.WorkspaceEdit();
  for (const { uri, text } of missing) edit.createFile(uri, { contents: new TextEncoder().encode(text) });
  if (await vscode.workspace.applyEdit(edit)) return true;
  const names = missing.map(({ uri }) => uri.fsPath).join(', ');
  tell('error', vscode.l10n.t('{0} could not be written. Check the folder.', names));
  return false;
}

/** Opens a file in an editor, or reports that it no longer exists. */
export async function openFile(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    tell('warning', vscode.l10n.t('{0} does not exist.', uri.fsPath));
    return;
  }
  await vscode.commands.executeCommand('vscode.open', uri);
}

/** Reports why a file cannot be trained. Shows only the first problem. */
export function tellProblems(document: vscode.TextDocument, [first]: readonly Problem[]): void {
  if (!first) return;
  const line = first.range.start.line + 1;
  const message = vscode.l10n.t(
    '{0} cannot run. Line {1}: {2} {3}',
    experimentName(document.uri),
    line,
    first.what,
    first.remedy,
  );
  tell('error', message, {
    title: vscode.l10n.t('Show'),
    run: () => vscode.window.showTextDocument(document, { selection: editorRange(first.range) }),
  });
}
