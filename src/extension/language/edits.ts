import * as vscode from 'vscode';
import type { EditResult, TextEdit } from '../../experiment/text/textEdits';

/** Converts edits of an experiment file to one workspace edit, which is a single undo step. */
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

/** Applies edits if there are any, or reports why there are none. */
export async function applyResult(
  document: vscode.TextDocument,
  result: EditResult,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
  if (!result.ok) return result;
  if (result.edits.length === 0) return { ok: true };
  return (await vscode.workspace.applyEdit(workspaceEdit(document, result.edits)))
    ? { ok: true }
    : { ok: false, reason: vscode.l10n.t('The editor rejected the edit. The file may be read-only.') };
}
