/**
 * Storage of a search in `.bag-of-tricks/studies/ID`. `search.json` holds the complete state from which the search
 * resumes. `optuna.log` is for Optuna's dashboard. `search.lock` names the process that runs the search.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { firstIssues } from '../shared/firstIssues';
import { parseJson } from '../shared/parseJson';
import { isSystemError } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { makeStoreFolder } from '../system/storeFolder';
import { STORE_FOLDER } from '../system/storeName';

/** Raise it if a field changes its meaning. */
export const SEARCH_VERSION = 1;

const trialSchema = z.object({
  /** From 0, in the order in which trials started. */
  id: z.int().min(0),
  /** Keyed by parameter. */
  values: z.record(z.string(), z.number()),
  /** The `key=value` settings of its runs' experiments. */
  settings: z.array(z.string()),
  /** Ids of its runs, one per seed. */
  runs: z.array(z.object({ id: z.string(), seed: z.number() })),
  /** Metric at each rung that the trial reached; null if it failed there. */
  results: z.array(z.number().nullable()),
  /**
   * The rung that it trains to, or trained to when the search stopped. Null if it waits for a promotion or has ended.
   */
  target: z.int().min(0).nullable(),
  /** Reason for the failure. */
  failure: z.string().optional(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
});
export type TrialRecord = z.infer<typeof trialSchema>;

const recordSchema = z.object({
  version: z.literal(SEARCH_VERSION),
  id: z.string(),
  createdAt: z.number().describe('Milliseconds since 1970.'),
  /** The search file's path, and its text when the search began. */
  file: z.string(),
  text: z.string(),
  experiment: z.object({ file: z.string(), text: z.string() }),
  /** Epochs at which rungs end. */
  rungs: z.array(z.int().min(1)).min(1),
  /** Points drawn by the sampler, including those that gave no valid experiment. */
  drawn: z.int().min(0),
  /** Running time in seconds. */
  seconds: z.number(),
  trials: z.array(trialSchema),
  state: z.enum(['unfinished', 'done']),
});
export type SearchRecord = z.infer<typeof recordSchema>;

export type RecordReading =
  | { readonly ok: true; readonly record: SearchRecord }
  /** A search that is damaged or from a newer release. */
  | { readonly ok: false; readonly reason: string };

export const studiesFolder = (root: string): string => join(root, STORE_FOLDER, 'studies');
export const recordPath = (folder: string): string => join(folder, 'search.json');
export const journalPath = (folder: string): string => join(folder, 'optuna.log');

/**
 * Creates the folder of a new search: `name` with the time, or with `-2` and so on if taken.
 *
 * @throws the file system's error
 */
export async function claimSearchFolder(
  root: string,
  name: string,
): Promise<{ readonly id: string; readonly folder: string }> {
  await makeStoreFolder(root, studiesFolder(root));
  for (let count = 1; ; count++) {
    const id = count === 1 ? name : `${name}-${count}`;
    const folder = join(studiesFolder(root), id);
    try {
      await mkdir(folder);
      return { id, folder };
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
  }
}

/** Reads the search in a folder; null if there is none. */
export async function readRecord(folder: string): Promise<RecordReading | null> {
  let text: string;
  try {
    text = await readPlain(recordPath(folder), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
  let data: unknown;
  try {
    data = parseJson(text);
  } catch {
    return { ok: false, reason: l10n.t('The search.json of {0} is damaged.', basename(folder)) };
  }
  const { version } = z.object({ version: z.number() }).safeParse(data).data ?? {};
  if (version !== undefined && version > SEARCH_VERSION) {
    const what = l10n.t('A newer release of Bag of Tricks wrote the search {0}.', basename(folder));
    return { ok: false, reason: what };
  }
  const parsed = recordSchema.safeParse(data);
  if (parsed.success) return { ok: true, record: parsed.data };
  const issues = firstIssues(parsed.error);
  return {
    ok: false,
    reason: l10n.t('The search.json of {0} is not a search: {1}', basename(folder), issues),
  };
}

/**
 * Replaces a search's record atomically.
 *
 * @throws the file system's error; the old record is then unchanged
 */
export async function writeRecord(folder: string, record: SearchRecord): Promise<void> {
  await replaceFile(recordPath(folder), `${JSON.stringify(record, null, 2)}\n`);
}

/** A search and its folder. */
export interface StoredSearch {
  readonly folder: string;
  readonly record: SearchRecord;
}

/** Lists the searches of a store, newest first, and the reasons why others cannot be read. */
export async function listSearches(
  root: string,
): Promise<{ readonly searches: readonly StoredSearch[]; readonly broken: readonly string[] }> {
  const names = await readdir(studiesFolder(root)).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const searches: StoredSearch[] = [];
  const broken: string[] = [];
  for (const name of names.toSorted()) {
    const folder = join(studiesFolder(root), name);
    const reading = await readRecord(folder);
    if (reading?.ok) searches.push({ folder, record: reading.record });
    else if (reading) broken.push(reading.reason);
  }
  return { searches: searches.toSorted((a, b) => b.record.createdAt - a.record.createdAt), broken };
}
