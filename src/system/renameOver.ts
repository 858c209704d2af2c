import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from './errors';

/** Increasing from 10 to 200 ms, about five seconds in total. */
const PAUSES_MS: readonly number[] = Array.from({ length: 29 }, (_, attempt) =>
  Math.min(10 * 2 ** attempt, 200),
);

/** The system-dependent parts of a rename. */
export interface RenameSystem {
  readonly platform: NodeJS.Platform;
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Delay before each retry in milliseconds. */
  readonly pausesMs: readonly number[];
}

/**
 * Renames a file or folder and replaces what has the new name.
 *
 * Windows refuses this while a program, such as an antivirus or OneDrive, has either of them open (nodejs/node#29481).
 * Such programs soon close it, so the rename is retried for some seconds.
 *
 * @throws the file system's error
 */
export async function renameOver(
  from: string,
  to: string,
  system: Partial<RenameSystem> = {},
): Promise<void> {
  const { platform = process.platform, rename: move = rename, pausesMs = PAUSES_MS } = system;
  for (let attempt = 0; ; attempt++) {
    try {
      return await move(from, to);
    } catch (error) {
      const pauseMs = pausesMs[attempt];
      const isOpen = platform === 'win32' && isSystemError(error, 'EPERM', 'EACCES', 'EBUSY');
      if (!isOpen || pauseMs === undefined) throw error;
      await delay(pauseMs);
    }
  }
}
