import * as l10n from '@vscode/l10n';
import { beat, claimWithRetry, HEARTBEAT_MS, releaseLease } from '../runs/lease/lease';
import { awaitVerdict } from '../runs/lease/verdict';
import { UserError } from '../shared/userError';
import { foldedPath } from '../system/samePath';

/** Searches that this process runs. A lease separates processes, but not parts of one process. */
const own = new Set<string>();

/**
 * Takes the lease on a search's folder, as for runs: one process at a time runs the search. Takes over the lease of a
 * dead process. Waits while it cannot determine whether the holder is alive.
 *
 * @returns the function that releases the lease
 * @throws UserError if another process holds it; the file system's error
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
    what: l10n.t('Another process is running this search.'),
    remedy: l10n.t('Stop it first.'),
  });
}
