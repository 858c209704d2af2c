import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from './errors';

/** Growing from 10 to 200 ms, about five seconds in all. */
const PAUSES_MS: readonly number[] = Array.from({ length: 29 }, (_, attempt) =>
  Math.min(10 * 2 ** attempt, 200),
);

/** What a rename depends on that differs from system to system. */
export interface RenameSystem {
  readonly platform: NodeJS.Platform;
  readonly rename: (from: string, to: string) => Promise<void>;
  /** How long to wait before each further attempt, in milliseconds. */
  readonly pausesMs: readonly number[];
}

/**
 * Gives a file or folder another name, in place of what has it.
 *
 * Windows refuses that while a program, an antivirus or OneDrive for instance, has either of them open
 * (nodejs/node#29481). They close it soon, so the rename is tried again for some seconds.
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
