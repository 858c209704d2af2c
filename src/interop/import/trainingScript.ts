import * as l10n from '@vscode/l10n';
import { Lines } from '../../experiment/problem';
import type { EditResult, TextEdit } from '../../experiment/text/textEdits';
import { isMapping } from '../../shared/values';
import { type Changes, COMPUTED, type Known, type Settings } from '../../tricks/elsewhere/mapping';
import { type ForeignFile, flattened, type UnreadFile } from './adapter';
import {
  type Flag,
  type FlagTable,
  isOffInEveryRelease,
  optionOf,
  type ReadFlag,
  type ReadFlags,
  readFlags,
  takes,
  wordsOf,
} from './argparse';
import { type Launch, launchOf } from './launch';
import { type ShellWord, shellScriptOf, shellWord } from './shell';

/** A system's training script: its options, and how to recognize it. */
export interface TrainingProgram {
  readonly system: string;
  /** The release that the option table describes. */
  readonly release: string;
  readonly table: FlagTable;
  /** Matches its path in the system's own repository. */
  readonly home: RegExp;
}

/** Minimum number of distinctive options: those that no other system's script has. */
const ENOUGH = 2;

/**
 * Returns the only command of a shell script that starts a system's training, null if none certainly does. A script
 * with several, or with unknown constructs, is unread.
 */
export function trainingFile(
  text: string,
  program: TrainingProgram,
  others: readonly TrainingProgram[],
): ForeignFile | UnreadFile | null {
  if (!/train\.(?:py|sh)/.test(text)) return null;
  const { commands, unread } = shellScriptOf(text);
  // Slurm sets them, too.
  const environment = /^#SBATCH|\b(?:WORLD_SIZE|SLURM_\w+)(?==)/m.exec(text)?.[0] ?? null;
  const launches = commands.flatMap((command) => launchOf(command, environment) ?? []);
  const first = firstOf(launches, program, others);
  if (!first) return null;
  const lines = new Lines(text);
  const { script } = first.launch;
  const start = lines.range(script.start, script.end);
  if (unread !== null)
    return { unread: l10n.t('The script contains {0}, which is not supported.', unread), start };
  if (launches.length > 1) {
    return {
      unread: l10n.t('The script starts {0} trainings, but only one can be read.', launches.length),
      start,
    };
  }
  return fileOf(text, program, first.launch, first.read);
}

/** Returns the file of a training with known options. */
export function fileOf(text: string, program: TrainingProgram, launch: Launch, read: ReadFlags): ForeignFile {
  const lines = new Lines(text);
  const flags = new Map(read.flags.map((flag) => [flag.setting, flag]));
  return {
    settings: settingsOf(read, flags, program, launch.processes),
    rangeOf: (setting) => {
      const flag = flags.get(setting.split('.')[0] ?? '');
      const isThere = flag && (flag.setting === setting || hasPair(flag, setting));
      return isThere ? lines.range(flag.word.start, endOf(flag)) : null;
    },
    start: lines.range(launch.script.start, launch.script.end),
    edit: (changes) => edited(text, launch, read, program.table, changes),
  };
}

/** No person writes a script with more trainings, or a command with more arguments. */
const MAX_LAUNCHES = 256;
const MAX_ARGUMENTS = 2000;

/** Returns the first training of this program. */
function firstOf(
  launches: readonly Launch[],
  program: TrainingProgram,
  others: readonly TrainingProgram[],
): { readonly launch: Launch; readonly read: ReadFlags } | null {
  for (const launch of launches.slice(0, MAX_LAUNCHES)) {
    const read = flagsOf(launch, program, others);
    if (read) return { launch, read };
  }
  return null;
}

/** Returns a command's options, if it is certainly this program's. */
function flagsOf(
  { script, args }: Launch,
  { table, home }: TrainingProgram,
  others: readonly TrainingProgram[],
): ReadFlags | null {
  const read = args.length > MAX_ARGUMENTS ? null : readFlags(args, table);
  if (!read) return null;
  if (home.test(script.value ?? '')) return read;
  const telling = read.flags.filter(
    ({ setting, isFull, word }) =>
      isFull && word.value?.startsWith('--') && table.flags[setting]?.isCommon !== true,
  );
  const isEnough = new Set(telling.map(({ setting }) => setting)).size >= ENOUGH;
  return isEnough && others.every((other) => readFlags(args, other.table) === null) ? read : null;
}

function settingsOf(
  { hidden }: ReadFlags,
  flags: ReadonlyMap<string, ReadFlag>,
  { system, release, table }: TrainingProgram,
  processes: Known<number>,
): Settings {
  const entries = [...flags].flatMap(([setting, { value }]) =>
    isMapping(value) ? flattened(value, setting) : [[setting, value] as [string, unknown]],
  );
  const older = [...flags.keys()].find((setting) => table.flags[setting]?.isOlder);
  const config = flags.get('config')?.value;
  const olderWhy =
    older === undefined
      ? null
      : l10n.t(
          '{0} is an option from a release before {1} {2}, which has different defaults.',
          optionOf(older),
          system,
          release,
        );
  const elsewhere = config === undefined ? hidden : typeof config === 'string' ? config : optionOf('config');
  const elsewhereWhy = elsewhere === null ? null : l10n.t('{0} may set it.', elsewhere);
  return Object.assign(new Map(entries), {
    processes,
    absentBecause: (setting: string) =>
      elsewhereWhy ?? (isOffInEveryRelease(table.flags[setting]) ? null : olderWhy),
  });
}

function hasPair({ setting, value }: ReadFlag, path: string): boolean {
  return isMapping(value) && flattened(value, setting).some(([key]) => key === path);
}

function endOf({ word, values }: ReadFlag): number {
  return values.at(-1)?.end ?? word.end;
}

/** Edits a command: flags keep their form and position, new ones are appended. */
function edited(
  text: string,
  launch: Launch,
  read: ReadFlags,
  table: FlagTable,
  changes: Changes,
): EditResult {
  const edits: TextEdit[] = [];
  let added = '';
  for (const [setting, value] of wholeChanges(changes, read)) {
    const flag = table.flags[setting];
    const there = read.flags.filter((each) => each.setting === setting);
    const last = there.at(-1);
    if (!flag) return { ok: false, reason: l10n.t('train.py has no option {0}.', optionOf(setting)) };
    if (last && isComputed(last.value)) {
      return { ok: false, reason: l10n.t('The script computes {0}.', optionOf(setting)) };
    }
    const isTaken = value === undefined || value === null || (flag.type === 'switch' && value === false);
    if (isTaken) {
      edits.push(...there.map((each) => removal(text, each)));
    } else if (!takes(flag, value)) {
      return { ok: false, reason: l10n.t('{0} cannot be {1}.', optionOf(setting), String(value)) };
    } else if (last) {
      edits.push(replacement(last, flag, value));
    } else {
      const words = [optionOf(setting), ...wordsOf(flag, value).map(shellWord)];
      added += separatorOf(text, launch.args) + words.join(' ');
    }
  }
  const end = (launch.args.at(-1) ?? launch.script).end;
  if (added !== '') edits.push({ offset: end, length: 0, text: added });
  return { ok: true, edits };
}

function isComputed(value: unknown): boolean {
  return value === COMPUTED || (isMapping(value) && Object.values(value).includes(COMPUTED));
}

/** Merges changes per option: pairs are combined into the mapping of their option. */
function wholeChanges(changes: Changes, { flags }: ReadFlags): Map<string, unknown> {
  const whole = new Map<string, unknown>();
  for (const [path, value] of Object.entries(changes)) {
    const [setting = '', key] = path.split('.');
    if (key === undefined) {
      whole.set(setting, value);
      continue;
    }
    const there = flags.findLast((flag) => flag.setting === setting)?.value;
    const before = whole.get(setting) ?? (isMapping(there) ? there : {});
    const { [key]: _, ...rest } = before as Record<string, unknown>;
    const after = value === undefined ? rest : { ...rest, [key]: value };
    whole.set(setting, Object.keys(after).length > 0 ? after : undefined);
  }
  return whole;
}

function removal(text: string, flag: ReadFlag): TextEdit {
  const start = gapBefore(text, flag.word.start);
  return { offset: start, length: endOf(flag) - start, text: '' };
}

function replacement(flag: ReadFlag, type: Flag, value: unknown): TextEdit {
  const words = wordsOf(type, value).map(shellWord);
  const { word, values, joinedAt } = flag;
  // After `=` there is room for only one value.
  if (joinedAt !== null && words.length !== 1) {
    const text = [optionOf(flag.setting), ...words].join(' ');
    return { offset: word.start, length: word.end - word.start, text };
  }
  if (joinedAt !== null) {
    const isPlain = word.raw.slice(0, joinedAt) === word.value?.slice(0, joinedAt);
    const start = isPlain ? word.start + joinedAt : word.start;
    const option = isPlain ? '' : `${optionOf(flag.setting)}=`;
    return { offset: start, length: word.end - start, text: option + words.join(' ') };
  }
  const [first] = values;
  // A switch has no value to replace.
  if (!first) return { offset: word.end, length: 0, text: '' };
  return { offset: first.start, length: endOf(flag) - first.start, text: words.join(' ') };
}

/**
 * Returns the separator between arguments at the end of a command: a space, or a line break if the last ones are on
 * lines of their own.
 */
function separatorOf(text: string, args: readonly ShellWord[]): string {
  const last = args.findLast(({ raw }) => raw.startsWith('-'));
  const line =
    last && /(\\\r?\n[ \t]*)-[^\r\n]*$/.exec(text.slice(Math.max(last.start - 1024, 0), last.start + 1))?.[1];
  return line ? ` ${line}` : ' ';
}

/** Returns the start of the whitespace before a flag, including a line continuation. */
function gapBefore(text: string, start: number): number {
  const before = text.slice(Math.max(start - 256, 0), start);
  return start - (/[ \t]*(?:\\\r?\n[ \t]*)?$/.exec(before)?.[0] ?? '').length;
}
