import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { ChosenTrick } from '../../experiment/command/commandExperiment';
import { type Finding, shown } from '../../experiment/remedies/finding';
import { type Changes, type Known, known, type TrickMapping } from '../../tricks/elsewhere/mapping';
import { ALL_TRICKS, excludeEachOther, type TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import type { CommandPlace, KnownSystem, OpenCommand } from './knownCommand';
import { openCommand } from './openCommand';

export interface AppliedTricks {
  /** The command with the options of the tricks. */
  readonly words: readonly string[];
  readonly findings: readonly Finding[];
}

/** The names of the systems in messages. */
export const SYSTEM_TITLES: Readonly<Record<KnownSystem, string>> = {
  timm: 'timm',
  torchvision: 'torchvision',
  mmpretrain: 'MMPretrain',
};

/** Writes the tricks of an experiment as options of a command. A trick that has none is a finding with the reason. */
export function withTricks(
  system: KnownSystem,
  command: OpenCommand,
  words: readonly string[],
  chosen: readonly ChosenTrick[],
  place: CommandPlace,
): AppliedTricks {
  const findings: Finding[] = [];
  let applied = words;
  let current = command;
  const written: ChosenTrick[] = [];
  for (const choice of inOrder(chosen, command)) {
    const step = stepOf(system, command, current, choice);
    if ('finding' in step) {
      findings.push(step.finding);
      continue;
    }
    const edit = current.edited(step.changes);
    const opened = edit.ok ? openCommand(system, edit.words, place) : null;
    if (!edit.ok || !opened || 'rejected' in opened) {
      const reason = edit.ok ? l10n.t('The command does not accept its options.') : edit.reason;
      findings.push(refused(choice.name, reason, remedyOf(command, choice.name)));
      continue;
    }
    applied = edit.words;
    current = opened;
    written.push(choice);
  }
  // Tricks that exclude each other are reported as such.
  if (exclusionsIn(chosen).length === 0) {
    findings.push(...written.flatMap((choice) => lossOf(system, current, choice)));
  }
  return { words: applied, findings };
}

/** Optimizers come first, because the learning rate's scaling may depend on them. */
function inOrder(chosen: readonly ChosenTrick[], { tricks }: OpenCommand): ChosenTrick[] {
  const isOptimizer = ({ name }: ChosenTrick) => (tricks[name]?.settings[0] === 'opt' ? 0 : 1);
  return chosen.toSorted((one, other) => isOptimizer(one) - isOptimizer(other));
}

type Step = { readonly changes: Changes } | { readonly finding: Finding };

/** Returns the changes of a trick to a command, or why there are none. `original` is the command as written. */
function stepOf(
  system: KnownSystem,
  original: OpenCommand,
  current: OpenCommand,
  { name, options }: ChosenTrick,
): Step {
  const mapping = original.tricks[name];
  const nothing: Step = { changes: {} };
  const because = (why: string): Step => ({ finding: refused(name, why, remedyOf(original, name)) });
  if (!mapping) {
    return options ? because(l10n.t('{0} has no options for {1}.', SYSTEM_TITLES[system], name)) : nothing;
  }
  const fits = known(() => mapping.fits?.(current.settings) ?? true);
  if (!fits.known) return options ? because(fits.why) : nothing;
  if (!fits.value) {
    const why = l10n.t('{0} does not have {1} for what this command trains.', SYSTEM_TITLES[system], name);
    return options ? because(why) : nothing;
  }
  const state = known(() => mapping.read(current.settings));
  if (!state.known) return because(state.why);
  const given = state.value && optionOfTrick(original, name);
  if (given) return { finding: saidTwice(name, given, options !== null) };
  if (!options && !state.value) return nothing;
  const obstacle = known(() => mapping.obstacle?.(current.settings) ?? null);
  const reason = obstacle.known ? obstacle.value : obstacle.why;
  if (reason !== null) return because(reason);
  const changes = known(() =>
    options ? mapping.write(options, current.settings) : mapping.erase(current.settings),
  );
  if (!changes.known) return because(changes.why);
  const conflict = conflictOf(original, name, changes.value);
  return conflict ? { finding: conflict } : { changes: changes.value };
}

/**
 * Returns the option by which a command has a trick, null if it does not have it, or only by the system's default or
 * its config.
 */
export function optionOfTrick(command: OpenCommand, name: TrickName): string | null {
  const mapping = command.tricks[name];
  const state = mapping ? stateOf(command, mapping) : null;
  if (!mapping || !state?.known || !state.value) return null;
  const options = { ...defaultsOf(name), ...state.value };
  const changes = known(() => mapping.write(options, command.settings));
  const settings = changes.known ? Object.keys(changes.value) : mapping.settings;
  for (const setting of mapping.settings.filter((each) => settings.includes(each))) {
    const given = command.optionAt(setting);
    if (given) return given.option;
  }
  return null;
}

/** Returns the options of a trick if a command has it, with those that the system sets apart. */
function stateOf(
  { settings }: OpenCommand,
  mapping: TrickMapping,
): Known<Readonly<Record<string, unknown>> | null> {
  const fits = known(() => mapping.fits?.(settings) ?? true);
  if (!fits.known) return fits;
  if (!fits.value) return { known: true, value: null };
  const state = known(() => mapping.read(settings));
  if (!state.known || !state.value) return state;
  const more = known(() => mapping.more?.(settings) ?? {});
  return { known: true, value: { ...state.value, ...(more.known ? more.value : {}) } };
}

function defaultsOf(name: TrickName): Readonly<Record<string, unknown>> {
  return trickOf(name).options.parse({});
}

function trickOf(name: TrickName): Trick<TrickName> {
  const trick = ALL_TRICKS.find((each) => each.name === name);
  if (!trick) throw new Error(`No trick is called ${name}.`);
  return trick;
}

function saidTwice(name: TrickName, option: string, isOn: boolean): Finding {
  return {
    path: ['tricks', name],
    part: 'key',
    what: isOn
      ? l10n.t('The command already has {0}, by {1}.', name, option)
      : l10n.t('The command has {0}, by {1}.', name, option),
    remedy: l10n.t('Remove {0} from the command, or {1} here.', option, name),
  };
}

/** Returns the finding for an option in the command that a trick would change, null if there is none. */
function conflictOf(original: OpenCommand, name: TrickName, changes: Changes): Finding | null {
  const moved = Object.values(changes);
  for (const [setting, value] of Object.entries(changes)) {
    const given = original.optionAt(setting);
    if (!given) continue;
    const isOff = value === undefined || value === null;
    // A value may move to another option, as the learning rate does with linear scaling.
    if (isOff ? moved.includes(given.value) : isDeepStrictEqual(given.value, value)) continue;
    return {
      path: ['tricks', name],
      part: 'key',
      what: isOff
        ? l10n.t('{0} has no effect with {1}, which is in the command.', name, given.option)
        : l10n.t('{0} needs {1}, but the command sets {2}.', name, shown(value) ?? '...', given.option),
      remedy: l10n.t('Remove {0} from the command, or {1} here.', given.option, name),
    };
  }
  return null;
}

/** Returns the findings for a trick that is not as asked in the final command, and for options that it cannot have. */
function lossOf(system: KnownSystem, command: OpenCommand, { name, options, given }: ChosenTrick): Finding[] {
  const mapping = command.tricks[name];
  if (!mapping) return [];
  const state = stateOf(command, mapping);
  if (!state.known) return [refused(name, state.why, remedyOf(command, name))];
  if ((state.value !== null) !== (options !== null)) {
    return [
      refused(
        name,
        options
          ? l10n.t('Other options of the command switch {0} off.', name)
          : l10n.t('Other options of the command switch {0} on.', name),
        remedyOf(command, name),
      ),
    ];
  }
  const read = state.value ?? {};
  const defaults = defaultsOf(name);
  return given.flatMap((option): Finding[] => {
    const asked = options?.[option];
    if (mapping.settable?.includes(option)) return [];
    const isThere = Object.hasOwn(read, option);
    if (isThere ? isSame(read[option], asked) : isSame(defaults[option], asked)) return [];
    return [
      {
        path: ['tricks', name, option],
        part: 'value',
        what: isThere
          ? l10n.t(
              '{0} has {1} for {2}, and no option to change it to {3}.',
              ...[SYSTEM_TITLES[system], shown(read[option]) ?? '...', option, shown(asked) ?? '...'],
            )
          : l10n.t('{0} has no option for {1}.', SYSTEM_TITLES[system], `${name}.${option}`),
        remedy: l10n.t('Remove it.'),
        fix: { type: 'remove' },
      },
    ];
  });
}

function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return isDeepStrictEqual(one, other);
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
}

/** Returns the findings for tricks that exclude each other, at the later one. */
export function exclusionsIn(chosen: readonly ChosenTrick[]): Finding[] {
  const tricks = chosen.filter(({ options }) => options).map(({ name }) => trickOf(name));
  return tricks.flatMap((trick, at) =>
    tricks
      .slice(0, at)
      .filter((other) => excludeEachOther(trick, other))
      .map((other) => ({
        path: ['tricks', trick.name],
        part: 'value' as const,
        what: l10n.t('{0} cannot be combined with {1}.', trick.name, other.name),
        remedy: l10n.t('Remove one of them.'),
      })),
  );
}

function refused(name: TrickName, what: string, remedy: string): Finding {
  return { path: ['tricks', name], part: 'key', what, remedy };
}

/** Returns the remedy for a trick that cannot be written. */
function remedyOf({ tricks }: OpenCommand, name: TrickName): string {
  return tricks[name]
    ? l10n.t('Change the command, or remove the trick.')
    : l10n.t(
        'Remove the trick. If your version of the program has options for it, write them under trainer: {0}.',
        `arguments: { ${name}: { with: ... } }`,
      );
}
