import { Worker } from 'node:worker_threads';
import type { EndRequest } from '../../protocol/trainer';
import { endRequestPath, HEARTBEAT_MS, type Lease } from '../lease/lease';

/** A keeper's report about its run's folder. */
export type KeeperMessage =
  /** A request to end the training. */
  | EndRequest
  /** The folder or the lease no longer exists. */
  | 'lost'
  /** A later attempt took over the run. */
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
 * Renews a lease's heartbeat during the lifetime of this process, and checks for requests to end. Runs in a separate
 * thread, because a step of a large model may keep the trainer's thread busy for minutes.
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

/** The thread's entire program. It is passed as text, so it cannot use anything from this module. */
function heartbeat(): void {
  const { closeSync, futimesSync, lstatSync, openSync, readdirSync, readFileSync } =
    require('node:fs') as typeof import('node:fs');
  const { parentPort, workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { runFolder, lease, attempt, token, endRequest, heartbeatMs } = workerData as KeeperData;
  const timer = setInterval(() => {
    try {
      if (!renew() || isOutnumbered()) return leave('fenced');
    } catch (error) {
      // Any other error, such as a temporarily unavailable disk, is no reason to end a training.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return leave(isOutnumbered() ? 'fenced' : 'lost');
    }
    const request = requested();
    if (request) parentPort?.postMessage(request);
  }, heartbeatMs);
  /**
   * Touches the file that it has read, even if another file has its name by then. Returns false if the file belongs to
   * another attempt.
   */
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
