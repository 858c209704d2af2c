import { open } from 'node:fs/promises';

/** How long a heartbeat must stand still before its holder counts as gone. */
const STILL_MS = 30_000;

/**
 * The largest fraction of that time that one interval between two looks counts for. If this machine slept in between,
 * it observed nothing, and the holder may have slept too.
 */
const LONGEST_GAP = 1 / 6;

/**
 * What a heartbeat alone says about its holder. `unknown` means that it has neither moved nor stood still long enough.
 */
export type Liveness = 'held' | 'gone' | 'unknown';

interface Seen {
  timeMs: number;
  /** On the observer's clock. */
  at: number;
  stillMs: number;
  hasMoved: boolean;
}

/**
 * Judges heartbeats, which are file modification times, by watching whether they move on this process's own monotonic
 * clock. Never compares a file's time with a clock, because machines disagree about the time.
 */
export class HeartbeatWatch {
  readonly #seen = new Map<string, Seen>();

  constructor(
    readonly stillMs = STILL_MS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The verdict of all looks so far, including this one. A single look yields 'unknown', or 'gone' if there is no file.
   */
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

/** The watch of this process, shared so that all its users see each other's looks at a heartbeat. */
export const heartbeats = new HeartbeatWatch();

/** Null if the file is missing. Opens the file, because that makes network file systems ask their server. */
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
