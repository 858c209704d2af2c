import * as vscode from 'vscode';
import { MAX_LENGTH, type ReadText } from '../../interop/import/adapter';
import { foldedPath } from '../../system/samePath';
import { realPathInside, textInside } from '../../system/textInside';

/** Folded paths of the base files of open documents, whether or not these files exist. */
const bases = new Set<string>();

/**
 * Returns a reader for the base files of a document. It reads only files in the document's workspace folder, and
 * prefers the text in an open editor.
 */
export function basesOf(document: vscode.TextDocument): ReadText {
  const folder = vscode.workspace.getWorkspaceFolder(document.uri)?.uri.fsPath;
  if (document.uri.scheme !== 'file' || folder === undefined) return () => null;
  return (path) => {
    bases.add(foldedPath(path));
    const real = realPathInside(path, folder);
    if (real === null) return null;
    const open = vscode.workspace.textDocuments.find(
      ({ uri }) => uri.scheme === 'file' && foldedPath(uri.fsPath) === foldedPath(path),
    );
    // A UTF-16 code unit takes at most 3 bytes.
    return open ? open.getText() : textInside(real, folder, 3 * MAX_LENGTH);
  };
}

/** Notifies if a base file has changed, in the editor or on disk. */
export class BaseFiles implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];

  constructor(onChange: () => void) {
    const changed = ({ scheme, fsPath }: vscode.Uri) => {
      if (scheme === 'file' && bases.has(foldedPath(fsPath))) onChange();
    };
    const watcher = vscode.workspace.createFileSystemWatcher('**/*.py');
    this.#subscriptions = [
      watcher,
      watcher.onDidCreate(changed),
      watcher.onDidChange(changed),
      watcher.onDidDelete(changed),
      vscode.workspace.onDidChangeTextDocument(({ document }) => changed(document.uri)),
      // A file closed without saving reverts to its text on disk.
      vscode.workspace.onDidCloseTextDocument(({ uri }) => changed(uri)),
    ];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
