import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';
import { PYTHON, PYTHON_SELECTED, PYTHON_SETTING } from '../../protocol/trainer';
import { programInPath } from '../../system/programInPath';
import { pathKey } from './activation';
import {
  type ChoosingResult,
  choosePython,
  type FoundPython,
  type PythonCandidate,
  type PythonEnvironment,
  type PythonSource,
} from './choosing';
import { launcherOf } from './launchers';
import { isPython, pythonNames } from './programName';

/** Where a command's Python is looked for. */
export interface PythonPlaces {
  readonly workingDirectory: string;
  /** The folder with the store, where a relative path in the setting starts. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  /** Whether a file on PATH exists. */
  readonly exists?: (file: string) => boolean;
}

/** Finds the Python for a command: the one that a person named, else that of an environment, else the one on PATH. */
export function findPython(command: readonly string[], places: PythonPlaces): ChoosingResult {
  const words = launcherOf(command);
  if (words !== null) return { ok: true, choice: { kind: 'launcher', words } };
  const { env, platform = process.platform, exists = existsSync } = places;
  const word = isPython(command[0] ?? '') ? (command[0] ?? '') : platform === 'win32' ? 'python' : 'python3';
  const path = env[pathKey(env, platform)] ?? '';
  const inPath = pythonNames(word, platform)
    .map((name) => programInPath(name, { platform, path, exists }))
    .find(exists);
  return choosePython([
    ...placesToLook(places).map(
      ([source, path]): PythonCandidate => ({ source, path, found: inspect(source, path, places) }),
    ),
    ...(inPath !== undefined
      ? [
          {
            source: 'path',
            path: inPath,
            found: { outcome: 'python', program: inPath, environment: null },
          } as const,
        ]
      : []),
  ]);
}

/** The paths that may be a Python or an environment, in the order in which they count. */
export function placesToLook({
  workingDirectory,
  env,
  platform = process.platform,
}: Omit<PythonPlaces, 'root'>): (readonly [PythonSource, string])[] {
  const { join } = platform === 'win32' ? win32 : posix;
  const isBase = env.CONDA_DEFAULT_ENV === 'base';
  const places: (readonly [PythonSource, string | undefined])[] = [
    ['setting', env[PYTHON_SETTING]],
    ['variable', env[PYTHON]],
    ['selected', env[PYTHON_SELECTED]],
    ['activated', env.VIRTUAL_ENV],
    ['activated', isBase ? undefined : env.CONDA_PREFIX],
    ['folder', join(workingDirectory, '.venv')],
    ['folder', join(workingDirectory, 'venv')],
    ['base', isBase ? env.CONDA_PREFIX : undefined],
  ];
  return places.flatMap(([source, path]) => (path ? [[source, path] as const] : []));
}

function inspect(
  source: PythonSource,
  written: string,
  { root, env, platform = process.platform }: PythonPlaces,
): FoundPython {
  const { isAbsolute, resolve, join } = platform === 'win32' ? win32 : posix;
  const path = /^~(?:[\\/]|$)/.test(written) ? join(homedir(), written.slice(1)) : written;
  if (isAbsolute(path)) return inspectPython(path, platform);
  // A name alone is a program on PATH, unless the folder has a file of that name.
  if (source === 'setting') {
    const found = inspectPython(resolve(root, path), platform);
    if (found.outcome !== 'missing' || /[\\/]/.test(path)) return found;
  }
  return /[\\/]/.test(path)
    ? { outcome: 'relative' }
    : inspectPython(findProgram(path, env, platform), platform);
}

function findProgram(name: string, env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const file = platform === 'win32' ? name.replace(/\.exe$/i, '') : name;
  return programInPath(file, { platform, path: env[pathKey(env, platform)] ?? '' });
}

/** Where the interpreter may be in the folder of an environment, or in the folder of its programs. */
const INTERPRETERS = {
  posix: ['bin/python', 'bin/python3', 'python', 'python3'],
  win32: ['Scripts\\python.exe', 'python.exe'],
};

/** Says what is at an absolute path: a Python, the folder of an environment, or neither. */
export function inspectPython(path: string, platform: NodeJS.Platform = process.platform): FoundPython {
  const { join } = platform === 'win32' ? win32 : posix;
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder === undefined) return { outcome: 'missing' };
  if (!isFolder) return pythonAt(path, platform);
  const names = platform === 'win32' ? INTERPRETERS.win32 : INTERPRETERS.posix;
  const program = names.map((name) => join(path, name)).find((each) => isFile(each));
  return program === undefined ? { outcome: 'no_python' } : pythonAt(program, platform);
}

/** The links of a Python are not followed: a virtual environment links to the Python that made it. */
function pythonAt(program: string, platform: NodeJS.Platform): FoundPython {
  const { dirname } = platform === 'win32' ? win32 : posix;
  const [inner, outer] = [dirname(program), dirname(dirname(program))];
  const environment = environmentAt(outer, platform) ?? environmentAt(inner, platform);
  return { outcome: 'python', program, environment };
}

function environmentAt(folder: string, platform: NodeJS.Platform): PythonEnvironment | null {
  const { join, dirname, basename } = platform === 'win32' ? win32 : posix;
  if (isFile(join(folder, 'pyvenv.cfg'))) return { kind: 'venv', folder, name: folder };
  if (!existsSync(join(folder, 'conda-meta'))) return null;
  const isBase = existsSync(join(folder, 'condabin'));
  const name = isBase ? 'base' : basename(dirname(folder)) === 'envs' ? basename(folder) : folder;
  return { kind: 'conda', folder, name };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
