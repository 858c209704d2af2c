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
  /** Base URLs, each ending in a slash, tried in turn. */
  readonly mirrors: readonly string[];
  /** A server silent for this long is given up. */
  readonly idleTimeoutMs: number;
  /** What to do when no mirror gives the file or it cannot be written, for errors. */
  readonly remedy: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

const PARTIAL = '.partial';
/** A download writes all the time, so a partial file this old was left by a process that died. */
const STALE_MS = 3_600_000;

/**
 * Downloads `<mirror><name>.gz` into `folder` as `<name>.gz`. The bytes go to a `.partial` file of this
 * process, which takes the final name only when it is whole, checked and on the disk; it is gone on any error.
 * A mirror that fails is left for the next, from the first byte.
 *
 * @throws UserError when no mirror gives the right content, or when the folder or disk refuses it, which ends the
 *   search; the signal's reason when aborted
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
 * Fetches a URL into the partial file, and checks that.
 *
 * @returns why this mirror's file cannot be used; null where it can
 * @throws UserError when the disk refuses it; the signal's reason when aborted
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

/** Does work that writes at `where`; a refusal by the system becomes a UserError. */
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
