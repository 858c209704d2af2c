import { existsSync } from 'node:fs';
import { dirname, join, posix, win32 } from 'node:path';
import type { CommandRecipe } from '../recipe/commandRecipe';
import { ATTEMPT, RUN } from '../runs/lease/commandProcesses';
import { programInPath } from '../system/programInPath';
import { activatedEnvironment, pathKey, programFolders } from './python/activation';
import type { PythonChoice } from './python/choosing';
import { isOfPython, isPython } from './python/programName';

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
  readonly python: PythonChoice;
}

interface Surroundings {
  readonly workingDirectory: string;
  readonly python: PythonChoice;
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
  { workingDirectory, python, env, platform = process.platform, exists = existsSync }: Surroundings,
): ReadyCommand {
  const [word = '', ...args] = [...command, ...resume].map((each) => filled(each, places));
  const file = metrics.kind === 'json_lines' ? metrics.path : null;
  const variables = {
    ...(file !== null && { [METRICS]: join(places.runFolder, file) }),
    ...environment,
  };
  const own = commandEnvironment(variables, places, { workingDirectory, python, env, platform });
  const program =
    python.kind === 'python' && isPython(word)
      ? python.program
      : programPath(word, { workingDirectory, env: own, platform, exists });
  return { word, program, args, env: own, python };
}

function programPath(
  word: string,
  { workingDirectory, env, platform, exists }: Omit<Required<Surroundings>, 'python'>,
): string {
  const isWindows = platform === 'win32';
  const hasFolder = word.includes('/') || (isWindows && word.includes('\\'));
  if (hasFolder) {
    const path = (isWindows ? win32 : posix).resolve(workingDirectory, word);
    // Windows itself adds it, too.
    return isWindows && !exists(path) && exists(`${path}.exe`) ? `${path}.exe` : path;
  }
  return programInPath(word, { platform, path: env[pathKey(env, platform)] ?? '', exists });
}

/** Variables of the trainer's process that must not reach the command. */
const OURS = /^(?:ELECTRON_RUN_AS_NODE|NODE_CHANNEL_\w+|NODE_UNIQUE_ID|BAG_OF_TRICKS_(?!PYTHON$)\w+)$/;

function commandEnvironment(
  environment: CommandRecipe['environment'],
  places: Places,
  { python, env, platform = process.platform }: Surroundings,
): NodeJS.ProcessEnv {
  const isWindows = platform === 'win32';
  // Without it, Python on Windows writes to a pipe in the code page of the system, which lacks most characters.
  const ours = {
    PYTHONUNBUFFERED: '1',
    ...(isWindows && !env.PYTHONIOENCODING && { PYTHONIOENCODING: 'utf-8' }),
  };
  const own = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, filled(value, places)]),
  );
  const set: NodeJS.ProcessEnv = { ...ours, ...own };
  // Windows ignores the case of names.
  const folded = (name: string) => (isWindows ? name.toUpperCase() : name);
  const replaced = new Set(Object.keys(set).map(folded));
  const kept = Object.entries(env).filter(([name]) => !OURS.test(name) && !replaced.has(folded(name)));
  const all: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ...set };
  const activated = python.kind === 'python' ? activatedEnvironment(all, python, platform) : all;
  const path = pathKey(all, platform);
  // What the recipe sets itself counts, except that the environment's programs come first on its PATH.
  const again = Object.fromEntries(Object.entries(own).filter(([name]) => name !== path));
  return { ...activated, ...again, [RUN]: places.runFolder, [ATTEMPT]: `${places.attempt}` };
}

/** Returns a command's program if it belongs to Python by its name, but is not in the chosen environment. Null otherwise. */
export function programOutside(
  { word, program, python }: Pick<ReadyCommand, 'word' | 'program' | 'python'>,
  platform: NodeJS.Platform = process.platform,
): string | null {
  if (python.kind !== 'python' || !python.environment || !isOfPython(word)) return null;
  const folders = programFolders(python.environment, platform);
  return folders.includes(dirname(program)) ? null : program;
}
