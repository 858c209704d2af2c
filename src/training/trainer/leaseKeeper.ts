import { Worker } from 'node:worker_threads';
import type { EndRequest } from '../../protocol/trainer';
import { endRequestPath, HEARTBEAT_MS, type Lease, leasePath } from '../../runs/lease';

/** What a keeper reports of its run's folder. */
export type KeeperMessage =
  /** Somebody asks for the training to end. */
  | EndRequest
  /** The folder or the lease is gone, or another took the run over. */
  | 'lost';

interface KeeperData {
  readonly lease: string;
  readonly nextLease: string;
  readonly endRequest: string;
  readonly heartbeatMs: number;
}

/**
 * Renews a lease's heartbeat for as long as this process lives, and looks for requests to end. In a thread of
 * its own, for a step of a large model may keep the trainer's busy for minutes.
 */
export function keepLease(runFolder: string, lease: Lease, notify: (message: KeeperMessage) => void): void {
  const workerData: KeeperData = {
    lease: lease.path,
    nextLease: leasePath(runFolder, lease.attempt + 1),
    endRequest: endRequestPath(runFolder),
    heartbeatMs: HEARTBEAT_MS,
  };
  const keeper = new Worker(`(${heartbeat})()`, { eval: true, workerData });
  keeper.on('message', notify);
  keeper.unref();
}

/** The thread's whole program: it is handed over as text, so it knows nothing of this module. */
function heartbeat(): void {
  const { existsSync, lstatSync, readFileSync, utimesSync } = require('node:fs') as typeof import('node:fs');
  const { parentPort, workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { lease, nextLease, endRequest, heartbeatMs } = workerData as KeeperData;
  const timer = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(lease, now, now);
    } catch (error) {
      // Any other error, such as a disk that is away for a while, is no reason to end a training.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return lost();
    }
    if (existsSync(nextLease)) return lost();
    const request = requested();
    if (request) parentPort?.postMessage(request);
  }, heartbeatMs);
  function requested(): EndRequest | null {
    try {
      if (!lstatSync(endRequest).isFile()) return null;
      return readFileSync(endRequest, 'utf8') === 'pause' ? 'pause' : 'stop';
    } catch {
      return null;
    }
  }
  function lost() {
    clearInterval(timer);
    parentPort?.postMessage('lost');
  }
}
