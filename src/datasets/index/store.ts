import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FactsLookup, OwnDatasetRequest } from '../../recipe/datasets';
import { parseJson } from '../../shared/parseJson';
import { isSystemError } from '../../system/errors';
import { readPlain } from '../../system/plainFiles';
import { foldedPath } from '../../system/samePath';
import { STORE_FOLDER } from '../../system/storeName';
import { type DatasetIndex, indexSchema } from './datasetIndex';

/** The request keys whose values are paths. */
const PATH_KEYS: readonly string[] = ['path', 'train', 'validation', 'test'];

/** Returns the folder of a store's indexes. */
export const indexesFolder = (root: string): string => join(root, STORE_FOLDER, 'datasets');

/** Returns the file of an index. `key` comes from `datasetKey`. */
export const indexPath = (root: string, key: string): string => join(indexesFolder(root), `${key}.json`);

/**
 * Returns the key that an index is stored under: a hash of the data set's kind, its absolute paths and its options.
 *
 * @param folder the base of relative paths
 */
export function datasetKey(request: OwnDatasetRequest, folder: string): string {
  const entries = Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [
      key,
      PATH_KEYS.includes(key) ? foldedPath(resolve(folder, String(value))) : sorted(value),
    ])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
}

/** Like `datasetKey`, but ignores how the request splits the images. */
export function imagesKey({ split: _, ...request }: OwnDatasetRequest, folder: string): string {
  return datasetKey(request as OwnDatasetRequest, folder);
}

/** Sorts a mapping's entries by key, so the order in the file does not matter. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Reads the index of a data set; null if it has none, or a damaged one, or one of another version.
 *
 * @throws the file system's error if it may not be read
 */
export async function readIndex(
  root: string,
  request: OwnDatasetRequest,
  folder: string,
): Promise<DatasetIndex | null> {
  try {
    const text = await readPlain(indexPath(root, datasetKey(request, folder)), 'utf8');
    return parseIndex(text, request, folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

interface Cached {
  readonly mtimeMs: number;
  readonly size: number;
  readonly index: DatasetIndex | null;
}

/** The indexes read so far, by file, valid while the files are unchanged. */
const cache = new Map<string, Cached>();

/**
 * Returns a synchronous lookup of data sets in the indexes of a store. A missing or damaged index gives null. Never
 * throws.
 *
 * @param folder the base of a request's relative paths: the experiment file's folder
 */
export function factsLookup(root: string, folder: string): FactsLookup {
  return (request) => indexLookup(root, request, folder)?.facts ?? null;
}

/** Like `readIndex`, but cached while the file is unchanged. Also returns null if it cannot be read. */
export function indexLookup(root: string, request: OwnDatasetRequest, folder: string): DatasetIndex | null {
  const path = indexPath(root, datasetKey(request, folder));
  try {
    const found = lstatSync(path);
    if (!found.isFile()) return null;
    const { mtimeMs, size } = found;
    const before = cache.get(path);
    if (before?.mtimeMs === mtimeMs && before.size === size) return before.index;
    const index = parseIndex(readFileSync(path, 'utf8'), request, folder);
    cache.set(path, { mtimeMs, size, index });
    return index;
  } catch {
    cache.delete(path);
    return null;
  }
}

function parseIndex(text: string, request: OwnDatasetRequest, folder: string): DatasetIndex | null {
  let data: unknown;
  try {
    data = parseJson(text);
  } catch {
    return null;
  }
  const parsed = indexSchema.safeParse(data);
  if (!parsed.success || parsed.data.facts.dataset !== request.dataset) return null;
  const facts = { ...parsed.data.facts, dataset: request.dataset };
  return { ...parsed.data, facts, request, folder };
}
