import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { type HeartbeatWatch, heartbeats } from './heartbeats';
import { livenessOf, readLease } from './lease';

/** How to wait until it can be told whether somebody trains a run. */
export interface Waiting {
  /** Cancels the wait. */
  readonly signal?: AbortSignal;
  /** Told once what is waited for, where there is a wait. */
  readonly onWaiting?: (text: string) => void;
  readonly watch?: HeartbeatWatch;
}

/** How often a heartbeat is looked at during the time that it must stand still. */
const LOOKS = 60;

/**
 * Whether a process holds a run. Where that is on another machine or in another container, waits until its heartbeat was
 * seen to move or stood still for long.
 *
 * @throws the signal's reason where the wait was cancelled; the file system's error
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
          '{0} may be running on {1}, where this process cannot see it. Waiting until its heartbeat moves, or has stood still for {2} s.',
          ...[basename(folder), lease?.holder?.host ?? '?', watch.stillMs / 1000],
        ),
      );
    }
    await delay(watch.stillMs / LOOKS, undefined, signal && { signal }).catch(() => {});
  }
}
