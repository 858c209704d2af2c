import { existsSync } from 'node:fs';
import { posix, win32 } from 'node:path';

/** What finding a program depends on that differs from system to system. */
export interface SearchSystem {
  readonly platform: NodeJS.Platform;
  readonly path: string;
  readonly exists: (file: string) => boolean;
}

/**
 * A program by its full path, from the folders of PATH; a path that leads nowhere where none has it. Windows would look in the working
 * folder first, and what lies in a workspace would run; a folder of PATH that is named from there is left out too.
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
  // A name that is no file: it fails to start, and finds nothing in the working folder.
  return found ?? (isWindows ? win32.join('C:\\', 'nowhere', file) : posix.join('/nowhere', file));
}
