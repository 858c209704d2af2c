import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { NetworkManifest } from '../../protocol/manifest';
import { FILES_OUTSIDE } from '../../protocol/trainer';
import { networkRecipe } from '../../recipe/anyRecipe';
import { graphOf } from '../../recipe/draft';
import { weightsSource } from '../../recipe/pretrained';
import type { Recipe } from '../../recipe/recipe';
import { bestCheckpointPath, currentCheckpointPath, runFolderOfCheckpoint } from '../../runs/checkpoint';
import { readManifest } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { formatNumber } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isAllowed } from '../../system/allowedFolders';
import { assertPlain } from '../../system/plainFiles';
import { isBottleneckA } from '../../tricks/elsewhere/commandParts';
import { type InitialWeights, loadInitialValues, loadInitialWeights } from '../../weights/initialValues';
import { type PublishedOptions, publishedWeights } from '../../weights/published';
import type { Teacher } from '../loop/teacher';
import { initialValues } from '../network/initialization';
import { Random } from '../random';

/** A run to train. Its recipe may name other files. */
export interface StartingRun {
  readonly folder: string;
  readonly manifest: Pick<NetworkManifest, 'recipe' | 'experiment'>;
}

/**
 * Loads the weights that a recipe starts from, if it names any. Downloads published ones first. A new classifier gets
 * the same random initialization as in a network trained from scratch with the recipe's seed.
 *
 * @throws UserError; the signal's reason if aborted
 */
export async function loadStartingWeights(
  run: StartingRun,
  options: PublishedOptions = {},
): Promise<InitialWeights | undefined> {
  const { recipe } = run.manifest;
  const { weights, head } = recipe.initialization;
  if (weights === null) return undefined;
  const graph = graphOf(recipe);
  const { path, notes } = await weightsPath(run, weights, options);
  const loaded = await loadInitialWeights(path, graph, head, weights);
  const drawn = initialValues(graph, recipe.initialization, Random.seeded(recipe.seed, 'initialization'));
  const values = new Map([...drawn].map(([name, value]) => [name, loaded.values.get(name) ?? value]));
  return { ...loaded, values, notes: [...loaded.notes, ...notes, ...formNotes(recipe, loaded.layout)] };
}

/**
 * Returns warnings if another program's weights fit a network by their shapes, but the network computes differently
 * from the original.
 */
function formNotes(
  { model, initialization: { weights } }: Recipe,
  layout: InitialWeights['layout'],
): string[] {
  if (layout === 'torch' && isBottleneckA(model)) {
    return [
      l10n.t(
        'Warning: {0} in PyTorch and timm places its strides as variant {1} does, but the model is variant {2}.',
        ...[model.name, 'B', 'A'],
      ),
    ];
  }
  const isTimms = weights !== null && weightsSource(weights).kind === 'timm';
  if (model.name === 'mobilenet_v1' && model.activation !== 'relu6' && isTimms) {
    return [l10n.t("Warning: timm's MobileNet uses ReLU6 where {0} uses ReLU.", model.name)];
  }
  return [];
}

/** Returns the path of weights on this machine, and notes about them. */
async function weightsPath(
  run: StartingRun,
  weights: string,
  options: PublishedOptions,
): Promise<{ readonly path: string; readonly notes: readonly string[] }> {
  const source = weightsSource(weights);
  switch (source.kind) {
    case 'file':
      return { path: await allowedPath(run, source.path), notes: [] };
    case 'torchvision':
    case 'timm':
      return publishedWeights(source, options);
    case 'unknown':
      throw new UserError({
        what: l10n.t('The weights {0} do not exist.', weights),
        remedy: l10n.t('Specify a model and its weights, such as {0}.', 'torchvision:resnet18'),
      });
    default:
      return assertNever(source);
  }
}

/**
 * Loads the teacher that a recipe learns from, if it names one: a run of the same store, with the weights of its best
 * epoch, or a checkpoint in a run's folder.
 *
 * @throws UserError
 */
export async function loadTeacher(run: StartingRun): Promise<Teacher | undefined> {
  const { recipe } = run.manifest;
  const reference = recipe.loss.distillation?.teacher;
  if (reference === undefined) return undefined;
  const checkpoint = reference.endsWith('.safetensors')
    ? await allowedPath(run, reference)
    : bestCheckpointPath(join(dirname(run.folder), basename(reference)));
  // Reads nothing from a run that is a link, wherever it points.
  await assertPlain(checkpoint);
  const reading = await readManifest(runFolderOfCheckpoint(checkpoint) ?? dirname(dirname(checkpoint)));
  if (!reading.ok) throw unknownTeacher(reference);
  const teacher = networkRecipe(reading.manifest.recipe);
  if (!teacher) throw commandTeacher(reference);
  if (!haveSameInputs(teacher, recipe)) throw inputMismatch(reference, teacher, recipe);
  const graph = graphOf({ model: teacher.model, data: recipe.data });
  return { graph, values: await loadInitialValues(checkpoint, graph) };
}

/** Resolves a path from an experiment file. It must stay in the workspace, unless the user who runs it allows more. */
async function allowedPath({ folder, manifest }: StartingRun, written: string): Promise<string> {
  // The run is in ROOT/.bag-of-tricks/runs.
  const root = resolve(folder, '..', '..', '..');
  const path = currentCheckpointPath(resolve(root, dirname(manifest.experiment.file), written));
  if (process.env[FILES_OUTSIDE] || (await isAllowed(path, root))) return path;
  throw new UserError({
    what: l10n.t('{0} is outside {1}.', written, root),
    remedy: l10n.t(
      'Move it there, allow its folder with {0}, or allow all files outside with the setting {1} or the variable {2}.',
      'tricks allow FOLDER',
      'bagOfTricks.filesOutside',
      `${FILES_OUTSIDE}=1`,
    ),
  });
}

/**
 * Returns whether two recipes give their networks the same kind of images, with the same normalization, and have the
 * same classes.
 */
function haveSameInputs(one: Recipe, other: Recipe): boolean {
  return isDeepStrictEqual(inputFacts(one), inputFacts(other));
}

function inputFacts({ data: { dataset } }: Recipe) {
  const { height, width, channels, classes, classNames, mean, std } = dataset;
  return { size: [height, width, channels], classes, classNames, mean, std };
}

/** Describes a recipe's data set, with whatever distinguishes it from another of the same name. */
function datasetText(recipe: Recipe, other: Recipe): string {
  const { name } = recipe.data.dataset;
  if (name !== other.data.dataset.name) return name;
  const [own, others] = [inputFacts(recipe), inputFacts(other)];
  if (!isDeepStrictEqual(own.size, others.size)) return `${name} (${own.size.join(' x ')})`;
  if (own.classes !== others.classes) return l10n.t('{0} ({1} classes)', name, own.classes);
  if (!isDeepStrictEqual(own.classNames, others.classNames)) {
    return l10n.t('{0} (classes {1})', name, own.classNames.join(', '));
  }
  const [mean, std] = [own.mean, own.std].map((values) =>
    values.map((value) => formatNumber(value)).join(', '),
  );
  return l10n.t('{0} (normalized with mean {1} and std {2})', name, mean ?? '', std ?? '');
}

function commandTeacher(reference: string): UserError {
  return new UserError({
    what: l10n.t('The teacher {0} was trained by a command, so its network is not known here.', reference),
    remedy: l10n.t('Name a run of an experiment with a model.'),
  });
}

function unknownTeacher(reference: string): UserError {
  return new UserError({
    what: l10n.t('There is no run {0} to use as the teacher.', reference),
    remedy: l10n.t("Specify a run from {0}, or a checkpoint in a run's folder.", 'tricks runs'),
  });
}

function inputMismatch(reference: string, teacher: Recipe, recipe: Recipe): UserError {
  return new UserError({
    what: l10n.t(
      'The teacher {0} was trained on {1}, but its images or classes differ from those of {2}.',
      reference,
      datasetText(teacher, recipe),
      datasetText(recipe, teacher),
    ),
    remedy: l10n.t('Choose a teacher that was trained on the same data.'),
  });
}
