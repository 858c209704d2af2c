/**
 * Reserves disk space for a run's last words. The reserve file holds blocks until they are needed, so that a full disk
 * does not keep a run from saying why it failed.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openPlain, openPlainSync } from '../system/plainFiles';
import { renameOver } from '../system/renameOver';

/** Space for a final event and its directory entries. */
const LOG_BYTES = 1 << 15;

/** Space that a failure may add to a manifest, and a file system to a file. */
const SPARE_BYTES = 1 << 15;

const reservePath = (runFolder: string, attempt: number): string => join(runFolder, `reserve.${attempt}`);

/**
 * Creates the reserve of an attempt, large enough for a manifest of the given size and a final event.
 *
 * @throws the file system's error
 */
export function makeReserve(runFolder: string, attempt: number, manifestBytes: number): void {
  // Random bytes, because some file systems compress and allocate no blocks for zeros.
  const file = openPlainSync(reservePath(runFolder, attempt), 'w');
  try {
    writeFileSync(file, randomBytes(manifestBytes + SPARE_BYTES + LOG_BYTES));
  } finally {
    closeSync(file);
  }
}

/** Frees the part of a run's reserve that the log's final event needs. No-op if there is no reserve. */
export function giveUpForLog(runFolder: string, attempt: number): void {
  try {
    const file = openPlainSync(reservePath(runFolder, attempt), 'r+');
    try {
      ftruncateSync(file, Math.max(0, fstatSync(file).size - LOG_BYTES));
    } finally {
      closeSync(file);
    }
  } catch {
    // The manifest may still use the rest.
  }
}

/** Deletes the reserve of an attempt. */
export async function giveUpReserve(runFolder: string, attempt: number): Promise<void> {
  await rm(reservePath(runFolder, attempt), { force: true });
}

/** Deletes the reserves of all attempts of a run that nobody trains. */
export async function giveUpAllReserves(runFolder: string): Promise<void> {
  for (const name of await readdir(runFolder)) {
    if (/^reserve(\.\d+)?$/.test(name)) await rm(join(runFolder, name), { force: true });
  }
}

/**
 * Replaces a file of the run like `replaceFile`, but in the blocks of the reserve if there is one, so that no other
 * program can take them first.
 *
 * @param otherwise replaces the file without a reserve
 * @throws the file system's error with the file's path. The old content remains.
 */
export async function replaceByReserve(
  runFolder: string,
  attempt: number,
  path: string,
  content: string,
  otherwise: () => Promise<void>,
): Promise<void> {
  try {
    const file = await openPlain(reservePath(runFolder, attempt), 'r+');
    try {
      const bytes = Buffer.from(content);
      for (let written = 0; written < bytes.length; ) {
        written += (await file.write(bytes, written, bytes.length - written, written)).bytesWritten;
      }
      await file.truncate(bytes.length);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameOver(reservePath(runFolder, attempt), path);
  } catch {
    // There is no reserve, or the file system never writes to a block twice.
    await giveUpReserve(runFolder, attempt).catch(() => {});
    await otherwise();
  }
}
