import * as vscode from 'vscode';
import type { EditResult, TextEdit } from '../../experiment/text/textEdits';

/** Edits of an experiment file as one of the editor's, that one undo takes back. */
export function workspaceEdit(
  document: vscode.TextDocument,
  edits: readonly TextEdit[],
): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  edit.set(
    document.uri,
    edits.map(({ offset, length, text }) =>
      vscode.TextEdit.replace(
        new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)),
        text,
      ),
    ),
  );
  return edit;
}

/** Makes edits where there are any, and says why where they cannot be made. */
export async function applyResult(
  document: vscode.TextDocument,
  result: EditResult,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
  if (!result.ok) return result;
  if (result.edits.length === 0) return { ok: true };
  return (await vscode.workspace.applyEdit(workspaceEdit(document, result.edits)))
    ? { ok: true }
    : { ok: false, reason: vscode.l10n.t('The editor did not take the edit; the file may be read-only.') };
}
