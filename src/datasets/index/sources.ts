import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { requestPaths } from '../requestPaths';
import type { SplitTable } from '../table';
import type { Source } from './tableFile';
import { tableFolders } from './tableFolders';

/**
 * Returns the current state of everything that a listing depends on: the request's paths, the folders of its images,
 * and the files that hold several images. While none of it changes, another listing returns the same images. A folder
 * that changed after `since` must be listed again to be sure, because a file may have appeared between the listing and
 * this call.
 *
 * @param since from before the listing, in milliseconds since 1970
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
      // Includes split and class folders without images.
      for (const split of await foldersIn(path)) {
        for (const found of [split, ...(await foldersIn(split))]) paths.add(found);
      }
    } else {
      // For a folder of archives or tables, these files count too. Files that training writes next to shards do not.
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

/** Adds the folders of a table's images and their parents up to its root. */
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
  // The size of a folder depends on the file system and carries no information.
  if (!stats) return { path, modified: -1, size: 0, isFolder: false };
  const isFolder = stats.isDirectory();
  return { path, modified: stats.mtimeMs, size: isFolder ? 0 : stats.size, isFolder };
}

/** Returns the stats of a path, following links; null if nothing is there or it is not accessible. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Whether a source is unchanged. */
export function isUnchanged(source: Source): boolean {
  const now = sourceAt(source.path);
  return source.modified !== -1 && now.modified === source.modified && now.size === source.size;
}
