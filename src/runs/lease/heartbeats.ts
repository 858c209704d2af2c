import { open } from 'node:fs/promises';

/** How long a heartbeat stands still before its holder counts as gone. */
const STILL_MS = 30_000;

/**
 * A part of that, which one wait between two looks counts for at most. A machine that slept between them has seen
 * nothing meanwhile, and the holder may have slept too.
 */
const LONGEST_GAP = 1 / 6;

/** What is known of a holder by its heartbeat alone: `unknown` is one that has neither moved nor stood still for long. */
export type Liveness = 'held' | 'gone' | 'unknown';

interface Seen {
  timeMs: number;
  /** By the looker's clock. */
  at: number;
  stillMs: number;
  hasMoved: boolean;
}

/**
 * Judges heartbeats, the times of change of files, by watching them move or stand still on this process's own
 * monotonic clock. What a file's time says is never compared with a clock: machines disagree about it.
 */
export class HeartbeatWatch {
  readonly #seen = new Map<string, Seen>();

  constructor(
    readonly stillMs = STILL_MS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** What the looks so far say, this one included. One look alone says 'unknown', or 'gone' where there is no file. */
  async look(path: string): Promise<Liveness> {
    const timeMs = await changeTime(path);
    if (timeMs === null) return 'gone';
    const at = this.now();
    const seen = this.#seen.get(path);
    if (!seen) {
      this.#seen.set(path, { timeMs, at, stillMs: 0, hasMoved: false });
      return 'unknown';
    }
    if (seen.timeMs === timeMs) {
      seen.stillMs += Math.min(at - seen.at, this.stillMs * LONGEST_GAP);
    } else {
      Object.assign(seen, { timeMs, stillMs: 0, hasMoved: true });
    }
    seen.at = at;
    if (seen.stillMs >= this.stillMs) return 'gone';
    return seen.hasMoved ? 'held' : 'unknown';
  }
}

/** The watch of this process: who looks at one heartbeat from several places sees more of it. */
export const heartbeats = new HeartbeatWatch();

/** Null for a file that is not there. It is opened, since network file systems ask their server then. */
async function changeTime(path: string): Promise<number | null> {
  try {
    const file = await open(path);
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
