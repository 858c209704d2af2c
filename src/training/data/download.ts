import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';
import type { DownloadProgress } from '../../system/network/download';
import { fetchFile } from '../../system/network/fetchFile';
import { renameOver } from '../../system/renameOver';
import { datasetError, reasonOf } from './errors';
import { type Fingerprint, type IdxFileName, largestFileBytes, readIdxFile } from './idxFolder';

export type { DownloadProgress };

export interface DownloadOptions {
  /** Base URLs, each ending in a slash, tried in order. */
  readonly mirrors: readonly string[];
  /** Gives up on a server that is silent for this long. */
  readonly idleTimeoutMs: number;
  /** Advice for errors: what to do if no mirror has the file or it cannot be written. */
  readonly remedy: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

const PARTIAL = '.partial';
/** A download writes continuously, so a partial file this old is left over from a dead process. */
const STALE_MS = 3_600_000;

/**
 * Downloads `<mirror><name>.gz` into `folder` as `<name>.gz`. Writes to a `.partial` file of this process and renames
 * it after the file is complete, verified and flushed to disk. Removes the partial file on any error. If a mirror
 * fails, the next one starts from the first byte.
 *
 * @throws UserError if no mirror has the right content, or if the folder or disk fails, which ends the search; the
 *   signal's reason if aborted
 */
export async function downloadIdxFile(
  name: IdxFileName,
  expected: Fingerprint,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const { mirrors, signal, remedy } = options;
  const target = join(folder, `${name}.gz`);
  const partial = `${target}.${process.pid}${PARTIAL}`;
  signal?.throwIfAborted();
  await writing(folder, remedy, async () => {
    await mkdir(folder, { recursive: true });
    await removeStalePartials(folder);
  });
  const failures: string[] = [];
  for (const mirror of mirrors) {
    try {
      const failure = await fetchChecked(`${mirror}${name}.gz`, partial, name, expected, options);
      if (failure === null) return await writing(target, remedy, () => renameOver(partial, target));
      failures.push(failure);
    } finally {
      await rm(partial, { force: true });
    }
  }
  throw datasetError(target, l10n.t('The file could not be downloaded. {0}', failures.join(' ')), remedy);
}

/**
 * Fetches a URL into the partial file and verifies it.
 *
 * @returns why this mirror's file cannot be used; null if it can
 * @throws UserError if the disk fails; the signal's reason if aborted
 */
async function fetchChecked(
  url: string,
  partial: string,
  name: IdxFileName,
  expected: Fingerprint,
  { idleTimeoutMs, remedy, signal, onProgress }: DownloadOptions,
): Promise<string | null> {
  try {
    await fetchFile(url, partial, {
      limitBytes: largestFileBytes(expected),
      idleTimeoutMs,
      remedy,
      signal,
      onBytes: (receivedBytes, totalBytes) => onProgress?.({ file: `${name}.gz`, receivedBytes, totalBytes }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) return `${url}: ${error.failure.what}`;
    throw cannotWrite(partial, remedy, error);
  }
  try {
    await readIdxFile(partial, name, expected, { remedy, where: url, signal });
    return null;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) return error.failure.what;
    throw error;
  }
}

/** Runs work that writes to `where`. Converts a system error to a UserError. */
async function writing<Result>(where: string, remedy: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw cannotWrite(where, remedy, error);
  }
}

function cannotWrite(where: string, remedy: string, error: unknown): UserError {
  const what = l10n.t('The file cannot be written: {0}.', reasonOf(error));
  return datasetError(where, what, remedy, { cause: error });
}

async function removeStalePartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(PARTIAL)) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}
