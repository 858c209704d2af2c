import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { type HeartbeatWatch, heartbeats } from './heartbeats';
import { livenessOf, readLease } from './lease';

/** How to wait until it is clear whether someone trains a run. */
export interface Waiting {
  /** Cancels the wait. */
  readonly signal?: AbortSignal;
  /** Called once with the reason, if there is a wait. */
  readonly onWaiting?: (text: string) => void;
  readonly watch?: HeartbeatWatch;
}

/** Number of looks at a heartbeat during the time that it must stand still. */
const LOOKS = 60;

/**
 * Determines whether a process holds a run. If the process is on another machine or in another container, waits until
 * its heartbeat moves or has stood still long enough.
 *
 * @throws the signal's reason if the wait was canceled, or the file system's error
 */
export async function awaitVerdict(
  folder: string,
  { signal, onWaiting, watch = heartbeats }: Waiting = {},
): Promise<'held' | 'free'> {
  for (let hasTold = false; ; ) {
    signal?.throwIfAborted();
    const lease = await readLease(folder);
    const liveness = lease ? await livenessOf(lease, watch) : 'gone';
    if (liveness !== 'unknown') return liveness === 'held' ? 'held' : 'free';
    if (!hasTold) {
      hasTold = true;
      onWaiting?.(
        l10n.t(
          '{0} may be running on {1}, where this process cannot see it. Waiting until its heartbeat changes or stays unchanged for {2} s.',
          ...[basename(folder), lease?.holder?.host ?? '?', watch.stillMs / 1000],
        ),
      );
    }
    await delay(watch.stillMs / LOOKS, undefined, signal && { signal }).catch(() => {});
  }
}
