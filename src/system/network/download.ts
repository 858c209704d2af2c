import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';
import { isSystemError, reasonOf } from '../errors';
import { processExists } from '../processes';
import { renameOver } from '../renameOver';
import { fetchFile, HttpError } from './fetchFile';

export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  /** Null if the server does not say. */
  readonly totalBytes: number | null;
}

/** A published file. */
export interface PublishedFile {
  /** URLs of the file, tried in order. */
  readonly urls: readonly string[];
  /** Its SHA-256 in hexadecimal, or a prefix if no more is published. */
  readonly sha256: string;
  readonly limitBytes: number;
}

export interface DownloadOptions {
  /** Gives up on a server that is silent for this long. */
  readonly idleTimeoutMs: number;
  /** For error messages: what to do if no server provides the file or it cannot be written. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

const PARTIAL = '.partial';
/** Maximum number of attempts to resume a broken connection. Each attempt must make progress. */
const MAX_ATTEMPTS = 50;

/**
 * Downloads a published file to `target`. The target appears only after the file is complete, verified and on disk.
 *
 * The bytes go to a partial file next to it. A broken connection is resumed. A canceled or failed download continues
 * from its partial file the next time. A partial file belongs to one process at a time. It is deleted if its content is
 * wrong or does not fit on the disk.
 *
 * @throws UserError if no server provides the right content, or if the folder or disk refuses it
 * @throws the signal's reason if aborted
 */
export async function downloadFile(
  target: string,
  { urls, sha256, limitBytes }: PublishedFile,
  options: DownloadOptions,
): Promise<void> {
  const { signal, remedy } = options;
  signal?.throwIfAborted();
  const folder = dirname(target);
  const own = `${target}.${process.pid}${PARTIAL}`;
  await writing(folder, remedy, async () => {
    await mkdir(folder, { recursive: true });
    await claimPartial(target, own);
  });
  const failures: string[] = [];
  try {
    for (const url of urls) {
      const failure = await fetchWhole(url, own, { target, sha256, limitBytes }, options);
      if (failure === null) return await writing(target, remedy, () => renameOver(own, target));
      failures.push(failure);
    }
  } finally {
    // Keep the partial file for the next time. After a successful download there is none.
    await renameOver(own, `${target}${PARTIAL}`).catch(() => {});
  }
  const what = l10n.t('{0} could not be downloaded. {1}', basename(target), failures.join(' '));
  throw new UserError({ what, remedy });
}

/** Computes the SHA-256 of a file in hexadecimal. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

interface Expected {
  readonly target: string;
  readonly sha256: string;
  readonly limitBytes: number;
}

/**
 * Fetches the missing part of a file and verifies the whole.
 *
 * @returns the reason why this server's file is unusable, or null on success
 */
async function fetchWhole(
  url: string,
  partial: string,
  { target, sha256, limitBytes }: Expected,
  { idleTimeoutMs, remedy, signal, onProgress }: DownloadOptions,
): Promise<string | null> {
  const file = basename(target);
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(partial);
    try {
      await fetchFile(url, partial, {
        ...{ limitBytes, idleTimeoutMs, remedy, signal, resumeFromBytes: before },
        onBytes: (receivedBytes, totalBytes) => onProgress?.({ file, receivedBytes, totalBytes }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof UserError)) {
        await rm(partial, { force: true });
        throw cannotWrite(target, remedy, error);
      }
      const gained = (await sizeOf(partial)) !== before;
      if (!(error instanceof HttpError) && gained && attempt < MAX_ATTEMPTS) continue;
      return `${url}: ${error.failure.what}`;
    }
    const found = await sha256Of(partial, signal);
    if (found.startsWith(sha256)) return null;
    await rm(partial, { force: true });
    // The earlier partial file may be from another version.
    if (before > 0 && attempt < MAX_ATTEMPTS) continue;
    return l10n.t('{0}: The file has the SHA-256 {1}, but {2} is expected.', url, found, sha256);
  }
}

/** Takes over an abandoned partial file, if there is one. */
async function claimPartial(target: string, own: string): Promise<void> {
  const name = basename(target);
  for (const other of await readdir(dirname(target))) {
    if (!other.startsWith(`${name}.`) || !other.endsWith(PARTIAL)) continue;
    const pid = other.slice(name.length + 1, -PARTIAL.length);
    if (pid !== '' && (!/^\d+$/.test(pid) || processExists(Number(pid)))) continue;
    // Another process may take it first.
    await renameOver(join(dirname(target), other), own).catch(() => {});
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return 0;
    throw error;
  }
}

/** Runs work that writes to `where`. Converts system errors to a UserError. */
async function writing<Result>(where: string, remedy: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw cannotWrite(where, remedy, error);
  }
}

function cannotWrite(where: string, remedy: string, error: unknown): UserError {
  const what = l10n.t('{0} cannot be written: {1}.', where, reasonOf(error));
  return new UserError({ what, remedy }, { cause: error });
}
