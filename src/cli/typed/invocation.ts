/** Finds out how a person starts this program. */
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { quoted } from '../../system/allowedFolders';
import { isSamePath } from '../../system/samePath';

/** The name that the program is installed with. */
export const NAME = 'tricks';

/** What decides how this program is started. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The working directory. Null if it was deleted. */
  readonly cwd: string | null;
  /** The real path of this program's file. */
  readonly program: string;
  /** Returns the real path of a file that can be executed. Null if there is no such file. */
  readonly executable: (path: string) => string | null;
  /** Returns the text of a file. Empty if it cannot be read. */
  readonly textOf: (path: string) => string;
}

/**
 * Returns how a person starts this program: `tricks` if the shell finds it under that name, otherwise `node` with the
 * path of its file. The path is relative to the working directory if that is shorter and at most one folder up.
 */
export function invocation(here: Surroundings): string {
  return leadsHere(here) ? NAME : `node ${quoted(shownProgram(here), here.platform)}`;
}

/** Whether the first `tricks` in the folders of PATH is this program. */
function leadsHere({ env, platform, cwd, program, executable, textOf }: Surroundings): boolean {
  const isWindows = platform === 'win32';
  const { delimiter, dirname, join, resolve } = isWindows ? win32 : posix;
  // Windows has no executable files without one of these endings. Links are possible, as in Git Bash.
  const names = isWindows ? ['.com', '.exe', '.bat', '.cmd', ''].map((ending) => NAME + ending) : [NAME];
  // In PATH, an empty folder is the working directory.
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter).map((folder) => folder.replaceAll('"', ''));
  for (const folder of folders) {
    if (cwd === null && !(isWindows ? win32 : posix).isAbsolute(folder)) continue;
    for (const name of names) {
      const path = join(resolve(cwd ?? '', folder), name);
      const real = executable(path);
      if (real === null) continue;
      if (!name.endsWith('.cmd')) return isSamePath(real, program, platform);
      // Package managers start the program with a script that names its file relative to the script's folder.
      const [, target] = /"%(?:~dp0|dp0%)\\?([^"\r\n]*\.js)"/i.exec(textOf(path)) ?? [];
      const started = target === undefined ? null : executable(join(dirname(path), target));
      return started !== null && isSamePath(started, program, platform);
    }
  }
  return false;
}

function shownProgram({ cwd, program, platform }: Surroundings): string {
  const isWindows = platform === 'win32';
  const fromHere = cwd === null ? program : (isWindows ? win32 : posix).relative(cwd, program);
  const isNear = !/^\.\.[\\/]\.\.[\\/]/.test(fromHere);
  const path = isNear && fromHere.length < program.length ? fromHere : program;
  // Node would take it for an option.
  const safe = path.startsWith('-') ? `./${path}` : path;
  // Every shell on Windows takes slashes. Git Bash would interpret backslashes.
  return isWindows ? safe.replaceAll('\\', '/') : safe;
}

/** The surroundings of this process. */
export function surroundings(): Surroundings {
  return {
    env: process.env,
    platform: process.platform,
    cwd: workingDirectory(),
    program: realPath(__filename) ?? __filename,
    executable: (path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile() ? realPath(path) : null;
      } catch {
        return null;
      }
    },
    textOf: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    },
  };
}

function workingDirectory(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
