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

/** The studies that this process runs: a lease keeps apart processes, not parts of one. */
const own = new Set<string>();

/** That this process runs a study, and no other does: a lease, as runs have. */
export class StudyLock {
  readonly #timer: NodeJS.Timeout;

  /**
   * Takes a study for this process. Where it cannot be told whether another has it, waits until it can.
   *
   * @param onStop told once when another process asks the study to stop
   * @throws UserError where it is taken; the file system's error
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
      // One that was taken over is seen at the next write.
      void beat(lease).catch(() => false);
      if (endRequestIn(folder) !== null) onStop();
    }, HEARTBEAT_MS).unref();
  }

  /** @throws FencedOut where another process took the study over */
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
 * @returns false where none runs it
 * @throws UserError where it does not stop
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
