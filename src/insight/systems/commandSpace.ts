import type { CommandExperiment } from '../../experiment/command/commandExperiment';
import { validateCommand } from '../../experiment/command/validate';
import type { CommandParseResult } from '../../interop/command/parse';
import { type CommandResolution, type ExperimentPlace, resolveCommand } from '../../interop/command/resolve';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import { valueAt, withoutValue, withoutValues, withValue } from '../../shared/values';
import { ownWords } from '../../study/file/resolveValue';
import type { TrickName } from '../../tricks/registry';

/** Values of tricks in an experiment file. `undefined` means that the file does not have the trick. */
export type TrickValues = Readonly<Partial<Record<TrickName, unknown>>>;

/** A command experiment with any tricks, resolved through its plain data. */
export interface CommandSpace {
  readonly experiment: CommandExperiment;
  readonly recipe: CommandRecipe;
  readonly place: ExperimentPlace;
  /** Returns the value of a trick in the file, undefined if the file does not have it. */
  valueOf(name: TrickName): unknown;
  /** Resolves the experiment with tricks set to other values. */
  resolved(changes: TrickValues): CommandResolution;
}

/** Returns the space of a command experiment. Parts with problems are left out; null if nothing sound remains. */
export function commandSpace(parsed: CommandParseResult, place: ExperimentPlace): CommandSpace | null {
  const { document } = parsed;
  const sound = parsed.ok
    ? document.value
    : withoutValues(
        document.value,
        parsed.problems.map(({ path }) => path),
      );
  const base = ownWords(sound);
  const validation = validateCommand(base, document.format);
  if (!validation.ok) return null;
  const resolution = resolveCommand(validation.experiment, place);
  if (!resolution.ok) return null;
  const known = new Map<string, CommandResolution>();
  return {
    experiment: validation.experiment,
    recipe: resolution.recipe,
    place,
    valueOf: (name) => valueAt(base, ['tricks', name]),
    resolved: (changes) => {
      const value = Object.entries(changes).reduce(
        (data, [name, each]) =>
          each === undefined ? withoutValue(data, ['tricks', name]) : withValue(data, ['tricks', name], each),
        base,
      );
      const key = JSON.stringify(valueAt(value, ['tricks']) ?? {});
      const before = known.get(key);
      if (before) return before;
      const validated = validateCommand(value, document.format);
      const result = validated.ok ? resolveCommand(validated.experiment, place) : validated;
      known.set(key, result);
      return result;
    },
  };
}
