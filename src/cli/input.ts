import { dirname, relative, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertUsable, type DataReport } from '../datasets/index/datasetIndex';
import { factsLookup, indexLookup } from '../datasets/index/store';
import { type ParseResult, parseExperiment } from '../experiment/parse';
import { formatProblem, type Problem } from '../experiment/problem';
import type { Experiment } from '../experiment/schema';
import type { Purpose } from '../experiment/validate';
import { readForeign } from '../interop/import/adapters';
import { isOwnDataset, type OwnDatasetRequest } from '../recipe/datasets';
import type { Recipe } from '../recipe/recipe';
import { listRuns, type RunEntry } from '../runs/store';
import { newerFailure } from '../runs/trainable';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { UserError } from '../shared/userError';
import { readUtf8, type Utf8Reading } from '../shared/utf8';
import { quoted } from '../system/allowedFolders';
import { isSystemError } from '../system/errors';
import { readRegular } from '../system/regularFiles';
import { type AllowOption, allowFolders, type DataPlace, ensureAllowed, indexData } from './dataAccess';
import { type FolderOption, rootOf } from './options';
import { commandsAt } from './output';
import type { Terminal } from './terminal';

/** How a command that reads an experiment may access the images that it names. */
export interface ReadOptions extends FolderOption, AllowOption {
  readonly overrides?: readonly string[];
  readonly purpose?: Purpose;
  /** Whether training follows, so that unusable images are found now. */
  readonly isTrained?: boolean;
}

/** An experiment file that can be trained. */
export interface ReadExperiment {
  /** The text of the file as written. */
  readonly text: string;
  readonly experiment: Experiment;
  readonly recipe: Recipe;
  readonly warnings: readonly string[];
}

/**
 * Reads an experiment file. `overrides` are `key=value` pairs, applied before validation. Indexes the user's own
 * images: always before training, otherwise only if there is no index yet and the purpose needs one. If the file has
 * problems, prints one line for each, in compiler style, and returns null.
 *
 * @throws UserError if the file cannot be read, or if its images cannot be used or may not be read
 * @throws Interrupted
 */
export async function readExperiment(
  terminal: Terminal,
  file: string,
  options: ReadOptions = {},
): Promise<ReadExperiment | null> {
  return experimentOf(terminal, file, await readText(file), options);
}

/** Like `readExperiment`, of a file whose text is known. */
export async function experimentOf(
  terminal: Terminal,
  file: string,
  text: string,
  options: ReadOptions,
): Promise<ReadExperiment | null> {
  const { overrides = [], purpose = 'train', isTrained = false } = options;
  assertOurs(text, file);
  const place = { root: await rootOf(terminal, options), folder: dirname(resolve(file)) };
  await allowFolders(options);
  const parse = () => parseExperiment(text, file, overrides, purpose, factsLookup(place.root, place.folder));
  let parsed = parse();
  let dataWarnings: readonly string[] = [];
  const request = parsed.ok ? ownSource(parsed.recipe) : requestOf(parsed);
  // Before training, index again even if there is an index: the images may have changed.
  if (request && (isTrained || !parsed.ok)) {
    await ensureAllowed(terminal, request, place);
    const { report } = await indexData(terminal, request, place);
    dataWarnings = warningsOf(report);
    parsed = parse();
  }
  if (parsed.ok) {
    if (isTrained) assertTrainable(parsed.recipe, place);
    return {
      text,
      experiment: parsed.experiment,
      recipe: parsed.recipe,
      warnings: [...dataWarnings, ...problemLines(file, parsed.warnings)],
    };
  }
  for (const line of problemLines(file, parsed.problems)) terminal.note(line);
  return null;
}

/**
 * Asserts that a file is none of another system, such as timm's args.yaml, whose keys would all be errors.
 *
 * @throws UserError
 */
function assertOurs(text: string, file: string): void {
  if (/\.experiment\.\w+$/.test(file)) return;
  const foreign = readForeign(text, file);
  if (!foreign) return;
  throw new UserError({
    what: l10n.t('{0} is a file of {1}, not an experiment.', shownPath(file), foreign.adapter.system),
    remedy: l10n.t('Write an experiment that runs its command: {0}', `tricks new --from ${quoted(file)}`),
  });
}

/** Formats the problems of a file, one per line, in compiler style. */
export function problemLines(file: string, problems: readonly Problem[]): string[] {
  return problems.map((problem) => formatProblem(shownPath(file), problem));
}

/** The request for the images, if a missing index is all that is wrong with an experiment. */
function requestOf({
  problems,
  unindexed,
}: Extract<ParseResult, { ok: false }>): OwnDatasetRequest | undefined {
  return problems.length === 0 ? unindexed?.request : undefined;
}

/** Warnings to show before training. Leaves out ignored files, such as text files next to the images. */
function warningsOf({ problems }: DataReport): string[] {
  return problems
    .filter(({ severity, kind }) => severity === 'warning' && kind !== 'ignored')
    .map(({ what, where: [first], count }) => {
      const isNamed = first === undefined || what.includes(first);
      const place = isNamed ? '' : count > 1 ? l10n.t('{0} and others', first) : first;
      return `${l10n.t('warning')}: ${place === '' ? what : `${what} ${place}`}`;
    });
}

/** The user's own data set that a recipe trains on, if any. */
function ownSource({ data: { source } }: Recipe): OwnDatasetRequest | undefined {
  return isOwnDataset(source) ? source : undefined;
}

/** @throws UserError if a recipe's images cannot be used */
function assertTrainable(recipe: Recipe, { root, folder }: DataPlace): void {
  const source = ownSource(recipe);
  const index = source && indexLookup(root, source, folder);
  if (index) assertUsable(index, recipe.data.images?.onBadImage ?? 'fail');
}

/**
 * Reads the recipe of an experiment file and prints its warnings. If the file has problems, prints them and returns
 * null.
 *
 * @throws as `readExperiment`
 */
export async function readRecipe(
  terminal: Terminal,
  file: string,
  options: ReadOptions = {},
): Promise<Recipe | null> {
  const experiment = await readExperiment(terminal, file, options);
  for (const warning of experiment?.warnings ?? []) terminal.note(warning);
  return experiment?.recipe ?? null;
}

/** A path as a person would write it: relative, unless that is longer. */
export function shownPath(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere.length < file.length ? fromHere : file;
}

/** A larger file cannot be an experiment. Above 1 MiB, the parser reports the size. */
const MAX_EXPERIMENT_BYTES = 1 << 26;

/**
 * Reads the text of an experiment file.
 *
 * @throws UserError
 */
export async function readText(file: string): Promise<string> {
  try {
    const reading = readUtf8(await readRegular(file, null, MAX_EXPERIMENT_BYTES));
    if (reading.ok) return reading.text;
    throw new UserError(encodingFailure(file, reading));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
      throw new UserError({
        what: l10n.t('{0} does not exist.', file),
        remedy: l10n.t('Check the path. It is relative to {0}.', process.cwd()),
      });
    }
    if (isSystemError(error, 'EISDIR')) {
      throw new UserError({
        what: l10n.t('{0} is a folder.', file),
        remedy: l10n.t('Specify an experiment file, such as {0}.', 'fashion-mnist.experiment.yaml'),
      });
    }
    throw new UserError({
      what: l10n.t('{0} cannot be read: {1}', file, messageOf(error)),
      remedy: l10n.t('Check that you have permission to read it.'),
    });
  }
}

/** The failure for a file that is not UTF-8. */
function encodingFailure(file: string, reading: Extract<Utf8Reading, { ok: false }>): Failure {
  const remedy = l10n.t('Save it as UTF-8.');
  if (reading.why === 'utf16') return { what: l10n.t('{0} is UTF-16.', file), remedy };
  const byte = `0x${reading.byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return { what: l10n.t('{0} is not UTF-8: byte {1} on line {2}.', file, byte, reading.line), remedy };
}

/**
 * Finds a run by its id, by a unique prefix of its id, or as `last`.
 * @throws UserError if there is no match or more than one, or if the name is empty (such as an unset shell variable)
 */
export async function findRun(root: string, reference: string): Promise<RunEntry> {
  if (reference.trim() === '') {
    throw new UserError({
      what: l10n.t('The name of the run is empty.'),
      remedy: l10n.t("Specify a run id, an id prefix, or 'last'. List the runs: {0}", 'tricks runs'),
    });
  }
  const command = await commandsAt(root);
  const runs = await listRuns(root);
  const exact = reference === 'last' ? runs[0] : runs.find(({ id }) => id === reference);
  if (exact) return exact;
  const matches = runs.filter(({ id }) => id.startsWith(reference));
  const [match] = matches;
  if (match && matches.length === 1) return match;
  throw new UserError({
    what: match
      ? l10n.t('{0} runs begin with {1}: {2}', matches.length, reference, idsOf(matches))
      : l10n.t('There is no run {0} in {1}.', reference, root),
    remedy:
      runs.length > 0
        ? l10n.t('List the runs: {0}', command('tricks runs'))
        : l10n.t('There are no runs here yet. Run an experiment: {0}', command('tricks run FILE')),
  });
}

/** The failure for a broken run folder. */
export function brokenRunFailure(run: Extract<RunEntry, { kind: 'broken' }>): Failure {
  const { id, folder, reason, isNewer } = run;
  if (isNewer) return newerFailure(id, reason);
  return {
    what: l10n.t('The run {0} cannot be read. {1}', id, reason),
    remedy: l10n.t('Restore its run.json, or delete {0}.', folder),
  };
}

function idsOf(runs: readonly RunEntry[]): string {
  const shown = runs.slice(0, 5).map(({ id }) => id);
  return runs.length > shown.length ? `${shown.join(', ')}, ...` : shown.join(', ');
}
