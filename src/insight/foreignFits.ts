import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Range } from '../experiment/problem';
import { type ResolutionProblem, resolve } from '../experiment/resolve';
import { type Experiment, experimentSchema } from '../experiment/schema';
import { applyEdits, type EditResult } from '../experiment/text/textEdits';
import { validate } from '../experiment/validate';
import type { Adapter, ForeignFile } from '../interop/import/adapter';
import { readForeign } from '../interop/import/adapters';
import { withValue } from '../shared/values';
import type { Changes } from '../tricks/elsewhere/mapping';
import type { Trick } from '../tricks/trick';
import { standings, type TrickFit } from './trickFit';
import { trickOptions } from './trickOptions';

/** The tricks of another system's file, each with its place. */
export interface ForeignFits {
  readonly system: string;
  readonly fits: readonly TrickFit[];
  placeOf(fit: TrickFit): Range;
  /** The setting at an offset, with the tricks it is a word of: those that are in, else all. */
  fitsAt(offset: number): { readonly range: Range; readonly fits: readonly TrickFit[] } | null;
}

/** How the tricks that a system has stand to a file of it; null where it is no such file. */
export function foreignFits(text: string, fileName: string): ForeignFits | null {
  const found = readForeign(text, fileName);
  if (!found) return null;
  const { adapter, file } = found;
  const { settings } = file;
  const { parts, isWhole } = adapter.experiment(settings, fileName);
  const tricks: Record<string, Readonly<Record<string, unknown>>> = Object.fromEntries(
    Object.entries(adapter.tricks).flatMap(([name, mapping]) => {
      const options = mapping.read(settings);
      return options ? [[name, options]] : [];
    }),
  );
  const read = { name: fileName, ...parts, tricks };
  const experiment = experimentSchema.safeParse(read);
  const standing = experiment.success ? standings(experiment.data, isWhole) : [];
  const edited = (changes: Changes) => checkedEdit(adapter, file, text, fileName, changes);
  const fits = standing.flatMap((each): TrickFit[] => {
    const { trick, isIn, value } = each;
    const mapping = adapter.tricks[trick.name];
    if (!mapping) return [];
    const options = trick.options.parse(typeof value === 'object' ? value : {});
    const written = tricks[trick.name] ?? {};
    const obstacle = mapping.obstacle?.(settings) ?? null;
    const unless = (edit: () => EditResult): EditResult =>
      obstacle === null ? edit() : { ok: false, reason: obstacle };
    return [
      {
        ...each,
        obstacle: () => obstacle,
        toggle: () => unless(() => edited(isIn ? mapping.erase(settings) : mapping.write(options, settings))),
        // Those that the system has a word for.
        options: () => (isIn && obstacle === null ? trickOptions(trick, written, Object.keys(written)) : []),
        configure: (option, next) => {
          const problem = problemOf(withValue(read, ['tricks', trick.name, option], next), trick, option);
          return problem === null
            ? unless(() => edited(mapping.write({ ...options, [option]: next }, settings)))
            : { ok: false, reason: problem };
        },
      },
    ];
  });
  const settingsOf = ({ trick }: TrickFit) => adapter.tricks[trick.name]?.settings ?? [];
  return {
    system: adapter.system,
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

/** What is wrong with an option of a trick in an experiment; null where it can stand. */
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

/** Reads the edited text before anyone relies on it: it must have the changes and nothing else that is new. */
function checkedEdit(
  adapter: Adapter,
  file: ForeignFile,
  text: string,
  fileName: string,
  changes: Changes,
): EditResult {
  const result = file.edit(changes);
  if (!result.ok) return result;
  const after = adapter.read(applyEdits(text, result.edits), fileName)?.settings;
  const expected = new Map(file.settings);
  for (const [setting, value] of Object.entries(changes)) {
    for (const known of file.settings.keys()) {
      if (known === setting || known.startsWith(`${setting}.`)) expected.delete(known);
    }
    if (value !== undefined) expected.set(setting, value);
  }
  const isAsAsked =
    after && isDeepStrictEqual(new Map([...after].sort(byName)), new Map([...expected].sort(byName)));
  return isAsAsked
    ? result
    : { ok: false, reason: l10n.t('The edit would change other parts of the file, as it is written now.') };
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
