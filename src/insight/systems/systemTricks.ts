import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { experimentSchema } from '../../experiment/schema';
import type { EditResult } from '../../experiment/text/textEdits';
import type { Adapter, ForeignExperiment } from '../../interop/import/adapter';
import { type Known, known, type Settings, type TrickMapping } from '../../tricks/elsewhere/mapping';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { type PossibleExperiment, possibleExperiments } from '../possibleExperiments';
import { type Standing, standings, type TrickFit } from '../trickFit';

/** The tricks that a system has for what some settings train. */
export interface SystemTricks {
  readonly all: readonly SystemTrick[];
  /** The known options of the tricks that are in, by name. */
  readonly tricks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The parts of one experiment that the settings may mean, without tricks. */
  readonly parts: PossibleExperiment['parts'];
  /** Whether a trick is in with options that cannot be determined. */
  readonly isVague: boolean;
}

export interface SystemTrick extends TrickInFile {
  /** The trick's standing. Null if it does not fit. The reason if that depends on something unknown. */
  readonly standing: Standing | { readonly why: string } | null;
  /** The trick's effect in numbers. Null if that is open. */
  effect(): string | null;
}

/** Determines which tricks are in a system's settings, and which fit the experiment that the settings mean. */
export function systemTricks(
  mappings: Adapter['tricks'],
  settings: Settings,
  experiment: ForeignExperiment,
  name: string,
): SystemTricks {
  const states = ALL_TRICKS.flatMap((trick) => {
    const mapping = mappings[trick.name];
    return mapping ? (trickIn(trick, mapping, settings) ?? []) : [];
  });
  const tricks = Object.fromEntries(
    states.flatMap(({ trick, options }) => (options ? [[trick.name, options] as const] : [])),
  );
  const declared = Object.fromEntries(
    states.flatMap(({ trick, mapping, state }) => {
      const options = state.known && !state.value ? known(() => mapping.declared?.(settings) ?? {}) : null;
      return options?.known && Object.keys(options.value).length > 0 ? [[trick.name, options.value]] : [];
    }),
  );
  const possible = possibleStandings(experiment, { name, tricks }, declared);
  return {
    tricks,
    parts: possible.parts,
    isVague: states.some((each) => each.isVague),
    all: states.map((each): SystemTrick => {
      const { trick, mapping, state, isCertain, isVague } = each;
      const standing = state.known ? possible.standingOf(trick, isCertain) : { why: state.why };
      return {
        ...each,
        standing,
        effect: () => {
          if (isVague || standing === null || 'why' in standing) return null;
          if (!mapping.effect) return standing.effect();
          const { value } = standing;
          const options = {
            ...trick.options.parse(typeof value === 'object' ? value : {}),
            ...tricks[trick.name],
          };
          const own = known(() => mapping.effect?.(options, settings, experiment) ?? null);
          return own.known ? own.value : null;
        },
      };
    }),
  };
}

/** A trick and its state in a file. */
export interface TrickInFile {
  readonly trick: Trick<TrickName>;
  readonly mapping: TrickMapping;
  /** The options read from the file, null if the trick is not in it, or why that is unknown. */
  readonly state: Known<Readonly<Record<string, unknown>> | null>;
  /** All known options, if the trick is in the file. */
  readonly options: Readonly<Record<string, unknown>> | null;
  /** Whether the trick is in the file with options that cannot be determined. */
  readonly isVague: boolean;
  /** Whether the system certainly has the trick for what the file trains. */
  readonly isCertain: boolean;
}

/** Returns a trick's state in a file, null if the system does not have it for what the file trains. */
function trickIn(trick: Trick<TrickName>, mapping: TrickMapping, settings: Settings): TrickInFile | null {
  const isThere = known(() => mapping.fits?.(settings) ?? null);
  if (isThere.known && isThere.value === false) return null;
  const state = isThere.known ? known(() => mapping.read(settings)) : isThere;
  const read = state.known ? state.value : null;
  const more = read ? known(() => mapping.more?.(settings) ?? {}) : null;
  return {
    ...{ trick, mapping, state },
    options: read && { ...read, ...(more?.known ? more.value : {}) },
    isVague: more?.known === false,
    isCertain: isThere.known && isThere.value === true,
  };
}

/**
 * Returns the fit of a trick if the file leaves open whether it is in or fits. It is shown as unknown and cannot be
 * edited.
 */
export function unknownFit(trick: Trick<TrickName>, why: string): TrickFit {
  const refused: EditResult = {
    ok: false,
    reason: l10n.t('The file does not show whether the trick is in use or applies. {0}', why),
  };
  return {
    trick,
    isIn: false,
    unknown: why,
    value: true,
    ...NO_NUMBERS,
    toggle: () => refused,
    obstacle: () => why,
    options: () => [],
    configure: () => refused,
  };
}

/** Returns the standings of the tricks that hold no matter what the unknown parts of a file are. */
function possibleStandings(
  experiment: ForeignExperiment,
  around: { readonly name: string; readonly tricks: object },
  declared: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): {
  readonly parts: PossibleExperiment['parts'];
  /** Null if the trick does not fit. The reason if that depends on something unknown. */
  standingOf(trick: Trick<TrickName>, isCertain: boolean): Standing | { readonly why: string } | null;
} {
  const [first, ...others] = possibleExperiments(experiment).map(({ parts, why }) => {
    const parsed = experimentSchema.safeParse({ ...parts, ...around });
    return { parts, why, standings: parsed.success ? standings(parsed.data, true, declared) : [] };
  });
  if (!first) throw new Error('A file means at least one experiment.');
  return {
    parts: first.parts,
    standingOf: (trick, isCertain) => {
      const of = (each: typeof first) => each.standings.find((standing) => standing.trick === trick);
      const standing = of(first);
      const elsewhere = others.map((each) => ({ why: each.why ?? '', standing: of(each) }));
      const unclear = elsewhere.find((each) => (each.standing === undefined) !== (standing === undefined));
      // The system may certainly have the trick for the model. Then the numbers, which depend on the unknown part, are
      // dropped.
      if (unclear && isCertain && standing) return { ...standing, ...NO_NUMBERS };
      if (unclear) return { why: unclear.why };
      if (!standing) return null;
      const { value } = standing;
      const inCommon = (text: (each: Standing) => string | null) => {
        const said = text(standing);
        return elsewhere.every((each) => each.standing && text(each.standing) === said) ? said : null;
      };
      return {
        ...standing,
        // If the fitting value differs, it is unknown: use the trick's own defaults, plus the options in the file.
        value: elsewhere.every((each) => isDeepStrictEqual(each.standing?.value, value))
          ? value
          : (declared[trick.name] ?? true),
        effect: () => inCommon((each) => each.effect()),
        memory: () => inCommon((each) => each.memory()),
        recipes: () => (elsewhere.length > 0 ? null : standing.recipes()),
        otherOptions: () => (elsewhere.length > 0 ? [] : standing.otherOptions()),
      };
    },
  };
}

/** For a trick whose numbers depend on something that the file leaves open. */
const NO_NUMBERS = { effect: () => null, memory: () => null, recipes: () => null, otherOptions: () => [] };
