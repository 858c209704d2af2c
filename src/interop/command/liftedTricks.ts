import { isDeepStrictEqual } from 'node:util';
import type { ChosenTrick } from '../../experiment/command/commandExperiment';
import { type Changes, known, type Settings } from '../../tricks/elsewhere/mapping';
import { ALL_TRICKS } from '../../tricks/registry';
import type { FlagTable } from '../import/argparse';
import { TIMM, TORCHVISION } from '../import/trainingPrograms';
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
  // Each trick is tried together with those that moved before it.
  return ALL_TRICKS.reduce<LiftedTricks>(
    (lifted, { name }) => {
      const mapping = written.tricks[name];
      const read = known(() => mapping?.read(written.settings) ?? null);
      if (!mapping || !read.known || !read.value || optionOfTrick(written, name) === null) return lifted;
      const more = known(() => mapping.more?.(written.settings) ?? {});
      const all = { ...read.value, ...(more.known ? more.value : {}) };
      const given = mapping.settable ?? Object.keys(all);
      const options = optionsOf(name, all, given);
      const on = known(() => mapping.write(options ?? {}, written.settings));
      const off = known(() => mapping.erase(written.settings));
      if (!options || !on.known || !off.known) return lifted;
      const erased = edited(system, words, off.value, place);
      const trick: ChosenTrick = { name, options, given };
      // Without the options of the trick, or with those that a command without it has: it may move a learning rate.
      for (const changes of [without({ ...on.value, ...off.value }), off.value]) {
        const bare = edited(system, lifted.words, changes, place);
        const settingsWith = (choice: ChosenTrick) =>
          bare && resolvedSettings(system, bare.words, [...lifted.tricks, choice], place);
        const isExact =
          bare &&
          areSame(system, settingsWith(trick), written.settings) &&
          areSame(system, settingsWith({ name, options: null, given: [] }), erased?.command.settings ?? null);
        if (isExact) return { words: bare.words, tricks: [...lifted.tricks, trick] };
      }
      return lifted;
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

const TABLES: Readonly<Partial<Record<KnownSystem, FlagTable>>> = {
  timm: TIMM.table,
  torchvision: TORCHVISION.table,
};

/** An option that the command does not have, and that has no certain default. */
const OPEN = Symbol('open');

/** Whether settings of commands are the same, in any order. A default may be written or not. */
function areSame(system: KnownSystem, one: Settings | null, other: Settings | null): boolean {
  if (!one || !other) return false;
  const valueIn = (settings: Settings, name: string) => {
    if (settings.has(name)) return settings.get(name);
    return (settings.absentBecause?.(name) ?? null) === null ? TABLES[system]?.flags[name]?.byDefault : OPEN;
  };
  return [...new Set([...one.keys(), ...other.keys()])].every((name) =>
    isDeepStrictEqual(valueIn(one, name), valueIn(other, name)),
  );
}

/** Whether two commands train the same, whatever the order of their options. */
export function trainTheSame(
  system: KnownSystem,
  one: readonly string[],
  other: readonly string[],
  place: CommandPlace,
): boolean {
  const [first, second] = [openCommand(system, one, place), openCommand(system, other, place)];
  return !('rejected' in first || 'rejected' in second) && areSame(system, first.settings, second.settings);
}
