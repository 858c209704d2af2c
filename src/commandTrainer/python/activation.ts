import { posix, win32 } from 'node:path';
import type { PythonChoice } from './choosing';

type ChosenPython = Extract<PythonChoice, { kind: 'python' }>;

/**
 * Returns an environment in which a Python is activated: its programs come first on PATH, and the variables are those
 * that its own activation sets. Another environment is deactivated. Conda's activation scripts do not run.
 */
export function activatedEnvironment(
  env: NodeJS.ProcessEnv,
  { source, program, environment }: ChosenPython,
  platform: NodeJS.Platform = process.platform,
): NodeJS.ProcessEnv {
  if (source === 'path') return env;
  const { dirname, delimiter } = platform === 'win32' ? win32 : posix;
  const key = pathKey(env, platform);
  const before = (env[key] ?? '').split(delimiter).filter(Boolean);
  const own = environment ? programFolders(environment, platform) : [dirname(program)];
  const isActive = source === 'activated' || source === 'base';
  if (isActive && before.includes(own[0] ?? '')) return env;
  const { VIRTUAL_ENV, VIRTUAL_ENV_PROMPT, CONDA_PREFIX, CONDA_DEFAULT_ENV, PYTHONHOME, ...others } = env;
  const left = new Set([
    ...own,
    ...(VIRTUAL_ENV ? programFolders({ kind: 'venv', folder: VIRTUAL_ENV }, platform) : []),
    ...(CONDA_PREFIX ? programFolders({ kind: 'conda', folder: CONDA_PREFIX }, platform) : []),
  ]);
  const path = [...own, ...before.filter((folder) => !left.has(folder))].join(delimiter);
  return { ...others, ...variablesOf(environment), [key]: path };
}

function variablesOf(environment: ChosenPython['environment']): NodeJS.ProcessEnv {
  switch (environment?.kind) {
    case 'venv':
      return { VIRTUAL_ENV: environment.folder };
    case 'conda':
      return { CONDA_PREFIX: environment.folder, CONDA_DEFAULT_ENV: environment.name };
    case undefined:
      return {};
  }
}

/** The folders with an environment's programs and libraries, in the order of its activation. */
export function programFolders(
  { kind, folder }: Pick<NonNullable<ChosenPython['environment']>, 'kind' | 'folder'>,
  platform: NodeJS.Platform,
): string[] {
  if (platform !== 'win32') return [posix.join(folder, 'bin')];
  const names =
    kind === 'venv'
      ? ['Scripts']
      : ['', 'Library\\mingw-w64\\bin', 'Library\\usr\\bin', 'Library\\bin', 'Scripts', 'bin'];
  return names.map((name) => (name === '' ? folder : win32.join(folder, name)));
}

/** The name of PATH in an environment. On Windows it is often written Path. */
export function pathKey(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const isPath = (name: string) => (platform === 'win32' ? name.toUpperCase() === 'PATH' : name === 'PATH');
  return Object.keys(env).find(isPath) ?? 'PATH';
}
