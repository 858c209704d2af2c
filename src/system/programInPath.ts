import { existsSync } from 'node:fs';
import { posix, win32 } from 'node:path';

/** The system-dependent parts of a program search. */
export interface SearchSystem {
  readonly platform: NodeJS.Platform;
  readonly path: string;
  readonly exists: (file: string) => boolean;
}

/**
 * Finds a program's full path in the folders of PATH. If there is none, returns a path that does not exist. Windows
 * would search the working directory first, so a program in a workspace would run. Relative folders of PATH are skipped
 * for the same reason.
 */
export function programInPath(name: string, system: Partial<SearchSystem> = {}): string {
  const { platform = process.platform, path = process.env.PATH ?? '', exists = existsSync } = system;
  const isWindows = platform === 'win32';
  const { delimiter, isAbsolute, join } = isWindows ? win32 : posix;
  const file = isWindows ? `${name}.exe` : name;
  const found = path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, file))
    .find((each) => exists(each));
  // A path to no file: it fails to start, and cannot match anything in the working directory.
  return found ?? (isWindows ? win32.join('C:\\', 'nowhere', file) : posix.join('/nowhere', file));
}
