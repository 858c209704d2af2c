import { isDeepStrictEqual } from 'node:util';
import { writtenTrick } from '../../experiment/aliases';
import { insertTrick, removeTrick, setOption } from '../../experiment/edits';
import type { Problem } from '../../experiment/problem';
import { type ExperimentDocument, parseDocument } from '../../experiment/text/document';
import { applyEdits, type EditResult } from '../../experiment/text/textEdits';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import { type AnyParseResult, readAnyExperiment } from '../../interop/command/parse';
import type { StudyFactor, StudySetting } from '../../protocol/study';
import { anyRecipeKey } from '../../recipe/anyRecipe';
import type { FactsLookup } from '../../recipe/datasets';
import type { Path } from '../../shared/path';
import { valueAt, withoutValue, withValue } from '../../shared/values';
import { ownWords, type ResolvedValue, resolveValue } from './resolveValue';
import {
  type Baseline,
  type Exclusion,
  type ExperimentChange,
  type FactorLevel,
  isCommandBaseline,
  type SettingExperiment,
  type SettingSurroundings,
  type Study,
  type StudySettings,
  type WrittenFactor,
} from './study';

/**
 * Returns the settings of a study's factors, applied to its baseline experiment. Computes each setting's recipe once.
 */
export function settingsOf({ factors }: Pick<Study, 'factors'>, baseline: Baseline): StudySettings {
  const space = settingSpace(factors, baseline);
  let exclusions: readonly Exclusion[] | null = null;
  const allExclusions = () => (exclusions ??= exclusionsAmong(factors, space));
  return {
    factors: factors.map(levelsOf),
    get exclusions() {
      return allExclusions();
    },
    isAllowed: (setting) => {
      const key = space.keyOf(setting);
      return (
        key !== null &&
        setting.every((level, factor) => level === 0 || space.keyOf(setting.with(factor, 0)) !== key)
      );
    },
    recipeAt: (setting) => {
      const resolved = space.resolved(setting);
      return resolved.ok ? resolved.recipe : null;
    },
    experimentAt: (setting, seed, surroundings) =>
      experimentAt(factors, baseline, setting, seed, surroundings ?? {}),
  };
}

/** Returns a factor's levels for display. */
function levelsOf({ key, kind, values }: WrittenFactor): StudyFactor {
  const levels = values.map((value) => {
    if (kind === 'key') return YAML_NOTATION.inline(value);
    if (value === false) return 'without';
    return value === true ? 'with' : YAML_NOTATION.inline(value);
  });
  return { key, kind, levels };
}

/** Resolves settings through the experiment's plain data. */
export interface SettingSpace {
  resolved(setting: StudySetting): ResolvedValue;
  /** Returns the key of what a setting trains; null if it cannot be trained. */
  keyOf(setting: StudySetting): string | null;
}

interface Worked {
  readonly resolved: ResolvedValue;
  /** Key of what it trains; null if it cannot be trained. */
  readonly key: string | null;
}

/** Cache limit. A full design of ten factors has about a thousand recipes. */
const MOST_KEPT = 5_000;

/**
 * Cache of resolved plain data per experiment. While a study is being typed, most settings are requested repeatedly.
 */
const known = new WeakMap<Baseline, Map<string, Worked>>();

function worked(baseline: Baseline, value: unknown): Worked {
  const ofBaseline = known.get(baseline) ?? new Map<string, Worked>();
  known.set(baseline, ofBaseline);
  const text = JSON.stringify(value);
  const before = ofBaseline.get(text);
  if (before) return before;
  const resolved = resolveValue(value, baseline);
  const result = { resolved, key: resolved.ok ? anyRecipeKey(resolved.recipe) : null };
  if (ofBaseline.size >= MOST_KEPT) ofBaseline.clear();
  ofBaseline.set(text, result);
  return result;
}

/** Returns the settings of factors in an experiment, each resolved on first use. */
export function settingSpace(factors: readonly WrittenFactor[], baseline: Baseline): SettingSpace {
  const base = ownWords(baseline.document.value);
  const ofSetting = new Map<string, Worked>();
  const at = (setting: StudySetting): Worked => {
    const name = setting.join();
    const before = ofSetting.get(name);
    if (before) return before;
    const value = changesOf(factors, baseline, setting).reduce(
      (data, change) =>
        change.value === undefined
          ? withoutValue(data, change.path)
          : withValue(data, change.path, change.value),
      base,
    );
    const result = worked(baseline, value);
    ofSetting.set(name, result);
    return result;
  };
  return { resolved: (setting) => at(setting).resolved, keyOf: (setting) => at(setting).key };
}

/** Returns the setting with the given levels, and level 0 for all other factors. */
export function settingWith(factors: number, ...levels: readonly FactorLevel[]): number[] {
  const setting = Array<number>(factors).fill(0);
  for (const { factor, level } of levels) setting[factor] = level;
  return setting;
}

/** Returns the levels of factors except their first. */
export function changedLevels(factors: readonly WrittenFactor[]): FactorLevel[] {
  return factors.flatMap(({ values }, factor) =>
    values.slice(1).map((_, index) => ({ factor, level: index + 1 })),
  );
}

/**
 * Finds pairs of levels that exclude each other, with all other factors at their first level. Considers only levels
 * that can be trained and change something alone.
 */
export function exclusionsAmong(factors: readonly WrittenFactor[], space: SettingSpace): Exclusion[] {
  const reference = space.keyOf(settingWith(factors.length));
  const alone = changedLevels(factors)
    .map((level) => ({ level, key: space.keyOf(settingWith(factors.length, level)) }))
    .filter(({ key }) => key !== null && key !== reference);
  return alone.flatMap((first, index) =>
    alone.slice(index + 1).flatMap((second): Exclusion[] => {
      if (first.level.factor === second.level.factor) return [];
      const both = space.keyOf(settingWith(factors.length, first.level, second.level));
      if (both !== null && both !== first.key && both !== second.key) return [];
      return [{ first: first.level, second: second.level, why: both === null ? 'impossible' : 'redundant' }];
    }),
  );
}

/** Returns a setting's changes to the experiment, with this product's names for tricks. */
function changesOf(
  factors: readonly WrittenFactor[],
  baseline: Baseline,
  setting: StudySetting,
): ExperimentChange[] {
  const words = ownWords(baseline.document.value);
  const tricks = valueAt(words, ['tricks']);
  return factors.map(({ key, kind, values }, index): ExperimentChange => {
    const value = values[setting[index] ?? 0];
    if (kind === 'key') return { path: key.split('.'), value };
    const path = ['tricks', key];
    if (value === false) return isOnByDefault(baseline, words, path) ? { path, value } : { path };
    // A bare `true` leaves the trick as the experiment has it.
    const isOn = isTrickOn(baseline, key);
    return { path, value: value === true && isOn ? valueAt(tricks, [key]) : value };
  });
}

function isTrickOn(baseline: Baseline, key: string): boolean {
  if (!isCommandBaseline(baseline)) return Boolean(valueAt(baseline.experiment.tricks, [key]));
  const { tricks, switches } = baseline.experiment;
  return switches[key] === true || tricks.some(({ name, options }) => name === key && options !== null);
}

/**
 * Whether a program may have a trick that the file does not mention: by default, or by its command. Only `false` switches
 * it off then.
 */
function isOnByDefault(baseline: Baseline, words: unknown, path: Path): boolean {
  if (!isCommandBaseline(baseline)) return false;
  const off = worked(baseline, withValue(words, path, false)).key;
  return off === null || off !== worked(baseline, withoutValue(words, path)).key;
}

function experimentAt(
  factors: readonly WrittenFactor[],
  baseline: Baseline,
  setting: StudySetting,
  seed: number,
  { changes: further = [], factsOf }: SettingSurroundings,
): SettingExperiment {
  const { document } = baseline;
  const wanted = [...changesOf(factors, baseline, setting), ...further, { path: ['seed'], value: seed }];
  const edit = document.inSequence(wanted.map((change) => (current) => editFor(current, change)));
  if (!edit.ok) return { ok: false, problems: [refusal(document, edit.reason)] };
  const text = applyEdits(document.text, edit.edits);
  const parsed = readLike(baseline, parseDocument(text, `.${document.format}`), factsOf);
  if (!parsed.ok) return { ok: false, problems: parsed.problems };
  const before = ownWords(document.value);
  const after = ownWords(parsed.document.value);
  const changes = wanted.filter(
    ({ path }) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)),
  );
  return { ok: true, changes, text, recipe: parsed.recipe };
}

/** Reads a changed experiment with what its baseline was read with, except facts about other images. */
export function readLike(
  baseline: Baseline,
  document: ExperimentDocument,
  factsOf?: FactsLookup,
): AnyParseResult {
  return readAnyExperiment(
    document,
    [],
    isCommandBaseline(baseline) ? baseline.place : { factsOf: factsOf ?? baseline.factsOf },
  );
}

/** Returns the edit for a change. Edits of a trick keep the name that the file uses. */
export function editFor(document: ExperimentDocument, { path, value }: ExperimentChange): EditResult {
  const [section, trick, option, ...rest] = path;
  if (section === 'tricks' && typeof trick === 'string' && rest.length === 0) {
    if (option !== undefined && value !== undefined) {
      return setOption(document, trick, String(option), value);
    }
    if (option !== undefined) {
      return document.removeIn(['tricks', writtenTrick(document.value, trick) ?? trick, option]);
    }
    return value === undefined ? removeTrick(document, trick) : insertTrick(document, trick, value);
  }
  return value === undefined ? document.removeIn(path) : document.setIn(path, value);
}

function refusal(document: ExperimentDocument, reason: string): Problem {
  return {
    severity: 'error',
    path: [],
    range: document.rangeOf([]),
    what: reason,
    remedy: '',
  };
}

/** Explains in a sentence why the experiment file cannot be edited for a level; null if it can. */
export function levelObstacle(
  factors: readonly WrittenFactor[],
  baseline: Baseline,
  level: FactorLevel,
): string | null {
  const change = changesOf(factors, baseline, settingWith(factors.length, level))[level.factor];
  const edit = change && editFor(baseline.document, change);
  return edit && !edit.ok ? edit.reason : null;
}
