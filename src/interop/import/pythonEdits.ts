import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { applyEdits, type EditResult, type TextEdit } from '../../experiment/text/textEdits';
import { assertNever } from '../../shared/assertNever';
import { isMapping } from '../../shared/values';
import { type Changes, COMPUTED } from '../../tricks/elsewhere/mapping';
import { assignmentsOf, type DictEntry, type PythonNode, pythonOf } from './pythonLiterals';

/** What a value says; `COMPUTED` where that takes running the file. */
export function plainOf(node: PythonNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list': {
      const items = node.items.map(plainOf);
      return items.includes(COMPUTED) ? COMPUTED : items;
    }
    case 'dict': {
      const entries = node.entries.map(({ key, value }) => [key, plainOf(value)] as const);
      return entries.some(([, value]) => value === COMPUTED) ? COMPUTED : Object.fromEntries(entries);
    }
    case 'computed':
      return COMPUTED;
    default:
      return assertNever(node);
  }
}

/** The entries of a mapping, and the items of a list by their places. */
function entriesOf(node: PythonNode): readonly DictEntry[] {
  if (node.kind === 'dict') return node.entries;
  if (node.kind !== 'list') return [];
  return node.items.map((value, index) => ({
    key: String(index),
    value,
    start: value.start,
    end: value.end,
  }));
}

/** The entry of a setting; null where the file has none. */
export function nearestEntry(assignments: readonly DictEntry[], path: readonly string[]): DictEntry | null {
  let entries = assignments;
  let found: DictEntry | null = null;
  for (const key of path) {
    found = entriesByKey(entries).get(key) ?? null;
    if (!found) return null;
    entries = entriesOf(found.value);
  }
  return found;
}

const byKey = new WeakMap<readonly DictEntry[], ReadonlyMap<string, DictEntry>>();

/** The last entry of each key, found at once however many there are. */
function entriesByKey(entries: readonly DictEntry[]): ReadonlyMap<string, DictEntry> {
  const known = byKey.get(entries);
  if (known) return known;
  const found = new Map(entries.map((entry) => [entry.key, entry]));
  byKey.set(entries, found);
  return found;
}

/** An edit of a text, or why there is none. */
type Step = (text: string) => EditResult;

/**
 * Edits that give a module's assignments other values, or take them out: each setting is a path of names and keys.
 * What they compute is left alone, and said to be. Changes are made one after the other, as one edit.
 */
export function editPython(text: string, changes: Changes): EditResult {
  let current = text;
  for (const [setting, value] of Object.entries(changes)) {
    const path = setting.split('.');
    const steps: Step[] =
      value === undefined
        ? [(each) => removal(each, path)]
        : Array.isArray(value)
          ? listSteps(current, path, value)
          : [(each) => assignment(each, path, value)];
    for (const step of steps) {
      const result = step(current);
      if (!result.ok) return result;
      current = applyEdits(current, result.edits);
    }
  }
  return current === text
    ? { ok: true, edits: [] }
    : { ok: true, edits: [{ offset: 0, length: text.length, text: current }] };
}

/** What makes a list of another: items that stay are left as they are written. */
function listSteps(text: string, path: readonly string[], wanted: readonly unknown[]): Step[] {
  const entry = nearestEntry(assignmentsOf(text), path);
  const { value: node } = entry ?? {};
  const whole: Step = (each) => assignment(each, path, wanted);
  if (node?.kind !== 'list' && node?.kind !== 'dict') return [whole];
  const held = node.kind === 'list' ? node.items.map(plainOf) : [plainOf(node)];
  const wrapped: Step[] = node.kind === 'dict' ? [(each) => wrapping(each, path)] : [];
  const isSame = (a: unknown, b: unknown) => isDeepStrictEqual(a, b) || typeOf(a) === typeOf(b);
  // At the front or at the end, which is where schedules and hooks go.
  const isAsLong = held.length === wanted.length;
  const skipped = isAsLong ? 0 : wanted.findIndex((item) => isSame(item, held[0]));
  const dropped = isAsLong ? 0 : held.findIndex((item) => isSame(item, wanted[0]));
  if (held.length === 0 || (skipped < 0 && dropped < 0)) return [...wrapped, whole];
  const before = skipped > 0 ? wanted.slice(0, skipped) : [];
  const steps: Step[] = [
    ...wrapped,
    ...Array.from({ length: Math.max(dropped, 0) }, (): Step => (each) => removal(each, [...path, '0'])),
    ...before.toReversed().map(
      (item): Step =>
        (each) =>
          prepending(each, path, item),
    ),
  ];
  const kept = [...before, ...held.slice(Math.max(dropped, 0))];
  for (const [index, item] of wanted.entries()) {
    const place = [...path, String(index)];
    if (index >= kept.length) steps.push((each) => appending(each, path, pythonOf(item)));
    else steps.push(...itemSteps(place, kept[index], item));
  }
  for (let index = kept.length - 1; index >= wanted.length; index--) {
    steps.push((each) => removal(each, [...path, String(index)]));
  }
  return steps;
}

/** What makes a mapping of another of its type, key by key; else writes it anew. */
function itemSteps(path: readonly string[], held: unknown, wanted: unknown): Step[] {
  if (isDeepStrictEqual(held, wanted)) return [];
  if (!isMapping(held) || !isMapping(wanted) || typeOf(held) !== typeOf(wanted)) {
    return [(text) => assignment(text, path, wanted)];
  }
  return [
    ...Object.entries(wanted)
      .filter(([key, value]) => !isDeepStrictEqual(held[key], value))
      .map(
        ([key, value]): Step =>
          (text) =>
            assignment(text, [...path, key], value),
      ),
    ...Object.keys(held)
      .filter((key) => !Object.hasOwn(wanted, key))
      .map(
        (key): Step =>
          (text) =>
            removal(text, [...path, key]),
      ),
  ];
}

function typeOf(item: unknown): unknown {
  return isMapping(item) ? item.type : item;
}

function assignment(text: string, path: readonly string[], value: unknown): EditResult {
  const assignments = assignmentsOf(text);
  for (let depth = path.length; depth > 0; depth--) {
    const entry = nearestEntry(assignments, path.slice(0, depth));
    if (!entry) continue;
    const missing = path.slice(depth);
    if (missing.length === 0) {
      return entry.value.kind === 'computed'
        ? computed(path)
        : done({
            offset: entry.value.start,
            length: entry.value.end - entry.value.start,
            text: pythonOf(value),
          });
    }
    if (entry.value.kind !== 'dict') return computed(path.slice(0, depth));
    const key = missing[0]!;
    const written = pythonOf(nested(missing.slice(1), value));
    const added = entry.value.style === 'call' ? `${key}=${written}` : `'${key}': ${written}`;
    return appending(text, path.slice(0, depth), added);
  }
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const [name = '', ...rest] = path;
  const statement = `${name} = ${pythonOf(nested(rest, value))}`;
  const isEnded = text === '' || text.endsWith('\n');
  return done({ offset: text.length, length: 0, text: isEnded ? statement + eol : eol + statement });
}

/** Puts what is written at the end of a mapping or list, on a line of its own where the last entry has one. */
function appending(text: string, path: readonly string[], added: string): EditResult {
  const holder = nearestEntry(assignmentsOf(text), path)?.value;
  if (holder?.kind !== 'dict' && holder?.kind !== 'list') return computed(path);
  const last = entriesOf(holder).at(-1);
  if (!last) return done({ offset: holder.inner, length: 0, text: added });
  const line = lineBefore(text, last.start);
  const comma = /^\s*,/.exec(text.slice(last.end))?.[0].length;
  const end = last.end + (comma ?? 0);
  const written = `${line ?? ' '}${added}${comma === undefined ? '' : ','}`;
  const comment = line && /^[ \t]*#[^\r\n]*/.exec(text.slice(end))?.[0].length;
  if (!comment) return done({ offset: end, length: 0, text: comma === undefined ? `,${written}` : written });
  // A comment stays behind what it is about.
  const behind = { offset: end + comment, length: 0, text: written };
  return comma === undefined
    ? { ok: true, edits: [{ offset: end, length: 0, text: ',' }, behind] }
    : done(behind);
}

/** Puts an item before all others of a list, on a line of its own where the first has one. */
function prepending(text: string, path: readonly string[], item: unknown): EditResult {
  const holder = nearestEntry(assignmentsOf(text), path)?.value;
  if (holder?.kind !== 'list' || !holder.items[0]) return computed(path);
  const line = lineBefore(text, holder.items[0].start);
  const added = pythonOf(item);
  return done({ offset: holder.inner, length: 0, text: line ? `${line}${added},` : `${added}, ` });
}

/** Makes a list of the mapping that stands for one. */
function wrapping(text: string, path: readonly string[]): EditResult {
  const entry = nearestEntry(assignmentsOf(text), path);
  if (!entry) return computed(path);
  const { start, end } = entry.value;
  return done({ offset: start, length: end - start, text: `[${text.slice(start, end)}]` });
}

/** The line break and the space that an entry on a line of its own stands behind. */
function lineBefore(text: string, start: number): string | undefined {
  return /\r?\n[ \t]*$/.exec(text.slice(0, start))?.[0];
}

/** Takes an entry or item out, and the mappings and lists above it that are left empty. */
function removal(text: string, path: readonly string[]): EditResult {
  const assignments = assignmentsOf(text);
  const entry = nearestEntry(assignments, path);
  if (!entry) return { ok: true, edits: [] };
  if (entry.value.kind === 'computed') return computed(path);
  if (path.length === 1) {
    const after = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(entry.end))?.[0];
    if (after === undefined)
      return { ok: false, reason: l10n.t('{0} shares its line with something else.', entry.key) };
    const isLast = !after.includes('\n');
    const before = isLast ? (/\r?\n$/.exec(text.slice(0, entry.start))?.[0].length ?? 0) : 0;
    const start = entry.start - before;
    return done({ offset: start, length: entry.end + after.length - start, text: '' });
  }
  const holder = nearestEntry(assignments, path.slice(0, -1))?.value;
  if (holder?.kind !== 'dict' && holder?.kind !== 'list') return computed(path);
  const entries = entriesOf(holder);
  if (entries.length === 1) return removal(text, path.slice(0, -1));
  const place = entries.findIndex(({ start }) => start === entry.start);
  const previous = entries[place - 1];
  const comma = /^\s*,/.exec(text.slice(entry.end))?.[0].length;
  if (previous && comma === undefined) {
    return done({ offset: previous.end, length: entry.end - previous.end, text: '' });
  }
  const end = entry.end + (comma ?? 0);
  if (!previous) {
    const line = lineBefore(text, entry.start);
    if (line)
      return done({ offset: entry.start - line.length, length: end - entry.start + line.length, text: '' });
    const gap = /^\s*/.exec(text.slice(end))?.[0].length ?? 0;
    return done({ offset: entry.start, length: end - entry.start + gap, text: '' });
  }
  const start =
    previous.end + (/^\s*,[ \t]*(?:#[^\n]*)?/.exec(text.slice(previous.end))?.[0].trimEnd().length ?? 0);
  return done({ offset: start, length: end - start, text: '' });
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}

function done(edit: TextEdit): EditResult {
  return { ok: true, edits: [edit] };
}

function computed(path: readonly string[]): EditResult {
  return { ok: false, reason: l10n.t('{0} is computed by the file.', path.join('.')) };
}
