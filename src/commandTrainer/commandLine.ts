import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, win32 } from 'node:path';
import type { CommandRecipe } from '../recipe/commandRecipe';
import { programInPath } from '../system/programInPath';

/** The variable with the path of the Python that a person selected. */
export const PYTHON = 'BAG_OF_TRICKS_PYTHON';

/** The variables that mark the processes of a command: with its run's folder, and the number of the attempt. */
export const RUN = 'BAG_OF_TRICKS_RUN';
export const ATTEMPT = 'BAG_OF_TRICKS_ATTEMPT';

/** The variable with the file that python/tricks_log.py writes to. */
const METRICS = 'BAG_OF_TRICKS_METRICS';

/** The values of the placeholders in a command. */
export interface Places {
  readonly runFolder: string;
  readonly attempt: number;
  /** Null if unknown. Its placeholder then stays. */
  readonly checkpoint: string | null;
}

/** Fills in the placeholders `${run.folder}` and `${checkpoint}`. Others stay, because they may be the command's own. */
export function filled(
  word: string,
  { runFolder, checkpoint }: Pick<Places, 'runFolder' | 'checkpoint'>,
): string {
  return word.replace(/\$\{(run\.folder|checkpoint)\}/g, (placeholder, name) =>
    name === 'run.folder' ? runFolder : (checkpoint ?? placeholder),
  );
}

/** A command that can be started. */
export interface ReadyCommand {
  /** The first word, as in the recipe. */
  readonly word: string;
  /** The path of the program. It may not exist. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

interface Surroundings {
  readonly workingDirectory: string;
  /** The environment of this process. */
  readonly env: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  readonly exists?: (file: string) => boolean;
}

/**
 * Prepares a recipe's command, without a shell: every word is one argument, whatever is in it.
 *
 * @param resume the arguments that resume from the checkpoint, or none
 */
export function readyCommand(
  { command, environment, metrics }: CommandRecipe,
  resume: readonly string[],
  places: Places,
  { workingDirectory, env, platform = process.platform, exists = existsSync }: Surroundings,
): ReadyCommand {
  const [word = '', ...args] = [...command, ...resume].map((each) => filled(each, places));
  // A relative one would depend on the working directory, which may be anybody's.
  const python = isAbsolute(env[PYTHON] ?? '') ? (env[PYTHON] ?? null) : null;
  const file = metrics.kind === 'json_lines' ? metrics.path : null;
  const variables = {
    ...(file !== null && { [METRICS]: join(places.runFolder, file) }),
    ...environment,
  };
  const own = commandEnvironment(variables, places, python, { workingDirectory, env, platform });
  const program =
    python !== null && isPython(word)
      ? python
      : programPath(word, { workingDirectory, env: own, platform, exists });
  return { word, program, args, env: own };
}

/** Whether a program is Python by its name: python, python3 and so on. */
export function isPython(word: string): boolean {
  return /^python(?:3(?:\.\d+)?)?(?:\.exe)?$/i.test(word);
}

function programPath(
  word: string,
  { workingDirectory, env, platform, exists }: Required<Surroundings>,
): string {
  const isWindows = platform === 'win32';
  const hasFolder = word.includes('/') || (isWindows && word.includes('\\'));
  if (hasFolder) {
    const path = (isWindows ? win32 : posix).resolve(workingDirectory, word);
    // Windows itself adds it, too.
    return isWindows && !exists(path) && exists(`${path}.exe`) ? `${path}.exe` : path;
  }
  const path = env[pathKey(env, platform)] ?? '';
  const found = namesOf(word, platform).map((name) => programInPath(name, { platform, path, exists }));
  return found.find(exists) ?? found[0] ?? word;
}

/**
 * Returns the names that a program may have, the written one first. Windows has no python3 in most installations and
 * environments, and a Python that is not on PATH has a launcher there. Debian has no python.
 */
function namesOf(word: string, platform: NodeJS.Platform): readonly string[] {
  if (platform !== 'win32') return word === 'python' ? [word, 'python3'] : [word];
  const name = word.replace(/\.exe$/i, '');
  return /^python3?$/i.test(name) ? [name, ...(/3$/.test(name) ? ['python'] : []), 'py'] : [name];
}

/** Variables of the trainer's process that must not reach the command. */
const OURS = /^(?:ELECTRON_RUN_AS_NODE|NODE_CHANNEL_\w+|NODE_UNIQUE_ID|BAG_OF_TRICKS_(?!PYTHON$)\w+)$/;

function commandEnvironment(
  environment: CommandRecipe['environment'],
  places: Places,
  python: string | null,
  { env, platform = process.platform }: Surroundings,
): NodeJS.ProcessEnv {
  const isWindows = platform === 'win32';
  // Without it, Python on Windows writes to a pipe in the code page of the system, which lacks most characters.
  const ours = {
    PYTHONUNBUFFERED: '1',
    ...(isWindows && !env.PYTHONIOENCODING && { PYTHONIOENCODING: 'utf-8' }),
  };
  const own = Object.entries(environment).map(([name, value]) => [name, filled(value, places)]);
  const set: NodeJS.ProcessEnv = { ...ours, ...Object.fromEntries(own) };
  // Windows ignores the case of names.
  const folded = (name: string) => (isWindows ? name.toUpperCase() : name);
  const replaced = new Set(Object.keys(set).map(folded));
  const kept = Object.entries(env).filter(([name]) => !OURS.test(name) && !replaced.has(folded(name)));
  const all: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ...set };
  if (python !== null) {
    const key = pathKey(all, platform);
    const { delimiter } = platform === 'win32' ? win32 : posix;
    all[key] = [dirname(python), all[key]].filter(Boolean).join(delimiter);
  }
  return { ...all, [RUN]: places.runFolder, [ATTEMPT]: `${places.attempt}` };
}

/** The name of PATH in an environment. On Windows it is often written Path. */
function pathKey(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const isPath = (name: string) => (platform === 'win32' ? name.toUpperCase() === 'PATH' : name === 'PATH');
  return Object.keys(env).find(isPath) ?? 'PATH';
}
