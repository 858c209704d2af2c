import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { applyEdits, type EditResult, type TextEdit } from '../../experiment/text/textEdits';
import { isMapping } from '../../shared/values';
import {
  entryAt,
  isName,
  type Literal,
  type PyDict,
  type PyEntry,
  plainOf,
  pythonOf,
  type Slot,
} from './pythonValues';

/** A text and the names that it sets. Their slots hold offsets in the text. */
export interface PythonText {
  readonly text: string;
  readonly names: PyDict;
}

/** Returns an edit of a text, or why there is none. */
export type Step = (current: PythonText) => EditResult;

/** Returns the entry of a setting in this text, null if the text does not write it. */
export function writtenEntry(names: PyDict, path: readonly string[]): PyEntry | null {
  const entry = entryAt(names, path);
  return entry?.slot ? entry : null;
}

/** Sets the value at a path to `written`. Creates missing mappings above it. */
export function assignment(path: readonly string[], written: string): Step {
  return ({ text, names }) => {
    for (let depth = path.length; depth > 0; depth--) {
      const entry = writtenEntry(names, path.slice(0, depth));
      if (!entry) continue;
      const { value } = entry;
      const missing = path.slice(depth);
      if (!entry.isPlain || value.kind === 'computed' || !value.source) return computed(path.slice(0, depth));
      if (missing.length === 0 || value.kind === 'scalar') {
        const { start, end } = value.source;
        return done({ offset: start, length: end - start, text: nestedText(missing, written) });
      }
      if (value.kind !== 'dict' || !value.literal || value.isSpoilt) return computed(path.slice(0, depth));
      const key = missing[0] ?? '';
      const inner = nestedText(missing.slice(1), written);
      if (value.literal.style === 'call' && !isName(key)) return computed(path.slice(0, depth));
      return appended(
        text,
        value.literal,
        value.literal.style === 'call' ? `${key}=${inner}` : `'${key}': ${inner}`,
      );
    }
    return statement(`${path[0]} = ${nestedText(path.slice(1), written)}`)({ text, names });
  };
}

/** Wraps written text in nested mappings. */
export function nestedText(path: readonly string[], written: string): string {
  return path.reduceRight(
    (inner, key) => (isName(key) ? `dict(${key}=${inner})` : `{'${key}': ${inner}}`),
    written,
  );
}

/** Appends a statement to the text. */
export function statement(written: string): Step {
  return ({ text }) => {
    const eol = text.includes('\r\n') ? '\r\n' : '\n';
    const isEnded = text === '' || text.endsWith('\n');
    return done({ offset: text.length, length: 0, text: isEnded ? written + eol : eol + written });
  };
}

/** Removes the value at a path, and any mappings and lists above it that become empty. */
export function removal(path: readonly string[]): Step {
  return ({ text, names }) => {
    const entry = writtenEntry(names, path);
    if (!entry?.slot) return { ok: true, edits: [] };
    if (entry.value.kind === 'computed') return computed(path);
    return withoutSlot(text, entry.slot);
  };
}

/** Returns the steps that turn one list into another. Unchanged items keep their text. */
export function listSteps(names: PyDict, path: readonly string[], wanted: readonly unknown[]): Step[] {
  const entry = writtenEntry(names, path);
  const node = entry?.isPlain ? entry.value : null;
  const whole = assignment(path, pythonOf(wanted));
  if (node?.kind !== 'list' && node?.kind !== 'dict') return [whole];
  if (!node.literal) return [whole];
  const held = node.kind === 'list' ? node.items.map(({ value }) => plainOf(value)) : [plainOf(node)];
  const wrapped = node.kind === 'dict' ? [wrapping(path)] : [];
  const isSame = (a: unknown, b: unknown) => isDeepStrictEqual(a, b) || typeOf(a) === typeOf(b);
  // Items are added or removed at the front or at the end, as with schedules and hooks.
  const isAsLong = held.length === wanted.length;
  const skipped = isAsLong ? 0 : wanted.findIndex((item) => isSame(item, held[0]));
  const dropped = isAsLong ? 0 : held.findIndex((item) => isSame(item, wanted[0]));
  if (held.length === 0 || wanted.length === 0 || (skipped < 0 && dropped < 0)) return [...wrapped, whole];
  const before = skipped > 0 ? wanted.slice(0, skipped) : [];
  const steps: Step[] = [
    ...wrapped,
    ...Array.from({ length: Math.max(dropped, 0) }, () => removal([...path, '0'])),
    ...before.toReversed().map((item) => prepending(path, item)),
  ];
  const kept = [...before, ...held.slice(Math.max(dropped, 0))];
  for (const [index, item] of wanted.entries()) {
    if (index >= kept.length) steps.push(appending(path, pythonOf(item)));
    else steps.push(...itemSteps([...path, String(index)], kept[index], item));
  }
  for (let index = kept.length - 1; index >= wanted.length; index--) {
    steps.push(removal([...path, String(index)]));
  }
  return steps;
}

/** Turns a mapping into another of the same type key by key. Otherwise rewrites it. */
function itemSteps(path: readonly string[], held: unknown, wanted: unknown): Step[] {
  if (isDeepStrictEqual(held, wanted)) return [];
  if (!isMapping(held) || !isMapping(wanted) || typeOf(held) !== typeOf(wanted)) {
    return [assignment(path, pythonOf(wanted))];
  }
  return [
    ...Object.entries(wanted)
      .filter(([key, value]) => !isDeepStrictEqual(held[key], value))
      .map(([key, value]) => assignment([...path, key], pythonOf(value, key))),
    ...Object.keys(held)
      .filter((key) => !Object.hasOwn(wanted, key))
      .map((key) => removal([...path, key])),
  ];
}

function typeOf(item: unknown): unknown {
  return isMapping(item) ? item.type : item;
}

/** Applies steps to a text, each to the result of the one before. `read` reads a text's names. */
export function stepped(
  text: string,
  steps: readonly Step[],
  read: (text: string) => PyDict,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string } {
  let current = text;
  for (const step of steps) {
    const result = step({ text: current, names: read(current) });
    if (!result.ok) return result;
    current = applyEdits(current, result.edits);
  }
  return { ok: true, text: current };
}

/** Appends an item to a list. */
function appending(path: readonly string[], written: string): Step {
  return ({ text, names }) => {
    const value = writtenEntry(names, path)?.value;
    return value?.kind === 'list' && value.literal ? appended(text, value.literal, written) : computed(path);
  };
}

/** Appends text to a mapping or list, on its own line if the last part is on its own line. */
export function appended(text: string, literal: Literal, written: string): EditResult {
  const last = literal.slots.at(-1);
  if (!last) return done({ offset: literal.inner, length: 0, text: written });
  const line = lineBefore(text, last.start);
  const comma = commaAfter(text, last.end);
  const end = last.end + (comma ?? 0);
  const added = `${line ?? ' '}${written}${comma === undefined ? '' : ','}`;
  const comment = line && /^[ \t]*#[^\r\n]*/.exec(text.slice(end))?.[0].length;
  if (!comment) return done({ offset: end, length: 0, text: comma === undefined ? `,${added}` : added });
  // A comment stays next to its subject.
  const behind = { offset: end + comment, length: 0, text: added };
  return comma === undefined
    ? { ok: true, edits: [{ offset: end, length: 0, text: ',' }, behind] }
    : done(behind);
}

/** Prepends an item to a list, on its own line if the first item is on its own line. */
function prepending(path: readonly string[], item: unknown): Step {
  return ({ text, names }) => {
    const value = writtenEntry(names, path)?.value;
    const first = value?.kind === 'list' ? value.literal?.slots[0] : undefined;
    if (!first?.holder) return computed(path);
    const line = lineBefore(text, first.start);
    const added = pythonOf(item);
    return done({ offset: first.holder.inner, length: 0, text: line ? `${line}${added},` : `${added}, ` });
  };
}

/** Turns a mapping that is used like a one-item list into a list. */
function wrapping(path: readonly string[]): Step {
  return ({ text, names }) => {
    const source = writtenEntry(names, path)?.value.source;
    if (!source) return computed(path);
    const { start, end } = source;
    return done({ offset: start, length: end - start, text: `[${text.slice(start, end)}]` });
  };
}

/** Returns the line break and indentation before a part that is on its own line. */
function lineBefore(text: string, start: number): string | undefined {
  return /\r?\n[ \t]*$/.exec(text.slice(Math.max(0, start - 1000), start))?.[0];
}

/** Returns the length up to and including the comma after a part, with the spaces and comments before it. */
function commaAfter(text: string, end: number): number | undefined {
  return /^(?:\s|#[^\n]*\n)*,/.exec(text.slice(end))?.[0].length;
}

function withoutSlot(text: string, slot: Slot): EditResult {
  if (!slot.holder) return withoutStatement(text, slot);
  const { slots } = slot.holder;
  if (slots.length === 1) return withoutSlot(text, slot.holder.slot);
  const previous = slots[slots.findIndex(({ start }) => start === slot.start) - 1];
  const comma = commaAfter(text, slot.end);
  if (previous && comma === undefined) {
    // A comment stays, and the text after it starts a new line.
    const isBehindComment = text.slice(previous.end, slot.start).includes('#');
    if (isBehindComment) return done({ offset: slot.start, length: slot.end - slot.start, text: '' });
    return done({ offset: previous.end, length: slot.end - previous.end, text: '' });
  }
  const end = slot.end + (comma ?? 0);
  if (!previous) {
    const line = lineBefore(text, slot.start);
    if (line)
      return done({ offset: slot.start - line.length, length: end - slot.start + line.length, text: '' });
    const gap = /^\s*/.exec(text.slice(end))?.[0].length ?? 0;
    return done({ offset: slot.start, length: end - slot.start + gap, text: '' });
  }
  const start =
    previous.end + (/^\s*,[ \t]*(?:#[^\n]*)?/.exec(text.slice(previous.end))?.[0].trimEnd().length ?? 0);
  return done({ offset: start, length: end - start, text: '' });
}

/** Removes a statement with its lines, if it does not share them. */
function withoutStatement(text: string, { start, end, keyEnd }: Slot): EditResult {
  const after = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(end))?.[0];
  const isAlone = /(?:^|\n)$/.test(text.slice(Math.max(0, start - 1), start));
  if (after === undefined || !isAlone) {
    return {
      ok: false,
      reason: l10n.t('{0} is not alone on its line.', text.slice(start, keyEnd)),
    };
  }
  const isLast = !after.includes('\n');
  const before = isLast ? (/\r?\n$/.exec(text.slice(Math.max(0, start - 2), start))?.[0].length ?? 0) : 0;
  return done({ offset: start - before, length: end + after.length - start + before, text: '' });
}

function done(edit: TextEdit): EditResult {
  return { ok: true, edits: [edit] };
}

export function computed(path: readonly string[]): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: l10n.t('The file computes {0}.', path.join('.')) };
}
