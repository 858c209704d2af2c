// A run's experiment as settings that can be compared with those of other runs.

import { translate } from '../experiment/aliases';
import { parseOverride, withOverrides } from '../experiment/overrides';
import { parseDocument } from '../experiment/text/document';
import { validate } from '../experiment/validate';
import type { Manifest } from '../protocol/manifest';
import { isCommandRecipe } from '../recipe/anyRecipe';
import { isMapping } from '../shared/values';
import { trickCalled } from '../tricks/registry';

/**
 * Values of an experiment by dotted path, such as `optimizer.base_lr`, defaults included, without the names of its
 * tricks.
 */
export type RunSettings = ReadonlyMap<string, unknown>;

/** Keys that are not training settings, or are shown in another way. */
const UNTOLD: readonly string[] = ['$schema', 'name', 'tricks'];

/** Cache of experiments read so far, by their text. Cleared when it is full. */
const known = new Map<string, RunSettings>();
const MOST_KNOWN = 1000;

/**
 * Returns the settings that a run was trained with. The recipe takes precedence, because the file's text may not parse.
 */
export function runSettings({ experiment, recipe }: Pick<Manifest, 'experiment' | 'recipe'>): RunSettings {
  const settings = new Map(writtenSettings(experiment));
  for (const key of settings.keys()) {
    const [part, trick = ''] = key.split('.');
    if (part === 'tricks' && !recipe.tricks.includes(trick)) settings.delete(key);
  }
  // The default optimizer of a file that names none.
  if (settings.has('optimizer.base_lr') && !settings.has('optimizer')) settings.set('optimizer', 'sgd');
  settings.set('seed', recipe.seed);
  if (isCommandRecipe(recipe)) return settings;
  return settings
    .set('model', recipe.model.name)
    .set('data', recipe.data.dataset.name)
    .set('data.batch_size', recipe.data.batchSize)
    .set('schedule.epochs', recipe.epochs);
}

function writtenSettings({ file, text, settings = [] }: Manifest['experiment']): RunSettings {
  const key = JSON.stringify([file, text, settings]);
  const before = known.get(key);
  if (before) return before;
  if (known.size >= MOST_KNOWN) known.clear();
  const value = writtenValue(text, file, settings);
  const found = new Map(isMapping(value) ? [...settingsIn(value), ...trickSettings(value.tricks)] : []);
  known.set(key, found);
  return found;
}

/** Returns an experiment with its defaults, or as written if it is invalid in this release. */
function writtenValue(text: string, file: string, settings: readonly string[]): unknown {
  const overrides = settings.flatMap((setting) => {
    const result = parseOverride(setting);
    return result.ok ? [result.override] : [];
  });
  const { value } = translate(withOverrides(parseDocument(text, file).value, overrides));
  const validation = validate(value);
  return validation.ok ? validation.experiment : value;
}

function settingsIn(experiment: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(experiment).flatMap(([key, value]) =>
    UNTOLD.includes(key)
      ? []
      : leavesOf(key, key === 'init' && !isMapping(value) ? { weights: value } : value),
  );
}

/** Flattens a value. A part's name represents the part: `model.name` becomes `model`, `data.dataset` becomes `data`. */
function leavesOf(path: string, value: unknown): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isMapping(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) =>
    leavesOf(key === 'name' || key === 'dataset' ? path : `${path}.${key}`, part),
  );
}

function trickSettings(tricks: unknown): [string, unknown][] {
  if (!isMapping(tricks)) return [];
  return Object.entries(tricks).flatMap(([name, choice]) => {
    const options = trickCalled(name)?.trick.options.safeParse(isMapping(choice) ? choice : {});
    const value = options?.success ? options.data : choice;
    return isMapping(value) ? leavesOf(`tricks.${name}`, value) : [];
  });
}
