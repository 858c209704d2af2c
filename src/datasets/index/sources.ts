import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { requestPaths } from '../requestPaths';
import type { SplitTable } from '../table';
import type { Source } from './tableFile';
import { tableFolders } from './tableFolders';

/**
 * What a listing depends on, as it is now: the paths of the request, the folders of its images, and the files that hold
 * several. While none of it changes, another listing gives the same images. Folders that changed since `since` are such
 * as must be listed again to be sure: a file may have come between the listing and this.
 *
 * @param since milliseconds since 1970, from before the listing
 */
export async function sourcesOf(
  request: OwnDatasetRequest,
  folder: string,
  tables: readonly SplitTable[],
  since: number,
): Promise<Source[]> {
  const paths = new Set<string>();
  for (const path of requestPaths(request, folder)) {
    paths.add(path);
    if (request.dataset === 'image_folder') {
      // Also those without an image: splits, and their classes.
      for (const split of await foldersIn(path)) {
        for (const found of [split, ...(await foldersIn(split))]) paths.add(found);
      }
    } else {
      // Of a folder of archives or tables, those too; what a training writes beside shards is no concern of theirs.
      const isPart = (name: string) => request.dataset !== 'webdataset' || /[.](tar|txt)$/.test(name);
      const names = await readdir(path, { recursive: request.dataset !== 'webdataset' }).catch(() => []);
      for (const name of names) if (isPart(name)) paths.add(join(path, name));
    }
  }
  for (const table of tables) {
    if (table.kind === 'ranges') for (const file of table.files) paths.add(file);
    if (table.kind === 'files' && request.dataset === 'image_folder') addFolders(table, paths);
  }
  return [...paths].map((path) => {
    const source = sourceAt(path);
    return source.isFolder && source.modified >= since
      ? { path, modified: -1, size: source.size }
      : { path, modified: source.modified, size: source.size };
  });
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() ? [join(path, entry.name)] : []));
}

/** The folders of a table's images, and those above them up to its root. */
function addFolders(table: Extract<SplitTable, { kind: 'files' }>, paths: Set<string>): void {
  paths.add(table.root);
  for (const folder of tableFolders(table)) {
    for (let path = folder; path !== '' && path !== '.'; path = dirname(path)) {
      const absolute = join(table.root, path);
      if (paths.has(absolute)) break;
      paths.add(absolute);
    }
  }
}

function sourceAt(path: string): Source & { readonly isFolder: boolean } {
  const stats = statsOf(path);
  // A folder's size differs among file systems, and says nothing.
  if (!stats) return { path, modified: -1, size: 0, isFolder: false };
  const isFolder = stats.isDirectory();
  return { path, modified: stats.mtimeMs, size: isFolder ? 0 : stats.size, isFolder };
}

/** What a path is, links followed; null where nothing is there or may be seen. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Whether a source is as it was. */
export function isUnchanged(source: Source): boolean {
  const now = sourceAt(source.path);
  return source.modified !== -1 && now.modified === source.modified && now.size === source.size;
}
