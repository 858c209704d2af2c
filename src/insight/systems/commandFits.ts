import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { writtenTrick } from '../../experiment/aliases';
import { placeholdersIn } from '../../experiment/command/placeholders';
import { insertTrick, removeTrick, setOption, trickObstacle } from '../../experiment/edits';
import type { EditResult } from '../../experiment/text/textEdits';
import { optionOfTrick, SYSTEM_TITLES } from '../../interop/command/commandTricks';
import type { CommandPlace, OpenCommand } from '../../interop/command/knownCommand';
import { openCommand } from '../../interop/command/openCommand';
import type { CommandParseResult } from '../../interop/command/parse';
import type { ExperimentPlace } from '../../interop/command/resolve';
import { NO_FILES } from '../../interop/import/adapters';
import { shellWord } from '../../interop/import/shell';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import { isMapping, valueAt, withValue } from '../../shared/values';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import type { TrickFit } from '../trickFit';
import { trickOptions } from '../trickOptions';
import { type CommandSpace, commandSpace } from './commandSpace';
import { type SystemTrick, type SystemTricks, systemTricks, unknownFit } from './systemTricks';

/** The relation of the tricks to a command experiment. */
export interface CommandFits {
  /** The tricks that are in, can be inserted, or that the command leaves open. In the registry's order. */
  readonly fits: readonly TrickFit[];
  /** Why the command cannot have the other tricks, or what makes them pointless, as a sentence. */
  readonly refusals: ReadonlyMap<TrickName, string>;
  /** Null if the rest of the file has too many problems to know more than the tricks that are written in it. */
  readonly space: CommandSpace | null;
  /** Returns the recipes without a trick and with it. Null if either cannot be trained. */
  recipes(name: TrickName): CommandRecipes | null;
}

export interface CommandRecipes {
  readonly without: CommandRecipe;
  readonly with: CommandRecipe;
}

/**
 * Determines which tricks are in a command experiment, by its file or by options of its command, and which can be
 * inserted: the system has them for this command, and nothing excludes them.
 */
export function commandFits(parsed: CommandParseResult, place: ExperimentPlace): CommandFits {
  const space = commandSpace(parsed, place);
  const refusals = new Map<TrickName, string>();
  const recipes = new Map<TrickName, () => CommandRecipes | null>();
  const known = space && systemOf(space);
  const fits = ALL_TRICKS.flatMap((trick): TrickFit[] => {
    const state = stateOf(trick, parsed, space, known);
    if ('refusal' in state) {
      refusals.set(trick.name, state.refusal);
      return [];
    }
    if (state.recipes) recipes.set(trick.name, state.recipes);
    return [state.fit];
  });
  return { fits, refusals, space, recipes: (name) => recipes.get(name)?.() ?? null };
}

/** Returns the arguments that a trick adds to a command, as a shell writes them. Empty if it only removes some. */
export function addedArguments({ without, with: withIt }: CommandRecipes): string {
  const words: string[] = [];
  let option: string | null = null;
  for (const { word, isAdded } of differences(without.command, withIt.command)) {
    const isOption = /^--?[a-z]/i.test(word);
    if (isOption) option = word;
    if (!isAdded) continue;
    // A new value of an option that was there is shown with the option.
    if (!isOption && option !== null && !words.includes(option)) words.push(option);
    words.push(word);
  }
  return words.map(shellWord).join(' ');
}

/** Returns the words after a change, and whether each was added: it is in no longest common subsequence. */
function differences(
  before: readonly string[],
  after: readonly string[],
): { readonly word: string; readonly isAdded: boolean }[] {
  const common = before.map(() => new Array<number>(after.length + 1).fill(0));
  common.push(new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i]![j] =
        before[i] === after[j]
          ? common[i + 1]![j + 1]! + 1
          : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  let i = 0;
  return after.map((word, j) => {
    while (i < before.length && before[i] !== word && common[i + 1]![j]! >= common[i]![j + 1]!) i += 1;
    const isAdded = before[i] !== word || i >= before.length;
    if (!isAdded) i += 1;
    return { word, isAdded };
  });
}

/** A command of a known system, with the tricks that it has. */
interface KnownTricks {
  /** Without the tricks of the file. Null if its options are not all known. */
  readonly plain: OpenCommand | null;
  /** With the tricks of the file. */
  readonly tricks: SystemTricks | null;
  /** Why its options are not known, as a sentence. */
  readonly rejected: string | null;
}

function systemOf({ experiment, recipe, place, resolved }: CommandSpace): KnownTricks | null {
  const { system } = experiment;
  if (system === 'generic') return null;
  const commandPlace: CommandPlace = {
    environment: recipe.environment,
    workingDirectory: recipe.workingDirectory,
    fileName: place.fileName ?? '',
    readText: place.readText ?? NO_FILES,
  };
  const none = Object.fromEntries(experiment.tricks.map(({ name }) => [name, undefined]));
  const bare = resolved(none);
  const plain = openCommand(system, bare.ok ? bare.recipe.command : experiment.command, commandPlace);
  if ('rejected' in plain) return { plain: null, tricks: null, rejected: plain.rejected };
  const full = openCommand(system, recipe.command, commandPlace);
  const open = 'rejected' in full ? plain : full;
  return {
    plain,
    rejected: null,
    tricks: systemTricks(open.tricks, open.settings, open.experiment(), experiment.name),
  };
}

type TrickState =
  | { readonly fit: TrickFit; readonly recipes?: () => CommandRecipes | null }
  | { readonly refusal: string };

function stateOf(
  trick: Trick<TrickName>,
  parsed: CommandParseResult,
  space: CommandSpace | null,
  known: KnownTricks | null,
): TrickState {
  const { document } = parsed;
  const { name } = trick;
  const key = writtenTrick(document.value, name);
  const written = key === undefined ? undefined : valueAt(document.value, ['tricks', key]);
  const inSystem = known?.tricks?.all.find((each) => each.trick === trick);
  if (written) return writtenState(trick, parsed, space, known, inSystem);
  if (!space) return { refusal: l10n.t('Fix the errors in this file first.') };
  const { experiment } = space;
  if (Object.hasOwn(experiment.arguments, name)) return insertable(trick, parsed, space, [true], inSystem);
  if (experiment.system === 'generic') {
    return { refusal: l10n.t('The arguments for {0} are not in the file.', name) };
  }
  if (!known?.plain) return { refusal: known?.rejected ?? '' };
  if (!known.plain.tricks[name]) {
    return { refusal: l10n.t('{0} has no options for {1}.', SYSTEM_TITLES[experiment.system], name) };
  }
  const option = optionOfTrick(known.plain, name);
  if (option !== null) return { fit: givenFit(trick, option, inSystem) };
  if (!inSystem) {
    const title = SYSTEM_TITLES[experiment.system];
    return { refusal: l10n.t('{0} does not have {1} for what this command trains.', title, name) };
  }
  const { standing } = inSystem;
  if (!inSystem.state.known) return { fit: unknownFit(trick, inSystem.state.why) };
  if (inSystem.state.value) return onByDefault(trick, parsed, space, inSystem);
  if (standing === null) {
    const trial = space.resolved({ [name]: true });
    return { refusal: trial.ok ? pointless() : reasonIn(trial.findings, name) };
  }
  if ('why' in standing) return { fit: unknownFit(trick, standing.why) };
  return insertable(trick, parsed, space, [standing.value, true], inSystem);
}

function pointless(): string {
  return l10n.t('It changes nothing here, or another trick in the file excludes it.');
}

/** Returns the state of a trick that is written in the file, and on. */
function writtenState(
  trick: Trick<TrickName>,
  { document }: CommandParseResult,
  space: CommandSpace | null,
  known: KnownTricks | null,
  inSystem: SystemTrick | undefined,
): TrickState {
  const { name } = trick;
  const value = space?.valueOf(name) ?? true;
  const held = isMapping(value) ? value : {};
  return {
    recipes: () => (space ? recipesOf(space, { [name]: undefined }, {}) : null),
    fit: {
      ...numbersOf(inSystem),
      ...{ trick, isIn: true, unknown: null, value },
      toggle: () => removeTrick(document, name),
      obstacle: () => trickObstacle(document, name, undefined),
      options: () => (space ? trickOptions(trick, held, settableOf(trick, space, known)) : []),
      configure: (option, next) => {
        if (!space) return refused(l10n.t('Fix the errors in this file first.'));
        const asked = withValue(held, [option], next);
        const trial = space.resolved({ [name]: asked });
        return trial.ok
          ? setOption(document, name, option, next)
          : refused(reasonIn(trial.findings, name, option));
      },
    },
  };
}

/** Returns the options of a trick that the arguments of the file use, or that the system can express. */
function settableOf({ name }: Trick<TrickName>, { experiment }: CommandSpace, known: KnownTricks | null) {
  const given = experiment.arguments[name];
  if (given) return [...new Set(given.with.flatMap(placeholdersIn))];
  const mapping = known?.plain?.tricks[name];
  return mapping?.settable ?? Object.keys(known?.tricks?.tricks[name] ?? {});
}

/** Returns the state of a trick that is off: it can be inserted with the first of some values that the command takes. */
function insertable(
  trick: Trick<TrickName>,
  { document }: CommandParseResult,
  space: CommandSpace,
  values: readonly unknown[],
  inSystem: SystemTrick | undefined,
): TrickState {
  const { name } = trick;
  const value = values.find((each) => space.resolved({ [name]: each }).ok);
  if (value === undefined) {
    const trial = space.resolved({ [name]: true });
    return { refusal: trial.ok ? pointless() : reasonIn(trial.findings, name) };
  }
  const both = recipesOf(space, {}, { [name]: value });
  if (both && isDeepStrictEqual(both.with.command, both.without.command)) return { refusal: pointless() };
  return {
    recipes: () => both,
    fit: {
      ...numbersOf(inSystem),
      ...{ trick, isIn: false, unknown: null, value },
      toggle: (more = {}) =>
        insertTrick(
          document,
          name,
          Object.keys(more).length === 0 ? value : { ...(isMapping(value) ? value : {}), ...more },
        ),
      obstacle: () => trickObstacle(document, name, value),
      ...NOT_CONFIGURABLE,
    },
  };
}

/** Returns the state of a trick that the system has by default, or by the command's config. */
function onByDefault(
  trick: Trick<TrickName>,
  { document }: CommandParseResult,
  space: CommandSpace,
  inSystem: SystemTrick,
): TrickState {
  const { name } = trick;
  const trial = space.resolved({ [name]: false });
  const reason = trial.ok ? trickObstacle(document, name, false) : reasonIn(trial.findings, name);
  return {
    recipes: () => recipesOf(space, { [name]: false }, {}),
    fit: {
      ...numbersOf(inSystem),
      ...{ trick, isIn: true, unknown: null, value: inSystem.options ?? true, isInCommand: true },
      toggle: () => (reason === null ? insertTrick(document, name, false) : refused(reason)),
      obstacle: () => reason,
      ...NOT_CONFIGURABLE,
    },
  };
}

/** Returns the fit of a trick that is in by an option of the command. Only a person changes the command. */
function givenFit(trick: Trick<TrickName>, option: string, inSystem: SystemTrick | undefined): TrickFit {
  const why = l10n.t('The command already has {0}, by {1}.', trick.name, option);
  return {
    ...numbersOf(inSystem),
    ...{ trick, isIn: true, unknown: null, value: inSystem?.options ?? true },
    ...{ isInCommand: true, byOption: option },
    toggle: () => refused(`${why} ${l10n.t('Remove it from the command instead.')}`),
    obstacle: () => why,
    ...NOT_CONFIGURABLE,
  };
}

const NOT_CONFIGURABLE: Pick<TrickFit, 'options' | 'configure'> = {
  options: () => [],
  configure: () => refused(l10n.t('The trick is no longer in the file.')),
};

/** The numbers of a trick. The recipes of our own trainer say nothing about the runs of a command. */
function numbersOf(
  trick: SystemTrick | undefined,
): Pick<TrickFit, 'effect' | 'memory' | 'recipes' | 'otherOptions'> {
  return {
    effect: () => trick?.effect() ?? null,
    memory: () => null,
    recipes: () => null,
    otherOptions: () => [],
  };
}

function recipesOf(
  space: CommandSpace,
  ...[without, withIt]: readonly [
    Parameters<CommandSpace['resolved']>[0],
    Parameters<CommandSpace['resolved']>[0],
  ]
): CommandRecipes | null {
  const before = space.resolved(without);
  const after = space.resolved(withIt);
  return before.ok && after.ok ? { without: before.recipe, with: after.recipe } : null;
}

/** Returns why a trial failed: what its finding about a trick says, or about one of its options. */
function reasonIn(
  findings: readonly { readonly path: readonly (string | number)[]; readonly what: string }[],
  name: TrickName,
  option?: string,
): string {
  const about = findings.filter(({ path }) => path[0] === 'tricks' && path[1] === name);
  const found = about.find(({ path }) => path[2] === option) ?? about[0] ?? findings[0];
  return found?.what ?? '';
}

function refused(reason: string): EditResult {
  return { ok: false, reason };
}
