import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import type { Lease } from './lease';

/** What was begun so long before a lease was taken is not being written any more. */
const OLD_MS = 60_000;

/** run.json.4.UUID.tmp, written under lease 4; lease.4.UUID.tmp, about to become lease 4; reserve.4, of attempt 4. */
const NUMBERED = /^(?:run\.json|lease|reserve)\.(\d{1,9})(?:\..*\.tmp)?$/;
/** Of releases before attempts had numbers. */
const UNNUMBERED = /^(?:run\.json\.[^.]*\.tmp|reserve)$/;

/**
 * Removes what attempts before this one left unfinished in a run's folder. Files that no lease guards, such as a place in
 * the queue, go once they are old by the file system's own clock.
 *
 * @param lease held by the caller
 */
export async function removeDeadFiles(runFolder: string, lease: Lease): Promise<void> {
  const names = await readdir(runFolder);
  const candidates = names.filter((name) => name.endsWith('.tmp') || /^reserve(?:\.|$)/.test(name));
  for (const name of candidates) {
    const path = join(runFolder, name);
    const attempt = NUMBERED.exec(name)?.[1];
    // That of this number, about to be a lease, lost to the one that is held.
    const isDead =
      attempt !== undefined
        ? Number(attempt) < lease.attempt || (name.startsWith('lease') && Number(attempt) === lease.attempt)
        : UNNUMBERED.test(name) || (await isOld(path, lease.path));
    if (isDead) await rm(path, { force: true });
  }
}

/** Both times are the file system's, as the lease was just made. */
async function isOld(path: string, leasePath: string): Promise<boolean> {
  try {
    const [file, lease] = await Promise.all([stat(path), stat(leasePath)]);
    return lease.mtimeMs - file.mtimeMs > OLD_MS;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
