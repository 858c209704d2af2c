import * as vscode from 'vscode';
import { purgeTrash } from '../../runs/upkeep/trash';
import type { RunLibrary } from '../runs/runLibrary';

/** Permanently deletes old entries from the trash of each store when the store is opened, in a trusted workspace. */
export function purging(
  library: RunLibrary,
  roots: () => readonly string[],
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  const purged = new Set<string>();
  const purge = async (root: string) => {
    if (purged.has(root) || !(await library.mayRead(root))) return;
    purged.add(root);
    await purgeTrash(root);
  };
  const purgeAll = () => {
    if (!vscode.workspace.isTrusted) return;
    for (const root of roots()) {
      purge(root).catch((error) => log.error(`The trash of ${root} could not be emptied:`, error));
    }
  };
  purgeAll();
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeWorkspaceFolders(purgeAll),
    vscode.workspace.onDidGrantWorkspaceTrust(purgeAll),
  );
}
