import { isDeepStrictEqual } from 'node:util';
import { translate, writtenTrick } from '../experiment/aliases';
import { insertTrick, removeTrick, trickObstacle } from '../experiment/edits';
import type { ParseResult } from '../experiment/parse';
import { chosenTricks, plainDraft, resolveDraft, withTricks } from '../experiment/resolve';
import { type Experiment, experimentSchema } from '../experiment/schema';
import type { EditResult } from '../experiment/text/textEdits';
import { type Draft, graphOf } from '../recipe/draft';
import type { Recipe } from '../recipe/recipe';
import { isMapping, valueAt, withoutValues } from '../shared/values';
import { ALL_TRICKS, excludeEachOther, TRICKS, type TrickName } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { memoryChange } from './memoryText';
import { configured, type TrickOption, trickOptions } from './trickOptions';
import { isSoundOtherwise, withOtherImages } from './unindexed';

/** How a trick stands to one experiment file. */
export interface TrickFit {
  readonly trick: Trick<TrickName>;
  readonly isIn: boolean;
  /** What it does there, or would; null where the file has problems that leave it open. */
  effect(): string | null;
  /** What it does to the memory of a step; null where that is nothing, or left open. */
  memory(): string | null;
  /** What the file leads to without it and with it; null where either cannot be trained. */
  recipes(): { readonly without: Recipe; readonly with: Recipe } | null;
  /** What is written under its key, or would be. */
  readonly value: unknown;
  /** Edits that take the trick out where it is in, and put it in, with `options` over what fits, where it is not. */
  toggle(options?: Readonly<Record<string, unknown>>): EditResult;
  /** Why the file cannot be edited for it, as a sentence, where that is seen without trying; null where it can. */
  obstacle(): string | null;
  /** The options that can be given another value; none where the trick is not in. */
  options(): readonly TrickOption[];
  /** Edits that give an option another value, or why it cannot have it. */
  configure(option: string, value: unknown): EditResult;
}

/** How a trick stands to an experiment, whatever file says it. */
export type Standing = Omit<TrickFit, 'toggle' | 'obstacle' | 'options' | 'configure'>;

/**
 * The tricks that are in an experiment file, and those that can be put into it: they would change something, and
 * nothing in the file excludes them. In the registry's order. Of a file with problems, the tricks that are in it
 * can go, and others are there only if the rest of the file says what to insert.
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
        value,
        effect: () => null,
        memory: () => null,
        recipes: () => null,
        toggle: () => removeTrick(document, trick.name),
        obstacle: () => trickObstacle(document, trick.name, undefined),
        options: () => trickOptions(trick, isMapping(value) ? value : {}),
        configure: (option, next) => configured(parsed, trick, option, next),
      },
    ];
  });
}

/** What a file would say without what is wrong in it; null where that is no experiment. */
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
 * How the tricks that are in an experiment or can be put into it stand to it, in the registry's order. What they
 * do is left open where the experiment is not sound.
 */
export function standings(experiment: Experiment, isSound: boolean): Standing[] {
  const plain = plainDraft(experiment);
  const chosen = chosenTricks(experiment);
  const full = withTricks(plain, chosen);
  const names = chosen.map(({ trick }) => trick.name);
  return ALL_TRICKS.flatMap((trick): Standing[] => {
    const isIn = names.includes(trick.name);
    const others = chosen.filter((each) => each.trick !== trick);
    const draft = isIn ? withTricks(plain, others) : full;
    if (!isIn && !canStand(trick, draft, plain, names)) return [];
    const value = experiment.tricks[trick.name] || trick.insertion(draft);
    const options = trick.options.parse(value === true ? {} : value);
    return [
      {
        trick,
        isIn,
        value,
        effect: () => (isSound ? trick.effect(draft, options) : null),
        memory: () => (isSound ? memoryChange(draft, trick.apply(draft, options)) : null),
        recipes: () => {
          const without = resolveDraft(plain, others);
          const changed = resolveDraft(plain, [...others, { trick, options }]);
          return without.ok && changed.ok ? { without: without.recipe, with: changed.recipe } : null;
        },
      },
    ];
  });
}

/**
 * As `standings`, of an experiment whose images nobody has looked at: with the values and effects that are the same
 * whatever the images, and no recipes, which would hold guesses.
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
    };
  });
}

/** Whether a trick changes an experiment and can stand in it; what is left to a person's choice is no hindrance. */
function canStand(
  trick: Trick<TrickName>,
  draft: Draft,
  plain: Draft,
  chosen: readonly TrickName[],
): boolean {
  if (trick.fits && !trick.fits(draft)) return false;
  if (chosen.some((name) => excludeEachOther(trick, TRICKS[name]))) return false;
  const value = trick.insertion(draft);
  const options = trick.options.parse(value === true ? {} : value);
  const applied = trick.apply(draft, options);
  if (applied.model !== draft.model && !canBuild(applied)) return false;
  return trick.problems(applied, options, plain).every(({ path }) => path.length > 0);
}

/** Whether the model can take the images. */
function canBuild(draft: Draft): boolean {
  try {
    graphOf(draft);
    return true;
  } catch {
    return false;
  }
}

/** What is written for a trick, with options over its own. */
function withOptions(value: unknown, options: Readonly<Record<string, unknown>>): unknown {
  if (Object.keys(options).length === 0) return value;
  return { ...(isMapping(value) ? value : {}), ...options };
}
