import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Range } from '../experiment/problem';
import { type ResolutionProblem, resolve } from '../experiment/resolve';
import type { Experiment } from '../experiment/schema';
import { applyEdits, type EditResult } from '../experiment/text/textEdits';
import { validate } from '../experiment/validate';
import {
  type Adapter,
  type ForeignFile,
  flattened,
  type ReadText,
  type UnreadFile,
} from '../interop/import/adapter';
import { NO_FILES, readForeign } from '../interop/import/adapters';
import { isMapping, withValue } from '../shared/values';
import { type Changes, known, type TrickMapping } from '../tricks/elsewhere/mapping';
import type { Trick } from '../tricks/trick';
import { systemTricks, unknownFit } from './systems/systemTricks';
import type { TrickFit } from './trickFit';
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
  const experiment = adapter.experiment(settings, fileName);
  const read = systemTricks(adapter.tricks, settings, experiment, fileName);
  const edited = (mapping: TrickMapping, changes: () => Changes, isIn: boolean): EditResult => {
    const asked = known(changes);
    return asked.known
      ? checkedEdit(adapter, file, text, { fileName, readText }, asked.value, mapping, isIn)
      : { ok: false, reason: asked.why };
  };
  const fits = read.all.flatMap((each): TrickFit[] => {
    const { trick, mapping, standing, isVague: isOpen } = each;
    if (standing === null) return [];
    if ('why' in standing) return [unknownFit(trick, standing.why)];
    const { isIn, value } = standing;
    const options = trick.options.parse(typeof value === 'object' ? value : {});
    const written = read.tricks[trick.name] ?? {};
    const obstacle = known(() => mapping.obstacle?.(settings) ?? null);
    const reason = obstacle.known ? obstacle.value : obstacle.why;
    const unless = (edit: () => EditResult): EditResult => (reason === null ? edit() : { ok: false, reason });
    return [
      {
        ...standing,
        unknown: null,
        memory: () => (isOpen ? null : standing.memory()),
        recipes: () => (read.isVague ? null : standing.recipes()),
        otherOptions: () => (read.isVague ? [] : standing.otherOptions()),
        effect: () => each.effect(),
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
          const asked = withValue(
            { name: fileName, ...read.parts, tricks: read.tricks },
            ['tricks', trick.name, option],
            next,
          );
          const problem = problemOf(asked, trick, option);
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

/** Returns the result for a file that cannot be read: only the reason. */
function unreadFits(system: string, { unread, start }: UnreadFile): ForeignFits {
  return { system, start, unread, fits: [], placeOf: () => start, fitsAt: () => null };
}

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
