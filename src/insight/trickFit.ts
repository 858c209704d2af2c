import { isDeepStrictEqual } from 'node:util';
import { translate, writtenTrick } from '../experiment/aliases';
import { insertTrick, removeTrick, trickObstacle } from '../experiment/edits';
import { initializationProblems } from '../experiment/initializationProblems';
import type { ParseResult } from '../experiment/parse';
import { chosenTricks, plainDraft, resolveDraft, withTricks } from '../experiment/resolve';
import { type Experiment, experimentSchema } from '../experiment/schema';
import type { EditResult } from '../experiment/text/textEdits';
import { isSoundOtherwise, withOtherImages } from '../experiment/unindexed';
import { type Draft, finalize, graphIfAny } from '../recipe/draft';
import type { Recipe } from '../recipe/recipe';
import { isMapping, valueAt, withoutValues } from '../shared/values';
import { ALL_TRICKS, excludeEachOther, TRICKS, type TrickName } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { memoryChange } from './memoryText';
import { configured, shownValue, type TrickOption, trickOptions } from './trickOptions';

/** The recipes of an experiment without a trick and with it. */
export interface TrickRecipes {
  readonly without: Recipe;
  readonly with: Recipe;
}

/** Alternative options of a trick, other than those a file has or would get. */
export interface OtherOptions {
  /** The options that differ, such as `decay 0.9999`. */
  readonly text: string;
  recipes(): TrickRecipes | null;
}

/** The relation of a trick to one experiment file. */
export interface TrickFit {
  readonly trick: Trick<TrickName>;
  readonly isIn: boolean;
  /** Why the file leaves open whether the trick is in or fits, as a sentence. Null if that is known. */
  readonly unknown: string | null;
  /** Whether the command of the file has the trick without the file's tricks. */
  readonly isInCommand?: boolean;
  /** The option by which the command has it. Undefined if that is by default or by a config. */
  readonly byOption?: string;
  /** The trick's effect in the file. Null if problems in the file leave it open. */
  effect(): string | null;
  /** The trick's effect on the memory of a step. Null if it has none or that is open. */
  memory(): string | null;
  /** The recipes without it and with it. Null if either cannot be trained. */
  recipes(): TrickRecipes | null;
  /** The same with other options that runs are likely to use: those that fit, and the defaults. */
  otherOptions(): readonly OtherOptions[];
  /** The value under its key, or the value to insert. */
  readonly value: unknown;
  /** Returns edits that remove the trick if it is in, else insert it with `options` on top of those that fit. */
  toggle(options?: Readonly<Record<string, unknown>>): EditResult;
  /**
   * Why the file cannot be edited for it, as a sentence. Only covers reasons that are known without trying. Null if
   * there is none.
   */
  obstacle(): string | null;
  /** The options that can be changed. Empty if the trick is not in. */
  options(): readonly TrickOption[];
  /** Returns edits that change an option, or why that is not possible. */
  configure(option: string, value: unknown): EditResult;
}

/** The relation of a trick to an experiment, independent of the file format. */
export type Standing = Omit<
  TrickFit,
  'unknown' | 'isInCommand' | 'byOption' | 'toggle' | 'obstacle' | 'options' | 'configure'
>;

/**
 * Returns the tricks that are in an experiment file, and those that can be inserted: they would change something, and
 * nothing in the file excludes them. In the registry's order. In a file with problems, the tricks in it can be removed.
 * Others are listed only if the rest of the file determines what to insert.
 */
export function trickFits(parsed: ParseResult): TrickFit[] {
  const { document } = parsed;
  if (parsed.ok) return fitsOf(parsed, standings(parsed.experiment, true));
  if (parsed.unindexed) return fitsOf(parsed, unindexedStandings(parsed.unindexed.experiment));
  const rest = restOf(parsed);
  const written = ALL_TRICKS.filter(({ name }) => {
    const key = writtenTrick(document.value, name);
    return key !== undefined && Boolean(valueAt(document.value, ['tricks', key]));
  });
  const others = rest ? fitsOf(parsed, standings(rest, false)) : [];
  return ALL_TRICKS.flatMap((trick): TrickFit[] => {
    if (!written.includes(trick)) return others.filter((fit) => fit.trick === trick);
    const value = valueAt(translate(document.value).value, ['tricks', trick.name]);
    return [
      {
        trick,
        isIn: true,
        unknown: null,
        value,
        effect: () => null,
        memory: () => null,
        recipes: () => null,
        otherOptions: () => [],
        toggle: () => removeTrick(document, trick.name),
        obstacle: () => trickObstacle(document, trick.name, undefined),
        options: () => trickOptions(trick, isMapping(value) ? value : {}),
        configure: (option, next) => configured(parsed, trick, option, next),
      },
    ];
  });
}

/** Returns the experiment without the values that have problems, null if the rest is not an experiment. */
function restOf({ document, problems }: Extract<ParseResult, { ok: false }>): Experiment | null {
  const rest = withoutValues(
    document.value,
    problems.map(({ path }) => path),
  );
  if (!isMapping(rest)) return null;
  const parts = Object.entries(rest).filter(([, part]) => part !== null);
  return experimentSchema.safeParse(translate(Object.fromEntries(parts)).value).data ?? null;
}

function fitsOf(parsed: ParseResult, standings: readonly Standing[]): TrickFit[] {
  const { document } = parsed;
  return standings.map((standing) => {
    const { trick, isIn, value } = standing;
    return {
      ...standing,
      unknown: null,
      toggle: (more = {}) =>
        isIn
          ? removeTrick(document, trick.name)
          : insertTrick(document, trick.name, withOptions(value, more)),
      obstacle: () => trickObstacle(document, trick.name, isIn ? undefined : value),
      options: () => (isIn ? trickOptions(trick, isMapping(value) ? value : {}) : []),
      configure: (option, next) => configured(parsed, trick, option, next),
    };
  });
}

/**
 * Returns the standings of the tricks that are in an experiment or can be inserted, in the registry's order. Their
 * effects are null if the experiment is not sound. `declared` has options of tricks, to be used if they are inserted.
 */
export function standings(
  experiment: Experiment,
  isSound: boolean,
  declared: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Standing[] {
  const plain = plainDraft(experiment);
  const chosen = chosenTricks(experiment);
  const full = withTricks(plain, chosen);
  const names = chosen.map(({ trick }) => trick.name);
  let known: Recipe | null = null;
  const recipe = () => {
    known ??= graphIfAny(full) && finalize(full);
    return known;
  };
  return ALL_TRICKS.flatMap((trick): Standing[] => {
    const isIn = names.includes(trick.name);
    const others = chosen.filter((each) => each.trick !== trick);
    const draft = isIn ? withTricks(plain, others) : full;
    if (!isIn && !canStand(trick, draft, plain, names, recipe)) return [];
    const value =
      experiment.tricks[trick.name] || withOptions(trick.insertion(draft), declared[trick.name] ?? {});
    const options = trick.options.parse(value === true ? {} : value);
    const recipesWith = (given: Record<string, unknown>): TrickRecipes | null => {
      const without = resolveDraft(plain, others);
      const changed = resolveDraft(plain, [...others, { trick, options: given }]);
      return without.ok && changed.ok ? { without: without.recipe, with: changed.recipe } : null;
    };
    return [
      {
        trick,
        isIn,
        value,
        effect: () => (isSound ? trick.effect(draft, options) : null),
        memory: () => (isSound ? memoryChange(draft, trick.apply(draft, options)) : null),
        recipes: () => recipesWith(options),
        otherOptions: () =>
          otherOptions(trick, options, [trick.insertion(draft), true]).map((other) => ({
            text: differencesText(options, other),
            recipes: () => recipesWith(other),
          })),
      },
    ];
  });
}

/**
 * Works like `standings` for an experiment whose images have not been indexed: returns only values and effects that do
 * not depend on the images, and no recipes, which would contain guesses.
 */
function unindexedStandings(experiment: Experiment): Standing[] {
  if (!isSoundOtherwise(experiment)) return standings(experiment, false);
  const others = standings(withOtherImages(experiment), true);
  return standings(experiment, true).map((standing): Standing => {
    const other = others.find(({ trick }) => trick === standing.trick);
    const effect = standing.effect;
    return {
      ...standing,
      value: standing.isIn || isDeepStrictEqual(standing.value, other?.value) ? standing.value : true,
      effect: () => {
        const text = effect();
        return text === other?.effect() ? text : null;
      },
      memory: () => null,
      recipes: () => null,
      otherOptions: () => [],
    };
  });
}

/** Returns the distinct options that some values parse to, without `own`. */
function otherOptions(
  trick: Trick,
  own: Record<string, unknown>,
  values: readonly unknown[],
): Record<string, unknown>[] {
  const parsed = values.map((value) => trick.options.parse(value === true ? {} : value));
  return parsed.filter(
    (each, index) => ![own, ...parsed.slice(0, index)].some((other) => isDeepStrictEqual(each, other)),
  );
}

function differencesText(own: Record<string, unknown>, other: Record<string, unknown>): string {
  return Object.entries(other)
    .filter(([name, value]) => own[name] !== value)
    .map(([name, value]) => `${name} ${shownValue(value)}`)
    .join(', ');
}

/**
 * Whether a trick changes an experiment and can be in it. Choices that are left to a person do not count against it.
 * `recipe` returns the draft's recipe, null if the model cannot take the images.
 */
function canStand(
  trick: Trick<TrickName>,
  draft: Draft,
  plain: Draft,
  chosen: readonly TrickName[],
  recipe: () => Recipe | null,
): boolean {
  if (trick.fits && !trick.fits(draft)) return false;
  if (chosen.some((name) => excludeEachOther(trick, TRICKS[name]))) return false;
  const value = trick.insertion(draft);
  const options = trick.options.parse(value === true ? {} : value);
  const applied = trick.apply(draft, options);
  if (applied.model !== draft.model && !canStart(applied)) return false;
  if (!changesTraining(recipe(), applied)) return false;
  return trick.problems(applied, options, plain).every(({ path }) => path.length > 0);
}

/** Whether the model can take the images and matches the initial weights, as far as both are known. */
function canStart(draft: Draft): boolean {
  const graph = graphIfAny(draft);
  return graph !== null && initializationProblems(draft, graph).length === 0;
}

/** Whether a draft trains differently from a recipe. True if that is open because the model cannot take the images. */
function changesTraining(recipe: Recipe | null, applied: Draft): boolean {
  return !recipe || !graphIfAny(applied) || !isDeepStrictEqual(recipe, finalize(applied));
}

/** Merges options into a trick's value. */
function withOptions(value: unknown, options: Readonly<Record<string, unknown>>): unknown {
  if (Object.keys(options).length === 0) return value;
  return { ...(isMapping(value) ? value : {}), ...options };
}
