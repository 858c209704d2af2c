import * as l10n from '@vscode/l10n';
import { beat, claimWithRetry, HEARTBEAT_MS, releaseLease } from '../runs/lease/lease';
import { awaitVerdict } from '../runs/lease/verdict';
import { UserError } from '../shared/userError';
import { foldedPath } from '../system/samePath';

/** The searches that this process runs: a lease keeps apart processes, not parts of one. */
const own = new Set<string>();

/**
 * Takes a search for this process by a lease in its folder, as runs have: one process at a time runs it. That of a process that
 * is gone is taken over; where that cannot be told, waits until it can.
 *
 * @returns what gives it up
 * @throws UserError where another process has it; the file system's error
 */
export async function takeLock(folder: string): Promise<() => Promise<void>> {
  const key = foldedPath(folder);
  if (own.has(key)) throw runningError();
  own.add(key);
  try {
    await awaitVerdict(folder);
    const claim = await claimWithRetry(folder, 'training');
    if (!claim.ok) throw runningError();
    const { lease } = claim;
    const timer = setInterval(() => void beat(lease).catch(() => false), HEARTBEAT_MS).unref();
    return async () => {
      clearInterval(timer);
      await releaseLease(folder, lease);
      own.delete(key);
    };
  } catch (error) {
    own.delete(key);
    throw error;
  }
}

function runningError(): UserError {
  return new UserError({
    what: l10n.t('Another process runs this search.'),
    remedy: l10n.t('Stop it first.'),
  });
}
