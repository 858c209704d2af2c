/** What a study of a command could compare. */
import { valueAt } from '../../shared/values';
import { experimentKeys } from '../../study/file/keys';
import { ownWords } from '../../study/file/resolveValue';
import { exclusionsAmong, settingSpace } from '../../study/file/settings';
import type { CommandBaseline, WrittenFactor } from '../../study/file/study';
import { ALL_TRICKS, type TrickName, trickCalled } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';

/** A trick that a command can have. */
export interface CommandFactor {
  readonly trick: Trick<TrickName>;
  /** Whether the experiment has it on. */
  readonly isIn: boolean;
  /** Whether it excludes none that come before it. */
  readonly isSuggested: boolean;
}

/** Returns the tricks that a command can have and that change it, in the registry's order. */
export function commandTricks(baseline: CommandBaseline): CommandFactor[] {
  const able = ALL_TRICKS.filter((trick) => {
    const space = settingSpace([asFactor(trick.name)], baseline);
    const [off, on] = [space.keyOf([0]), space.keyOf([1])];
    return off !== null && on !== null && off !== on;
  });
  const factors = able.map(({ name }) => asFactor(name));
  const exclusions = exclusionsAmong(factors, settingSpace(factors, baseline));
  const suggested = new Set<number>();
  able.forEach((_, index) => {
    const isExcluded = exclusions.some(
      ({ first, second }) => second.factor === index && suggested.has(first.factor),
    );
    if (!isExcluded) suggested.add(index);
  });
  const { tricks } = baseline.experiment;
  return able.map((trick, index) => ({
    trick,
    isIn: tricks.some(({ name, options }) => name === trick.name && options !== null),
    isSuggested: suggested.has(index),
  }));
}

/** Returns the names in `trainer.arguments` that are no tricks. */
export function switchesOf({ experiment }: CommandBaseline): string[] {
  return Object.keys(experiment.arguments).filter((name) => trickCalled(name)?.trick.name !== name);
}

function asFactor(key: string): WrittenFactor {
  return { key, kind: 'trick', values: [false, true], path: [], levelPaths: [[], []] };
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
