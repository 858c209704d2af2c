import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import type { Lease } from './lease';

/** A file begun this long before a lease was taken is no longer being written. */
const OLD_MS = 60_000;

/**
 * For example run.json.4.UUID.tmp, written under lease 4, lease.4.UUID.tmp, about to become lease 4, and reserve.4, of
 * attempt 4.
 */
const NUMBERED = /^(?:run\.json|lease|reserve)\.(\d{1,9})(?:\..*\.tmp)?$/;
/** Files of releases without attempt numbers. */
const UNNUMBERED = /^(?:run\.json\.[^.]*\.tmp|reserve)$/;

/**
 * Removes unfinished files of earlier attempts from a run's folder. Files that no lease guards, such as a temporary
 * queue file, are removed only when they are old by the file system's own clock.
 *
 * @param lease held by the caller
 */
export async function removeDeadFiles(runFolder: string, lease: Lease): Promise<void> {
  const names = await readdir(runFolder);
  const candidates = names.filter((name) => name.endsWith('.tmp') || /^reserve(?:\.|$)/.test(name));
  for (const name of candidates) {
    const path = join(runFolder, name);
    const attempt = NUMBERED.exec(name)?.[1];
    // A temporary lease with the same number lost to the lease that we hold.
    const isDead =
      attempt !== undefined
        ? Number(attempt) < lease.attempt || (name.startsWith('lease') && Number(attempt) === lease.attempt)
        : UNNUMBERED.test(name) || (await isOld(path, lease.path));
    if (isDead) await rm(path, { force: true });
  }
}

/** Both times come from the file system, because the lease was just created. */
async function isOld(path: string, leasePath: string): Promise<boolean> {
  try {
    const [file, lease] = await Promise.all([stat(path), stat(leasePath)]);
    return lease.mtimeMs - file.mtimeMs > OLD_MS;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
