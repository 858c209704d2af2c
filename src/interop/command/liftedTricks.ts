import { isDeepStrictEqual } from 'node:util';
import type { ChosenTrick } from '../../experiment/command/commandExperiment';
import { type Changes, known, type Settings } from '../../tricks/elsewhere/mapping';
import { ALL_TRICKS } from '../../tricks/registry';
import { exclusionsIn, optionOfTrick, withTricks } from './commandTricks';
import type { CommandPlace, KnownSystem, OpenCommand } from './knownCommand';
import { openCommand } from './openCommand';

/** A command without the options of some tricks, and those tricks for the experiment's `tricks`. */
export interface LiftedTricks {
  readonly words: readonly string[];
  readonly tricks: readonly ChosenTrick[];
}

/**
 * Moves the tricks of a command's options to the experiment, so that a study can switch them off. A trick moves only if
 * the experiment then has exactly the settings of the command, with it and without it. All others stay.
 */
export function liftedTricks(
  system: KnownSystem,
  words: readonly string[],
  place: CommandPlace,
): LiftedTricks {
  const written = openCommand(system, words, place);
  if ('rejected' in written) return { words, tricks: [] };
  return ALL_TRICKS.reduce<LiftedTricks>(
    (lifted, { name }) => {
      const mapping = written.tricks[name];
      const read = known(() => mapping?.read(written.settings) ?? null);
      if (!mapping || !read.known || !read.value || optionOfTrick(written, name) === null) return lifted;
      const given = mapping.settable ?? Object.keys(read.value);
      const options = optionsOf(name, read.value, given);
      const on = known(() => mapping.write(options ?? {}, written.settings));
      const off = known(() => mapping.erase(written.settings));
      if (!options || !on.known || !off.known) return lifted;
      const bare = edited(system, lifted.words, without({ ...on.value, ...off.value }), place);
      const erased = edited(system, words, off.value, place);
      if (!bare || !erased) return lifted;
      const settingsWith = (...choice: readonly ChosenTrick[]) =>
        resolvedSettings(system, bare.words, [...lifted.tricks, ...choice], place);
      const trick: ChosenTrick = { name, options, given };
      const isExact =
        areSame(settingsWith(trick), written.settings) &&
        areSame(settingsWith({ name, options: null, given: [] }), erased.command.settings);
      return isExact ? { words: bare.words, tricks: [...lifted.tricks, trick] } : lifted;
    },
    { words, tricks: [] },
  );
}

/** Returns all options of a trick with those read from a command, null if the experiment cannot have these. */
function optionsOf(
  name: ChosenTrick['name'],
  read: Readonly<Record<string, unknown>>,
  given: readonly string[],
): Readonly<Record<string, unknown>> | null {
  const trick = ALL_TRICKS.find((each) => each.name === name);
  const own = Object.fromEntries(given.map((option) => [option, read[option]]));
  const parsed = trick?.options.safeParse(own);
  return parsed?.success ? parsed.data : null;
}

function without(changes: Changes): Changes {
  return Object.fromEntries(Object.keys(changes).map((setting) => [setting, undefined]));
}

function edited(
  system: KnownSystem,
  words: readonly string[],
  changes: Changes,
  place: CommandPlace,
): { readonly words: readonly string[]; readonly command: OpenCommand } | null {
  const before = openCommand(system, words, place);
  const edit = 'rejected' in before ? null : before.edited(changes);
  const after = edit?.ok ? openCommand(system, edit.words, place) : null;
  return edit?.ok && after && !('rejected' in after) ? { words: edit.words, command: after } : null;
}

/** Returns the settings of a command with tricks, null if it cannot have them. */
function resolvedSettings(
  system: KnownSystem,
  words: readonly string[],
  chosen: readonly ChosenTrick[],
  place: CommandPlace,
): Settings | null {
  const command = openCommand(system, words, place);
  if ('rejected' in command || exclusionsIn(chosen).length > 0) return null;
  const applied = withTricks(system, command, words, chosen, place);
  const after = applied.findings.length > 0 ? null : openCommand(system, applied.words, place);
  return after && !('rejected' in after) ? after.settings : null;
}

/** Whether a command's settings are the same, in any order. */
export function areSame(one: Settings | null, other: Settings | null): boolean {
  return one !== null && other !== null && isDeepStrictEqual(new Map(one), new Map(other));
}
