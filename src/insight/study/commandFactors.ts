/** What a study of a command could compare. */
import { valueAt } from '../../shared/values';
import { experimentKeys } from '../../study/file/keys';
import { ownWords } from '../../study/file/resolveValue';
import { exclusionsAmong, settingSpace } from '../../study/file/settings';
import type { CommandBaseline } from '../../study/file/study';
import { type TrickName, trickCalled } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { commandFits } from '../systems/commandFits';
import { asWritten, suggestedAmong } from './writtenFactors';

/** A trick that a study of a command could test. */
export interface CommandFactor {
  readonly trick: Trick<TrickName>;
  /** The value in the study file: true, or options that fit what the command trains. */
  readonly value: unknown;
  /** Whether the experiment has it on. */
  readonly isIn: boolean;
  /** Whether the command has it by default or by its config, so that the study switches it off. */
  readonly isByDefault: boolean;
  /** Whether it is selected by default. */
  readonly isSuggested: boolean;
}

/** The tricks of each experiment. While a study is being typed, they are requested repeatedly. */
const known = new WeakMap<CommandBaseline, readonly CommandFactor[]>();

/**
 * Returns the tricks that a study of a command could test, in the registry's order: the command can have them, it is
 * known whether they are in, and they change it. Tricks by options of the command are left out, because a study cannot
 * switch them off.
 */
export function commandTricks(baseline: CommandBaseline): readonly CommandFactor[] {
  const before = known.get(baseline);
  if (before) return before;
  const able = commandFits(baseline, baseline.place).fits.flatMap((fit) => {
    if (fit.unknown !== null || fit.byOption !== undefined || fit.obstacle() !== null) return [];
    const { trick } = fit;
    const isByDefault = fit.isInCommand ?? false;
    // A trick that is in is tested with its options there.
    const value = fit.isIn ? true : fit.value;
    const space = settingSpace([asWritten(trick.name, value)], baseline);
    const [off, on] = [space.keyOf([0]), space.keyOf([1])];
    if (off === null || on === null || off === on) return [];
    return [{ trick, value, isByDefault, isIn: fit.isIn && !isByDefault }];
  });
  const factors = able.map(({ trick, value }) => asWritten(trick.name, value));
  const suggested = suggestedAmong(able, exclusionsAmong(factors, settingSpace(factors, baseline)));
  const tricks = able.map((each, index) => ({
    ...each,
    isSuggested: !each.isByDefault && suggested.has(index),
  }));
  known.set(baseline, tricks);
  return tricks;
}

/** Returns the names in `trainer.arguments` that are no tricks. */
export function switchesOf({ experiment }: CommandBaseline): string[] {
  return Object.keys(experiment.arguments).filter((name) => trickCalled(name)?.trick.name !== name);
}

/** Returns the keys of a command's experiment that can be factors: values, environment variables, options of tricks. */
export function commandKeys({ document }: CommandBaseline): string[] {
  const value = ownWords(document.value);
  const below = (...path: string[]) =>
    Object.keys(Object(valueAt(value, path))).map((name) => [...path, name].join('.'));
  const tricks = Object.keys(Object(valueAt(value, ['tricks'])));
  return [
    ...below('trainer', 'values'),
    ...below('trainer', 'environment'),
    ...experimentKeys(value).filter((key) => {
      const [section, trick] = key.split('.');
      return section === 'tricks' && trick !== undefined && tricks.includes(trick);
    }),
  ];
}
