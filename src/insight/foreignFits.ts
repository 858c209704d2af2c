import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Range } from '../experiment/problem';
import { type ResolutionProblem, resolve } from '../experiment/resolve';
import { type Experiment, experimentSchema } from '../experiment/schema';
import { applyEdits, type EditResult } from '../experiment/text/textEdits';
import { validate } from '../experiment/validate';
import {
  type Adapter,
  type ForeignExperiment,
  type ForeignFile,
  flattened,
  type ReadText,
  type UnreadFile,
} from '../interop/import/adapter';
import { NO_FILES, readForeign } from '../interop/import/adapters';
import { isMapping, withValue } from '../shared/values';
import {
  type Changes,
  type Known,
  known,
  type Settings,
  type TrickMapping,
} from '../tricks/elsewhere/mapping';
import { ALL_TRICKS, type TrickName } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { type PossibleExperiment, possibleExperiments } from './possibleExperiments';
import { type Standing, standings, type TrickFit } from './trickFit';
import { trickOptions } from './trickOptions';

/** The tricks in another system's file, each with its range. */
export interface ForeignFits {
  readonly system: string;
  /** The start of the file's settings. */
  readonly start: Range;
  /** Why nothing in the file can be determined, as a sentence. Null if the file is read. */
  readonly unread: string | null;
  readonly fits: readonly TrickFit[];
  placeOf(fit: TrickFit): Range;
  /** Returns the setting at an offset with the tricks that it belongs to: those that are in the file, else all. */
  fitsAt(offset: number): { readonly range: Range; readonly fits: readonly TrickFit[] } | null;
}

/**
 * Determines which of a system's tricks are in a file of it, and which fit. Null if it is not a file of that system.
 * `readText` reads the files that it builds on, by path.
 */
export function foreignFits(
  text: string,
  fileName: string,
  readText: ReadText = NO_FILES,
): ForeignFits | null {
  const found = readForeign(text, fileName, readText);
  if (!found) return null;
  const { adapter, file } = found;
  if ('unread' in file) return unreadFits(adapter.system, file);
  const { settings } = file;
  const states = ALL_TRICKS.flatMap((trick) => {
    const mapping = adapter.tricks[trick.name];
    return mapping ? (trickIn(trick, mapping, settings) ?? []) : [];
  });
  const isVague = states.some((each) => each.isVague);
  const tricks: Record<string, Readonly<Record<string, unknown>>> = Object.fromEntries(
    states.flatMap(({ trick, options }) => (options ? [[trick.name, options]] : [])),
  );
  const declared = Object.fromEntries(
    states.flatMap(({ trick, mapping, state }) => {
      const options = state.known && !state.value ? known(() => mapping.declared?.(settings) ?? {}) : null;
      return options?.known && Object.keys(options.value).length > 0 ? [[trick.name, options.value]] : [];
    }),
  );
  const around = { name: fileName, tricks };
  const experiment = adapter.experiment(settings, fileName);
  const possible = possibleStandings(experiment, around, declared);
  const read = { name: fileName, ...possible.parts, tricks };
  const edited = (mapping: TrickMapping, changes: () => Changes, isIn: boolean): EditResult => {
    const asked = known(changes);
    return asked.known
      ? checkedEdit(adapter, file, text, { fileName, readText }, asked.value, mapping, isIn)
      : { ok: false, reason: asked.why };
  };
  const fits = states.flatMap(({ trick, mapping, state, isCertain, isVague: isOpen }): TrickFit[] => {
    if (!state.known) return [unknownFit(trick, state.why)];
    const standing = possible.standingOf(trick, isCertain);
    if (standing === null) return [];
    if ('why' in standing) return [unknownFit(trick, standing.why)];
    const { isIn, value } = standing;
    const options = trick.options.parse(typeof value === 'object' ? value : {});
    const written = tricks[trick.name] ?? {};
    const obstacle = known(() => mapping.obstacle?.(settings) ?? null);
    const reason = obstacle.known ? obstacle.value : obstacle.why;
    const unless = (edit: () => EditResult): EditResult => (reason === null ? edit() : { ok: false, reason });
    return [
      {
        ...standing,
        unknown: null,
        memory: () => (isOpen ? null : standing.memory()),
        recipes: () => (isVague ? null : standing.recipes()),
        otherOptions: () => (isVague ? [] : standing.otherOptions()),
        effect: () => {
          if (isOpen) return null;
          if (!mapping.effect) return standing.effect();
          const own = known(() => mapping.effect?.({ ...options, ...written }, settings, experiment) ?? null);
          return own.known ? own.value : null;
        },
        obstacle: () => reason,
        toggle: () =>
          unless(() =>
            edited(mapping, () => (isIn ? mapping.erase(settings) : mapping.write(options, settings)), !isIn),
          ),
        // Only options that the system can express.
        options: () =>
          isIn && reason === null && !isOpen
            ? trickOptions(trick, written, mapping.settable ?? Object.keys(written))
            : [],
        configure: (option, next) => {
          const problem = problemOf(withValue(read, ['tricks', trick.name, option], next), trick, option);
          return problem === null
            ? unless(() =>
                edited(mapping, () => mapping.write({ ...options, [option]: next }, settings), true),
              )
            : { ok: false, reason: problem };
        },
      },
    ];
  });
  const settingsOf = ({ trick }: TrickFit) => adapter.tricks[trick.name]?.settings ?? [];
  return {
    system: adapter.system,
    start: file.start,
    unread: null,
    fits,
    placeOf: (fit) =>
      placeOf(file, [...settingsOf(fit), ...(adapter.anchors[fit.trick.anchor.join('.')] ?? [])]),
    fitsAt: (offset) => {
      for (const setting of settings.keys()) {
        const range = file.rangeOf(setting);
        if (!range || offset < range.start.offset || offset > range.end.offset) continue;
        const named = fits.filter((fit) => settingsOf(fit).includes(setting));
        const inFile = named.filter(({ isIn }) => isIn);
        return { range, fits: inFile.length > 0 ? inFile : named };
      }
      return null;
    },
  };
}

/** A trick and its state in a file. */
interface TrickInFile {
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

/** Returns the result for a file that cannot be read: only the reason. */
function unreadFits(system: string, { unread, start }: UnreadFile): ForeignFits {
  return { system, start, unread, fits: [], placeOf: () => start, fitsAt: () => null };
}

/**
 * Returns the fit of a trick if the file leaves open whether it is in or fits. It is shown as unknown and cannot be
 * edited.
 */
function unknownFit(trick: Trick<TrickName>, why: string): TrickFit {
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

/** Returns the problem with a trick's option in an experiment, null if it is valid. */
function problemOf(experiment: unknown, { name }: Trick, option: string): string | null {
  const validation = validate(experiment);
  const findings = validation.ok ? problemsOf(validation.experiment) : validation.findings;
  const found = findings.find(({ path }) => path.join('.') === `tricks.${name}.${option}`);
  return found ? `${found.what} ${found.remedy}` : null;
}

function problemsOf(experiment: Experiment): readonly ResolutionProblem[] {
  const resolution = resolve(experiment);
  return resolution.ok ? [] : resolution.problems;
}

function placeOf(file: ForeignFile, settings: readonly string[]): Range {
  for (const setting of settings) {
    const range = file.rangeOf(setting);
    if (range) return range;
  }
  return file.start;
}

/**
 * Verifies the edited text by reading it again: it must contain the changes and no other difference, and the trick must
 * be in or out as requested.
 */
function checkedEdit(
  adapter: Adapter,
  file: ForeignFile,
  text: string,
  { fileName, readText }: { readonly fileName: string; readonly readText: ReadText },
  changes: Changes,
  mapping: TrickMapping,
  isIn: boolean,
): EditResult {
  const result = file.edit(changes);
  if (!result.ok) return result;
  const read = adapter.read(applyEdits(text, result.edits), fileName, readText);
  const after = read && 'settings' in read ? read.settings : null;
  const expected = new Map(file.settings);
  for (const [setting, value] of Object.entries(changes)) {
    for (const known of file.settings.keys()) {
      // A value replaces a mapping, and a mapping replaces a value.
      const isAbove = value !== undefined && setting.startsWith(`${known}.`);
      const isPartOfOther = known.startsWith(`${setting}.`) || isAbove;
      if (known === setting || isPartOfOther) expected.delete(known);
    }
    if (value === undefined) continue;
    const parts = isMapping(value) ? flattened(value, setting) : [[setting, value] as const];
    for (const [part, each] of parts) expected.set(part, each);
  }
  const isAsAsked =
    after && isDeepStrictEqual(new Map([...after].sort(byName)), new Map([...expected].sort(byName)));
  const state = after && known(() => mapping.read(after));
  if (state?.known === false) return { ok: false, reason: state.why };
  return isAsAsked && (state?.value !== null) === isIn
    ? result
    : { ok: false, reason: l10n.t('As the file is written now, the edit would change other parts of it.') };
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
