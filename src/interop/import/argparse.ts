import { COMPUTED } from '../../tricks/elsewhere/mapping';
import type { ShellWord } from './shell';

/** The values of a Python program's option, as declared with argparse. */
export interface Flag {
  /** `pairs` are KEY=VALUE words that form a mapping. */
  readonly type: 'int' | 'float' | 'text' | 'switch' | 'pairs';
  /** Number of values: one, at most one, any number, at least one, or exactly this many. */
  readonly count: 'one' | 'optional' | 'any' | 'some' | number;
  /** The value if the option is not set. */
  readonly byDefault: unknown;
  /** Further option strings besides the setting's own name. */
  readonly also?: readonly string[];
  readonly choices?: readonly string[];
  /** Whether only older releases have it. Their defaults may differ. */
  readonly isOlder?: true;
  /** Whether many other programs have an option of that name, so that it does not identify the program. */
  readonly isCommon?: true;
}

/** The options of a program, by the settings that they set. */
export interface FlagTable {
  readonly flags: Readonly<Record<string, Flag>>;
  /** The setting of the only positional argument, if the program has one. */
  readonly positional?: string;
}

/** An option in a command. */
export interface ReadFlag {
  readonly setting: string;
  /** The word of the option, including its value if they are joined by `=`. */
  readonly word: ShellWord;
  /** The words of its values. Empty if the value is part of the option's own word. */
  readonly values: readonly ShellWord[];
  /** Offset of the value in the option's own word, null if it is not part of it. */
  readonly joinedAt: number | null;
  readonly value: unknown;
  /** Whether it is spelled in full, not as a prefix. */
  readonly isFull: boolean;
}

/** A command's options as its program parses them. */
export interface ReadFlags {
  readonly flags: readonly ReadFlag[];
  /** A word that may expand to options, such as `$ARGS`, as written. Null if there is none. */
  readonly hidden: string | null;
}

/** Whether an option is off by default in every release. Default numbers and names may differ between releases. */
export function isOffInEveryRelease(flag: Flag | undefined): boolean {
  return flag !== undefined && (flag.type === 'switch' || flag.byDefault === null);
}

/** Returns the option string of a setting, such as `--name`. */
export function optionOf(setting: string): string {
  return `--${setting.replaceAll('_', '-')}`;
}

/** Parses the options in a command's arguments. Null if the program would reject them. */
export function readFlags(words: readonly ShellWord[], table: FlagTable): ReadFlags | null {
  const options = optionsOf(table);
  const flags: ReadFlag[] = [];
  let hidden: string | null = null;
  let hasPositional = table.positional === undefined;
  for (let at = 0; at < words.length; ) {
    const word = words[at]!;
    at += 1;
    if (!isOption(word)) {
      if (hasPositional || word.value === '--') {
        if (word.value !== null) return null;
        hidden = word.raw;
      } else if (word.value !== null || isPositional(word, flags.length === 0)) {
        hasPositional = true;
        flags.push(positional(table.positional!, word));
      } else {
        hidden = word.raw;
      }
      continue;
    }
    const found = foundOption(word, options);
    if (!found) return null;
    const flag = table.flags[found.setting]!;
    const values: ShellWord[] = [];
    if (found.joined === null) {
      const most = mostValues(flag);
      while (values.length < most && words[at] && !isOption(words[at]!)) {
        // A word that the shell splits may expand to several words, including options.
        if (values.length > 0 && words[at]!.isSplit) break;
        values.push(words[at]!);
        at += 1;
      }
      if (values.some(({ isSplit }) => isSplit) && most > 1)
        hidden = values.find((each) => each.isSplit)!.raw;
    }
    const texts = found.joined === null ? values.map((each) => each.value) : [found.joined];
    const value = flagValue(flag, texts, found.joined !== null);
    if (value === undefined) return null;
    flags.push({
      setting: found.setting,
      word,
      values,
      joinedAt: found.joined === null ? null : found.joinedAt,
      value,
      isFull: found.isFull,
    });
  }
  return { flags, hidden };
}

/** Whether a program accepts a value for an option. */
export function takes(flag: Flag, value: unknown): boolean {
  const one = (each: unknown) => {
    switch (flag.type) {
      case 'int':
        return Number.isSafeInteger(each);
      case 'float':
        return typeof each === 'number' && Number.isFinite(each);
      case 'text':
        return typeof each === 'string' && (flag.choices?.includes(each) ?? true);
      case 'switch':
        return typeof each === 'boolean';
      case 'pairs':
        return true;
    }
  };
  const many = flag.count !== 'one' && flag.count !== 'optional';
  return Array.isArray(value) && many ? value.every(one) : one(value);
}

function positional(setting: string, word: ShellWord): ReadFlag {
  return { setting, word, values: [], joinedAt: 0, value: word.value ?? COMPUTED, isFull: true };
}

/** Whether a word that the shell computes is a positional argument: the image folder. */
function isPositional({ raw, isSplit }: ShellWord, isFirst: boolean): boolean {
  return isFirst && (isSplit ? /^\$\{?\w*(?:DATA|DIR|PATH|ROOT)\w*\}?$/i.test(raw) : true);
}

type Options = ReadonlyMap<string, string>;

const known = new WeakMap<FlagTable, Options>();

function optionsOf(table: FlagTable): Options {
  const found = known.get(table);
  if (found) return found;
  const options = new Map(
    Object.entries(table.flags).flatMap(([setting, { also = [] }]) =>
      setting === table.positional
        ? []
        : [optionOf(setting), ...also].map((option) => [option, setting] as const),
    ),
  );
  known.set(table, options);
  return options;
}

/** Whether argparse treats a word as an option. Negative numbers and words with a space are not. */
function isOption({ value }: ShellWord): boolean {
  return (
    value !== null &&
    /^-./.test(value) &&
    !/^-\d+$|^-\d*\.\d+$/.test(value) &&
    !value.includes(' ') &&
    value !== '--'
  );
}

interface FoundOption {
  readonly setting: string;
  readonly isFull: boolean;
  readonly joined: string | null;
  readonly joinedAt: number;
}

/** Finds a word's option as argparse does: by its name, by a unique prefix, or with an attached value. */
function foundOption({ value: text }: ShellWord, options: Options): FoundOption | null {
  if (text === null) return null;
  const whole = options.get(text);
  if (whole !== undefined) return { setting: whole, isFull: true, joined: null, joinedAt: 0 };
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const joined = equals < 0 ? null : text.slice(equals + 1);
  const named = options.get(name);
  if (named !== undefined) return { setting: named, isFull: true, joined, joinedAt: equals + 1 };
  const begun = [...options].filter(([option]) => option.startsWith(name));
  const short = text.startsWith('--') ? undefined : options.get(text.slice(0, 2));
  if (begun.length + (short === undefined ? 0 : 1) !== 1) return null;
  if (short !== undefined) return { setting: short, isFull: true, joined: text.slice(2), joinedAt: 2 };
  return { setting: begun[0]![1], isFull: false, joined, joinedAt: equals + 1 };
}

function mostValues({ type, count }: Flag): number {
  if (type === 'switch') return 0;
  if (count === 'one' || count === 'optional') return 1;
  return typeof count === 'number' ? count : Number.POSITIVE_INFINITY;
}

/** Returns a flag's value, undefined if the program would reject it. */
function flagValue(flag: Flag, texts: readonly (string | null)[], isJoined: boolean): unknown {
  const { type, count } = flag;
  if (type === 'switch') return isJoined ? undefined : true;
  const isEnough =
    typeof count === 'number'
      ? texts.length === count
      : texts.length > 0 || count === 'any' || count === 'optional';
  if (!isEnough) return undefined;
  if (texts.includes(null)) return COMPUTED;
  const values = texts.map((text) => literal(flag, text ?? ''));
  if (values.includes(undefined)) return undefined;
  if (type === 'pairs') return Object.fromEntries(values as [string, unknown][]);
  if (count === 'one') return values[0];
  return count === 'optional' ? (values[0] ?? true) : values;
}

function literal({ type, choices }: Flag, text: string): unknown {
  switch (type) {
    case 'int':
      return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    case 'float':
      return isNumber(text) ? Number(text) : undefined;
    case 'text':
      return (choices?.includes(text) ?? true) ? text : undefined;
    case 'pairs': {
      const [key = '', value, ...more] = text.split('=');
      return value === undefined || more.length > 0 ? undefined : [key, pythonLiteral(value)];
    }
    case 'switch':
      return undefined;
  }
}

function isNumber(text: string): boolean {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));
}

/** Parses the value of KEY=VALUE: a Python literal, else its text. */
function pythonLiteral(text: string): unknown {
  const names: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };
  if (Object.hasOwn(names, text)) return names[text];
  if (isNumber(text)) return Number(text);
  // Tuples, lists and other expressions are not evaluated.
  return /^[\w./-]*$/.test(text) ? text : COMPUTED;
}

/** Formats a value as command words. */
export function wordsOf({ type }: Flag, value: unknown): string[] {
  if (type === 'switch') return [];
  if (type === 'pairs') {
    return Object.entries(value as object).map(([key, each]) => `${key}=${pythonWord(each)}`);
  }
  return (Array.isArray(value) ? value : [value]).map(String);
}

function pythonWord(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null ? 'None' : String(value);
}
