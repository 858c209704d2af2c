import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import {
  assertNotFenced,
  beat,
  claimWithRetry,
  endRequestIn,
  endRequestPath,
  HEARTBEAT_MS,
  type Lease,
  releaseLease,
} from '../runs/lease/lease';
import { awaitVerdict } from '../runs/lease/verdict';
import { UserError } from '../shared/userError';
import { replaceFile } from '../system/replaceFile';
import { foldedPath } from '../system/samePath';
import { isHeld } from './store';

/** Studies that this process runs. A lease separates processes, but not parts of one process. */
const own = new Set<string>();

/** Ensures that only this process runs a study. Uses a lease, as for runs. */
export class StudyLock {
  readonly #timer: NodeJS.Timeout;

  /**
   * Takes a study for this process. Waits while it cannot determine whether another process holds it.
   *
   * @param onStop called once when another process asks the study to stop
   * @throws UserError if another process holds it
   */
  static async take(folder: string, onStop: () => void): Promise<StudyLock> {
    const key = foldedPath(folder);
    if (own.has(key)) throw runningError(folder);
    own.add(key);
    try {
      await awaitVerdict(folder);
      const claim = await claimWithRetry(folder, 'training');
      if (!claim.ok) throw runningError(folder);
      await rm(endRequestPath(folder), { force: true });
      return new StudyLock(folder, claim.lease, onStop);
    } catch (error) {
      own.delete(key);
      throw error;
    }
  }

  private constructor(
    private readonly folder: string,
    private readonly lease: Lease,
    onStop: () => void,
  ) {
    this.#timer = setInterval(() => {
      // A takeover shows at the next write.
      void beat(lease).catch(() => false);
      if (endRequestIn(folder) !== null) onStop();
    }, HEARTBEAT_MS).unref();
  }

  /** @throws FencedOut if another process took the study over */
  assertHeld(): void {
    assertNotFenced(this.folder, this.lease);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await rm(endRequestPath(this.folder), { force: true });
    await releaseLease(this.folder, this.lease);
    own.delete(foldedPath(this.folder));
  }
}

/**
 * Asks the process that runs a study to stop it, and waits until it has.
 *
 * @returns false if no process runs it
 * @throws UserError if it does not stop
 */
export async function askToStop(folder: string, patienceMs = 60_000): Promise<boolean> {
  if (!(await isHeld(folder))) return false;
  await replaceFile(endRequestPath(folder), 'stop');
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 100) {
    if (!(await isHeld(folder))) return true;
    await delay(100);
  }
  throw new UserError({
    what: l10n.t('The study {0} did not stop.', basename(folder)),
    remedy: l10n.t('End the process that runs it, then stop the study again.'),
  });
}

function runningError(folder: string): UserError {
  return new UserError({
    what: l10n.t('The study {0} is running.', basename(folder)),
    remedy: l10n.t('Stop it first: {0}', `tricks study stop ${basename(folder)}`),
  });
}
