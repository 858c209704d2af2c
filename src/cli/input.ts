import { dirname, relative, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertUsable, type DataReport } from '../datasets/index/datasetIndex';
import { factsLookup, indexLookup } from '../datasets/index/store';
import { parseExperiment } from '../experiment/parse';
import { formatProblem, type Problem } from '../experiment/problem';
import type { Experiment } from '../experiment/schema';
import type { Purpose } from '../experiment/validate';
import { isOwnDataset, type OwnDatasetRequest } from '../recipe/datasets';
import type { Recipe } from '../recipe/recipe';
import { listRuns, type RunEntry } from '../runs/store';
import { newerFailure } from '../runs/trainable';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { readRegular } from '../system/regularFiles';
import { type AllowOption, allowFolders, type DataPlace, ensureAllowed, indexData } from './dataAccess';
import { type FolderOption, rootOf } from './options';
import type { Terminal } from './terminal';

/** What a command that reads an experiment may do about the images that it names. */
export interface ReadOptions extends FolderOption, AllowOption {
  readonly overrides?: readonly string[];
  readonly purpose?: Purpose;
  /** The experiment is trained next: images that cannot be are found out now. */
  readonly isTrained?: boolean;
}

/** An experiment file that can be trained. */
export interface ReadExperiment {
  /** As written. */
  readonly text: string;
  readonly experiment: Experiment;
  readonly recipe: Recipe;
  readonly warnings: readonly string[];
}

/**
 * Reads an experiment file; `overrides` are `key=value`, set in it before it is checked. A person's own images are
 * indexed: of an experiment that is trained always, else if they have not been and it is not only inspected. Where the file has problems, notes each on a line, as
 * compilers print them, and returns null.
 *
 * @throws UserError where the file cannot be read, or the images that it names may not be or cannot be used;
 *   Interrupted
 */
export async function readExperiment(
  terminal: Terminal,
  file: string,
  options: ReadOptions = {},
): Promise<ReadExperiment | null> {
  const { overrides = [], purpose = 'train', isTrained = false } = options;
  const text = await readText(file);
  const place = { root: await rootOf(terminal, options), folder: dirname(resolve(file)) };
  await allowFolders(options);
  const parse = () => parseExperiment(text, file, overrides, purpose, factsLookup(place.root, place.folder));
  let parsed = parse();
  let dataWarnings: readonly string[] = [];
  const request = parsed.ok ? ownSource(parsed.recipe) : parsed.unindexed?.request;
  // Of a training also where an index is there: the images may have changed since.
  if (request && (isTrained || !parsed.ok)) {
    await ensureAllowed(terminal, request, place);
    const { report } = await indexData(terminal, request, place);
    dataWarnings = warningsOf(report);
    parsed = parse();
  }
  const lines = (problems: readonly Problem[]) =>
    problems.map((problem) => formatProblem(shownPath(file), problem));
  if (parsed.ok) {
    if (isTrained) assertTrainable(parsed.recipe, place);
    return {
      text,
      experiment: parsed.experiment,
      recipe: parsed.recipe,
      warnings: [...dataWarnings, ...lines(parsed.warnings)],
    };
  }
  for (const line of lines(parsed.problems)) terminal.note(line);
  return null;
}

/** What a person should know of images before training on them; not that text files beside them are no images. */
function warningsOf({ problems }: DataReport): string[] {
  return problems
    .filter(({ severity, kind }) => severity === 'warning' && kind !== 'ignored')
    .map(({ what, where: [first], count }) => {
      const isNamed = first === undefined || what.includes(first);
      const place = isNamed ? '' : count > 1 ? l10n.t('{0} and others', first) : first;
      return `${l10n.t('warning')}: ${place === '' ? what : `${what} ${place}`}`;
    });
}

/** A person's own data set that a recipe is trained on. */
function ownSource({ data: { source } }: Recipe): OwnDatasetRequest | undefined {
  return isOwnDataset(source) ? source : undefined;
}

/** @throws UserError where images of a recipe cannot be used */
function assertTrainable(recipe: Recipe, { root, folder }: DataPlace): void {
  const source = ownSource(recipe);
  const index = source && indexLookup(root, source, folder);
  if (index) assertUsable(index, recipe.data.images?.onBadImage ?? 'fail');
}

/**
 * The recipe of an experiment file, its warnings noted; null where the file has problems, which are noted as well.
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

/** A path as a person would write it: relative where that is no longer. */
export function shownPath(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere.length < file.length ? fromHere : file;
}

/** A larger file is no experiment; of one over 1 MiB its parser says so. */
const MAX_EXPERIMENT_BYTES = 1 << 26;

/**
 * An experiment file's text.
 *
 * @throws UserError
 */
export async function readText(file: string): Promise<string> {
  try {
    return await readRegular(file, 'utf8', MAX_EXPERIMENT_BYTES);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
      throw new UserError({
        what: l10n.t('There is no file {0}.', file),
        remedy: l10n.t('Check the path; it is taken from {0}.', process.cwd()),
      });
    }
    if (isSystemError(error, 'EISDIR')) {
      throw new UserError({
        what: l10n.t('{0} is a folder.', file),
        remedy: l10n.t('Name an experiment file, such as {0}.', 'fashion-mnist.experiment.yaml'),
      });
    }
    throw new UserError({
      what: l10n.t('{0} cannot be read: {1}', file, messageOf(error)),
      remedy: l10n.t('Check that you may read it.'),
    });
  }
}

/**
 * The run that a person means: by its id, by the start of its id where only one has it, or as `last`.
 * @throws UserError where there is none, or more than one, or the name is empty, as an unset variable of a script is
 */
export async function findRun(root: string, reference: string): Promise<RunEntry> {
  if (reference.trim() === '') {
    throw new UserError({
      what: l10n.t('The name of the run is empty.'),
      remedy: l10n.t("Give a run's id, its beginning, or 'last'. List the runs: {0}", 'tricks runs'),
    });
  }
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
        ? l10n.t('List the runs: {0}', 'tricks runs')
        : l10n.t('Nothing has run here yet. Run an experiment: {0}', 'tricks run FILE'),
  });
}

/** Why a folder among the runs cannot be used. */
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
