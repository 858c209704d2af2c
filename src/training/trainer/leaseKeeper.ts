import { Worker } from 'node:worker_threads';
import type { EndRequest } from '../../protocol/trainer';
import { endRequestPath, HEARTBEAT_MS, type Lease } from '../../runs/lease/lease';

/** What a keeper reports of its run's folder. */
export type KeeperMessage =
  /** Somebody asks for the training to end. */
  | EndRequest
  /** The folder or the lease is gone. */
  | 'lost'
  /** A later attempt took the run over. */
  | 'fenced';

interface KeeperData {
  readonly runFolder: string;
  readonly lease: string;
  readonly attempt: number;
  readonly token: string;
  readonly endRequest: string;
  readonly heartbeatMs: number;
}

/**
 * Renews a lease's heartbeat for as long as this process lives, and looks for requests to end. In a thread of
 * its own, for a step of a large model may keep the trainer's busy for minutes.
 */
export function keepLease(runFolder: string, lease: Lease, notify: (message: KeeperMessage) => void): void {
  const workerData: KeeperData = {
    runFolder,
    lease: lease.path,
    attempt: lease.attempt,
    token: lease.holder?.token ?? '',
    endRequest: endRequestPath(runFolder),
    heartbeatMs: HEARTBEAT_MS,
  };
  const keeper = new Worker(`(${heartbeat})()`, { eval: true, workerData });
  keeper.on('message', notify);
  keeper.unref();
}

/** The thread's whole program: it is handed over as text, so it knows nothing of this module. */
function heartbeat(): void {
  const { closeSync, futimesSync, lstatSync, openSync, readdirSync, readFileSync } =
    require('node:fs') as typeof import('node:fs');
  const { parentPort, workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { runFolder, lease, attempt, token, endRequest, heartbeatMs } = workerData as KeeperData;
  const timer = setInterval(() => {
    try {
      if (!renew() || isOutnumbered()) return leave('fenced');
    } catch (error) {
      // Any other error, such as a disk that is away for a while, is no reason to end a training.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return leave(isOutnumbered() ? 'fenced' : 'lost');
    }
    const request = requested();
    if (request) parentPort?.postMessage(request);
  }, heartbeatMs);
  /** Touches the file that was looked into, whatever has its name by then; false where it is another's. */
  function renew(): boolean {
    const file = openSync(lease, 'r+');
    try {
      const found = JSON.parse(readFileSync(file, 'utf8'));
      if (found.released || (found.token ?? '') !== token) return false;
      const now = new Date();
      futimesSync(file, now, now);
      return true;
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    } finally {
      closeSync(file);
    }
  }
  function isOutnumbered(): boolean {
    try {
      return readdirSync(runFolder).some((name) => {
        const [, other] = /^lease\.(\d{1,9})$/.exec(name) ?? [];
        return other !== undefined && Number(other) > attempt;
      });
    } catch {
      return false;
    }
  }
  function requested(): EndRequest | null {
    try {
      if (!lstatSync(endRequest).isFile()) return null;
      return readFileSync(endRequest, 'utf8') === 'pause' ? 'pause' : 'stop';
    } catch {
      return null;
    }
  }
  function leave(message: 'lost' | 'fenced') {
    clearInterval(timer);
    parentPort?.postMessage(message);
  }
}
