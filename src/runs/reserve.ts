/**
 * Room on the disk for a run's last words: a file that holds blocks until they are needed, so that a full disk does not
 * keep a run from saying why it failed.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openPlain, openPlainSync } from '../system/plainFiles';
import { renameOver } from '../system/renameOver';

/** What a last event and its directory entries need. */
const LOG_BYTES = 1 << 15;

/** What a failure may add to a manifest, and a file system to a file. */
const SPARE_BYTES = 1 << 15;

const reservePath = (runFolder: string, attempt: number): string => join(runFolder, `reserve.${attempt}`);

/**
 * Makes the reserve of an attempt at a run, for a manifest of so many bytes and a last event.
 *
 * @throws the file system's error
 */
export function makeReserve(runFolder: string, attempt: number, manifestBytes: number): void {
  // Random: some file systems compress, and take no blocks for zeros.
  const file = openPlainSync(reservePath(runFolder, attempt), 'w');
  try {
    writeFileSync(file, randomBytes(manifestBytes + SPARE_BYTES + LOG_BYTES));
  } finally {
    closeSync(file);
  }
}

/** Gives up as much of a run's reserve as its log's last event needs; nothing where it is gone. */
export function giveUpForLog(runFolder: string, attempt: number): void {
  try {
    const file = openPlainSync(reservePath(runFolder, attempt), 'r+');
    try {
      ftruncateSync(file, Math.max(0, fstatSync(file).size - LOG_BYTES));
    } finally {
      closeSync(file);
    }
  } catch {
    // What is left of it, the manifest may still use.
  }
}

/** Gives up the reserve of an attempt at a run. */
export async function giveUpReserve(runFolder: string, attempt: number): Promise<void> {
  await rm(reservePath(runFolder, attempt), { force: true });
}

/** Gives up the reserves of all attempts at a run that nobody trains. */
export async function giveUpAllReserves(runFolder: string): Promise<void> {
  for (const name of await readdir(runFolder)) {
    if (/^reserve(\.\d+)?$/.test(name)) await rm(join(runFolder, name), { force: true });
  }
}

/**
 * Replaces a file of the run as `replaceFile` does, in the reserve's own blocks where there is one, so that nobody else
 * can take them first.
 *
 * @param otherwise replaces it where there is none
 * @throws the file system's error, with the file's path, after which the old content stands
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
    // There is none, or the file system never writes to a block twice.
    await giveUpReserve(runFolder, attempt).catch(() => {});
    await otherwise();
  }
}
