import type { Span } from '../../experiment/text/syntax';
import { assertNever } from '../../shared/assertNever';
import { COMPUTED } from '../../tricks/elsewhere/mapping';

/**
 * The values that the literals of a Python file would have at run time. Mappings and lists are shared and mutable as in
 * Python: two names for one mapping see each other's changes.
 */
export type PyValue = PyScalar | PyClass | PyList | PyDict | PyComputed;

interface InText {
  /** Range of the value in the text, null if it comes from elsewhere. */
  readonly source: Span | null;
}

/** A number, text, True, False or None. */
export interface PyScalar extends InText {
  readonly kind: 'scalar';
  readonly value: unknown;
  /** As written: 1.0 is different from 1. */
  readonly written: string;
}

/** A class that the file imports, by its name in OpenMMLab's registries. */
export interface PyClass extends InText {
  readonly kind: 'class';
  readonly name: string;
}

export interface PyComputed extends InText {
  readonly kind: 'computed';
}

export interface PyList extends InText {
  readonly kind: 'list';
  readonly isTuple: boolean;
  readonly items: PyEntry[];
  readonly literal: Literal | null;
  /** Whether it may have been changed in an unknown way. */
  isSpoilt: boolean;
}

export interface PyDict extends InText {
  readonly kind: 'dict';
  readonly entries: Map<string, PyEntry>;
  readonly literal: Literal | null;
  /** Whether it is an MMEngine mapping, whose `update` merges at every depth. */
  readonly isConfig: boolean;
  /** Why it may have unknown entries, as a sentence. Null if it has none. */
  readonly open: string | null;
  isSpoilt: boolean;
}

/** The value of a key, a name or a list index. */
export interface PyEntry {
  readonly value: PyValue;
  /** The text that sets it, null if that is elsewhere. */
  readonly slot: Slot | null;
  /** Whether its slot holds the value itself, not a reference or a computation. */
  readonly isPlain: boolean;
}

/** A part of a text that sets something: a statement, a key with its value, or a list item. */
export interface Slot extends Span {
  /** The literal that contains it, null for a statement. */
  readonly holder: Literal | null;
  /** End of the key or name. */
  readonly keyEnd: number;
}

/** A mapping or list as written, with its parts. */
export interface Literal {
  readonly style: 'call' | 'braces' | 'list';
  /** Offset where its first part may start. */
  readonly inner: number;
  readonly slots: Slot[];
  /** The slot whose value it is. */
  readonly slot: Slot;
}

export function emptyDict(more: Partial<Pick<PyDict, 'isConfig' | 'open'>> = {}): PyDict {
  return {
    kind: 'dict',
    entries: new Map(),
    literal: null,
    source: null,
    isConfig: false,
    open: null,
    isSpoilt: false,
    ...more,
  };
}

/** Converts a value to plain data, `COMPUTED` if that would require running the file. */
export function plainOf(value: PyValue): unknown {
  switch (value.kind) {
    case 'scalar':
      return value.value;
    case 'class':
      return value.name;
    case 'computed':
      return COMPUTED;
    case 'list': {
      if (value.isSpoilt) return COMPUTED;
      const items = value.items.map((item) => plainOf(item.value));
      return items.includes(COMPUTED) ? COMPUTED : items;
    }
    case 'dict': {
      if (value.isSpoilt || value.open !== null) return COMPUTED;
      const entries = [...value.entries].map(([key, entry]) => [key, plainOf(entry.value)] as const);
      return entries.some(([, each]) => each === COMPUTED) ? COMPUTED : Object.fromEntries(entries);
    }
    default:
      return assertNever(value);
  }
}

/** Returns the entry at a path of keys and indices, undefined if there is none. */
export function entryAt(root: PyDict, path: readonly string[]): PyEntry | undefined {
  let found: PyEntry | undefined;
  let at: PyValue = root;
  for (const key of path) {
    if (at.kind === 'dict' && !at.isSpoilt) found = at.entries.get(key);
    else if (at.kind === 'list' && !at.isSpoilt) found = at.items[Number(key)];
    else return undefined;
    if (!found) return undefined;
    at = found.value;
  }
  return found;
}

/** Marks a value's contents as changed in an unknown way. */
export function spoil(value: PyValue): void {
  if ((value.kind !== 'list' && value.kind !== 'dict') || value.isSpoilt) return;
  value.isSpoilt = true;
  const entries = value.kind === 'list' ? value.items : value.entries.values();
  for (const entry of entries) spoil(entry.value);
}

/** Copies a value without its ranges in the text. `isConfig` turns its mappings into MMEngine's. */
export function detached(value: PyValue, isConfig: boolean): PyValue {
  switch (value.kind) {
    case 'scalar':
    case 'class':
    case 'computed':
      return { ...value, source: null };
    case 'list':
      return {
        ...value,
        source: null,
        literal: null,
        items: value.items.map((item) => detachedEntry(item, isConfig)),
      };
    case 'dict':
      return {
        ...value,
        source: null,
        literal: null,
        isConfig: isConfig || value.isConfig,
        entries: new Map([...value.entries].map(([key, entry]) => [key, detachedEntry(entry, isConfig)])),
      };
    default:
      return assertNever(value);
  }
}

function detachedEntry({ value }: PyEntry, isConfig: boolean): PyEntry {
  return { value: detached(value, isConfig), slot: null, isPlain: false };
}

/** Settings that MMPretrain only accepts as floats. */
const FLOATS = ['alpha', 'drop_path_rate', 'label_smooth_val', 'loss_weight'];

/** Formats a value as Python. Mappings become `dict(key=value)` if their keys are valid names. */
export function pythonOf(value: unknown, key = ''): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'number') {
    return Number.isInteger(value) && FLOATS.includes(key) ? value.toFixed(1) : String(value);
  }
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map((item) => pythonOf(item)).join(', ')}]`;
  return dictText(Object.entries(value).map(([name, child]) => [name, pythonOf(child, name)]));
}

/** Formats a value as it was written elsewhere, null if parts of it are computed. */
export function writtenOf(value: PyValue): string | null {
  switch (value.kind) {
    case 'scalar':
      return value.written;
    case 'class':
      return quoted(value.name);
    case 'computed':
      return null;
    case 'list': {
      const items = value.isSpoilt ? [null] : value.items.map((item) => writtenOf(item.value));
      if (items.includes(null)) return null;
      if (!value.isTuple) return `[${items.join(', ')}]`;
      return `(${items.join(', ')}${items.length === 1 ? ',' : ''})`;
    }
    case 'dict': {
      if (value.isSpoilt || value.open !== null) return null;
      const entries = [...value.entries].map(([key, entry]) => [key, writtenOf(entry.value)] as const);
      const known = entries.flatMap(([key, text]): [string, string][] =>
        text === null ? [] : [[key, text]],
      );
      return known.length < entries.length ? null : dictText(known);
    }
    default:
      return assertNever(value);
  }
}

function dictText(entries: readonly (readonly [string, string])[]): string {
  return entries.every(([key]) => isName(key))
    ? `dict(${entries.map(([key, text]) => `${key}=${text}`).join(', ')})`
    : `{${entries.map(([key, text]) => `${quoted(key)}: ${text}`).join(', ')}}`;
}

function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `'${escaped}'`;
}

const KEYWORDS =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  );

/** Whether a key is valid as an argument name. */
export function isName(key: string): boolean {
  return /^[A-Za-z_]\w*$/.test(key) && !KEYWORDS.includes(key);
}
