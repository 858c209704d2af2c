import * as vscode from 'vscode';
import type { Problem } from '../../experiment/problem';
import { experimentName } from '../language/experimentFiles';
import { editorRange } from '../language/parsing';
import { tell } from '../messages';

/** Whether the workspace is trusted; where it is not, says so. */
export function mayRun(): boolean {
  if (vscode.workspace.isTrusted) return true;
  tell('warning', vscode.l10n.t('Running an experiment starts a program, which needs a trusted workspace.'), {
    title: vscode.l10n.t('Manage trust'),
    run: () => vscode.commands.executeCommand('workbench.trust.manage'),
  });
  return false;
}

/** The document of an experiment file as it is on disk; undefined, and a message, where it is not there. */
export async function savedDocument(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  const saved = uri.scheme === 'untitled' ? await vscode.workspace.save(uri) : uri;
  if (!saved) return undefined;
  if (saved.scheme !== 'file') {
    tell(
      'warning',
      vscode.l10n.t('{0} is on no disk that a trainer can read. Save it in a folder.', saved.path),
    );
    return undefined;
  }
  try {
    const document = await vscode.workspace.openTextDocument(saved);
    if (!document.isDirty || (await document.save())) return document;
    tell('error', vscode.l10n.t('{0} could not be saved, so it was not run.', saved.fsPath));
  } catch {
    tell('error', vscode.l10n.t('{0} cannot be read. Check that it is still there.', saved.fsPath));
  }
  return undefined;
}

/** Opens a file in an editor, or says that it is gone. */
export async function openFile(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    tell('warning', vscode.l10n.t('{0} is not there.', uri.fsPath));
    return;
  }
  await vscode.commands.executeCommand('vscode.open', uri);
}

/** Says what keeps a file from being trained, of several the first. */
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
