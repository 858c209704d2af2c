import { isDeepStrictEqual } from 'node:util';
import { anyRecipeKey } from '../../recipe/anyRecipe';
import type { DesignSubject } from '../../study/file/precision';
import type { Exclusion, FactorLevel } from '../../study/file/study';
import type { ProposedFactor } from '../study/proposal';
import type { TrickFit } from '../trickFit';
import type { CommandFits } from './commandFits';
import type { CommandSpace } from './commandSpace';

/** A trick that a study of a command could test. */
export interface ProposedCommandFactor extends ProposedFactor {
  /** Whether the command has it by default or by its config, so that the study switches it off. */
  readonly isByDefault: boolean;
}

/**
 * Returns the tricks that a study of a command experiment could test, in the registry's order: the system has options
 * for them, and it is known whether they are in. Tricks by options of the command are left out, because a study cannot
 * switch them off.
 */
export function proposedCommandFactors({ fits, recipes, space }: CommandFits): ProposedCommandFactor[] {
  if (!space) return [];
  const able = fits.filter((fit) => {
    if (fit.unknown !== null || fit.byOption !== undefined || fit.obstacle() !== null) return false;
    const both = recipes(fit.trick.name);
    return both !== null && !isDeepStrictEqual(both.with.command, both.without.command);
  });
  const factors = able.map((fit): ProposedCommandFactor => {
    const isByDefault = fit.isInCommand ?? false;
    const isIn = fit.isIn && !isByDefault;
    // A trick in the file is tested with its options there.
    const value = fit.isIn ? true : fit.value;
    return { ...{ trick: fit.trick, value, isIn, isByDefault }, isSuggested: false };
  });
  const exclusions = exclusionsAmong(factors, space);
  const suggested = new Set<number>();
  for (const [index, factor] of factors.entries()) {
    const isExcluded = exclusions.some(
      ({ first, second }) => second.factor === index && suggested.has(first.factor),
    );
    if (!factor.isByDefault && !isImplied(factor.trick.name, able) && !isExcluded) suggested.add(index);
  }
  return factors.map((factor, index) => ({ ...factor, isSuggested: suggested.has(index) }));
}

function isImplied(name: string, able: readonly TrickFit[]): boolean {
  return able.some(({ trick }) => trick.implies?.some((implied) => implied === name));
}

/** Returns what the design of a study of tricks depends on. */
export function commandSubject(
  factors: readonly ProposedCommandFactor[],
  space: CommandSpace,
): DesignSubject {
  const exclusions = exclusionsAmong(factors, space);
  return {
    design: 'auto',
    settings: {
      factors: factors.map(({ trick }) => ({ key: trick.name, kind: 'trick', levels: ['without', 'with'] })),
      exclusions,
      isAllowed: (setting) => {
        const at = (levels: readonly number[]) => keyOf(factors, space, (index) => levels[index] === 1);
        const key = at(setting);
        return (
          key !== null && setting.every((level, factor) => level === 0 || at(setting.with(factor, 0)) !== key)
        );
      },
    },
  };
}

/** Returns the pairs of tricks that no run has together, because the command refuses them or one changes nothing. */
function exclusionsAmong(factors: readonly ProposedCommandFactor[], space: CommandSpace): Exclusion[] {
  const key = (...on: readonly number[]) => keyOf(factors, space, (index) => on.includes(index));
  const alone = factors.map((_, index) => key(index));
  const level = (factor: number): FactorLevel => ({ factor, level: 1 });
  return factors.flatMap((_, second) =>
    factors.slice(0, second).flatMap((__, first): Exclusion[] => {
      if (alone[first] === null || alone[second] === null) return [];
      const both = key(first, second);
      if (both !== null && both !== alone[first] && both !== alone[second]) return [];
      return [
        { first: level(first), second: level(second), why: both === null ? 'impossible' : 'redundant' },
      ];
    }),
  );
}

/** Returns the key of what the command trains with some of the tricks; null if it cannot be trained. */
function keyOf(
  factors: readonly ProposedCommandFactor[],
  space: CommandSpace,
  isOn: (index: number) => boolean,
): string | null {
  const values = factors.map(({ trick, value, isIn, isByDefault }, index) => {
    const off = isByDefault ? false : undefined;
    return [trick.name, isOn(index) ? (isIn ? space.valueOf(trick.name) : value) : off];
  });
  const resolution = space.resolved(Object.fromEntries(values));
  return resolution.ok ? anyRecipeKey(resolution.recipe) : null;
}
