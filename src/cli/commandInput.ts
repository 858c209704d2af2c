/** Reads experiments that a command may train. */
import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { isCommandDocument } from '../experiment/command/read';
import { parseDocument } from '../experiment/text/document';
import { readAnyExperiment } from '../interop/command/parse';
import { MAX_LENGTH, type ReadText } from '../interop/import/adapter';
import { FILES_OUTSIDE } from '../protocol/trainer';
import type { AnyRecipe } from '../recipe/anyRecipe';
import type { CommandRecipe } from '../recipe/commandRecipe';
import {
  assertWorkingDirectoryAllowed,
  type CommandPlaces,
  workingDirectoryToAllow,
} from '../runs/commandRun';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { allowFolder } from '../system/allowedFolders';
import { textInside } from '../system/textInside';
import { confirm } from './confirm';
import { allowFolders } from './dataAccess';
import { experimentOf, problemLines, type ReadOptions, readText } from './input';
import { rootOf } from './options';
import type { Terminal } from './terminal';

/** An experiment file that can be trained, by our own trainer or by a command. */
export interface ReadTraining {
  /** The text of the file as written. */
  readonly text: string;
  readonly recipe: AnyRecipe;
  readonly warnings: readonly string[];
}

/**
 * Reads an experiment file, before its training by default. If the file has problems, prints one line for each, in
 * compiler style, and returns null.
 *
 * @throws UserError if the file cannot be read, if its images cannot be used or may not be read, or if its command may
 *   not run in its working directory
 * @throws Interrupted
 */
export async function readTraining(
  terminal: Terminal,
  file: string,
  options: ReadOptions,
): Promise<ReadTraining | null> {
  const text = await readText(file);
  const document = parseDocument(text, file);
  if (!isCommandDocument(document, options.overrides)) {
    return experimentOf(terminal, file, text, { isTrained: true, ...options });
  }
  const places = { root: await rootOf(terminal, options), folder: dirname(resolve(file)) };
  await allowFolders(options);
  const parsed = readAnyExperiment(document, options.overrides, {
    fileName: resolve(file),
    readText: filesOfCommand(places.root),
  });
  if (!parsed.ok) {
    for (const line of problemLines(file, parsed.problems)) terminal.note(line);
    return null;
  }
  const { isTrained = true } = options;
  if (parsed.kind === 'command' && isTrained) await ensureDirectory(terminal, parsed.recipe, places);
  return { text, recipe: parsed.recipe, warnings: problemLines(file, parsed.warnings) };
}

/**
 * Asserts that an experiment file is not one that a command trains.
 *
 * @throws UserError with `failure` if it is, or if the file cannot be read
 */
export async function assertNoCommand(
  file: string,
  overrides: readonly string[],
  failure: Failure,
): Promise<void> {
  const document = parseDocument(await readText(file), file);
  if (isCommandDocument(document, overrides)) throw new UserError(failure);
}

/** Returns a reader of the files that a command names, such as a config. They must be inside of a folder. */
export function filesOfCommand(root: string): ReadText {
  // A UTF-16 code unit takes at most 3 bytes.
  return (path) => textInside(path, root, 3 * MAX_LENGTH);
}

/**
 * Makes sure that a command may run in its working directory. Asks if there is a person at a terminal.
 *
 * @throws UserError if it may not
 */
async function ensureDirectory(
  terminal: Terminal,
  recipe: CommandRecipe,
  places: CommandPlaces,
): Promise<void> {
  const folder = process.env[FILES_OUTSIDE] ? null : await workingDirectoryToAllow(recipe, places);
  if (folder === null) return;
  const question = l10n.t('{0} is outside {1}. Allow commands to run there?', folder, places.root);
  if (await confirm(terminal, question)) await allowFolder(folder);
  await assertWorkingDirectoryAllowed(recipe, places);
}
