import * as l10n from '@vscode/l10n';
import type { Path } from '../../shared/path';
import { isMapping } from '../../shared/values';
import { type Entry, entryOf, type MapNode, mapsOf, type Notation, type SyntaxNode } from './syntax';
import type { EditResult, TextEdit } from './textEdits';

/** The view of a document that edits use. */
export interface Source {
  readonly text: string;
  readonly root: SyntaxNode | null;
  readonly notation: Notation;
}

export interface SetOptions {
  /** The sibling to insert a new key after. Defaults to the last one. */
  readonly after?: string;
}

/**
 * Returns the edits that write `value` at `path`. New text uses the file's indentation, line endings and style.
 * Removing an inserted part restores the original text. This needs marks that the removal can detect: in a single-line
 * file, a new mapping has no space inside its braces, but a mapping that was already there and empty gets spaces.
 */
export function setEdits(source: Source, path: Path, value: unknown, options: SetOptions): EditResult {
  const walk = follow(source.root, path);
  if (walk.kind === 'refused') return walk.result;
  if (walk.kind === 'found') return edits(replacement(source, walk.entry, value));
  const { map, holder, missing } = walk;
  if (!map) return edits(...fillEmptyValue(source, walk.around, holder, missing, value));
  const sibling = (options.after && entryOf(map, options.after)) || map.entries.at(-1);
  if (!sibling) return edits(fillEmptyBraces(source, map, missing, value));
  return map.style === 'block'
    ? appendLines(source, sibling, missing, value)
    : edits(...appendInBraces(source, map, sibling, missing, value));
}

/** Returns the edits that remove the entry at `path`, and its mapping too if that was its only entry. */
export function removalEdits(source: Source, path: Path): EditResult {
  const walk = follow(source.root, path);
  if (walk.kind === 'refused') return walk.result;
  if (walk.kind === 'missing') return edits();
  const { entry, map, holder } = walk;
  if (map.entries.length === 1 && holder && goesWithLastEntry(source, map, entry, holder)) {
    return removalEdits(source, path.slice(0, -1));
  }
  return map.style === 'block' ? removeLines(source, entry) : edits(...removeInBraces(source, map, entry));
}

function edits(...made: TextEdit[]): EditResult {
  return { ok: true, edits: made };
}

function refuse(reason: string): EditResult {
  return { ok: false, reason };
}

type Walk =
  | { readonly kind: 'found'; readonly entry: Entry; readonly map: MapNode; readonly holder: Entry | null }
  /**
   * The first of the keys is missing in `map`. `map` is null if the value of `holder`, an entry of `around`, is omitted
   * or null.
   */
  | { readonly kind: 'missing'; readonly missing: Keys; readonly map: MapNode; readonly holder: Entry | null }
  | {
      readonly kind: 'missing';
      readonly missing: Keys;
      readonly map: null;
      readonly holder: Entry;
      readonly around: MapNode;
    }
  | { readonly kind: 'refused'; readonly result: EditResult };

/** The keys of a path that the file lacks. At least one. */
type Keys = readonly string[];

function follow(root: SyntaxNode | null, path: Path): Walk {
  let node = root;
  let holder: Entry | null = null;
  let around: MapNode | null = null;
  for (const [depth, key] of path.entries()) {
    const missing = path.slice(depth).map(String);
    if (holder && around && node?.kind === 'scalar' && (node.isNull || node.start === node.end)) {
      return { kind: 'missing', missing, map: null, holder, around };
    }
    if (node?.kind !== 'map') return { kind: 'refused', result: refuse(noMapping(node, holder)) };
    const entry = entryOf(node, key);
    if (!entry) return { kind: 'missing', missing, map: node, holder };
    if (depth === path.length - 1) return { kind: 'found', entry, map: node, holder };
    holder = entry;
    around = node;
    node = entry.value;
  }
  return { kind: 'refused', result: refuse(noMapping(root, null)) };
}

function noMapping(node: SyntaxNode | null, holder: Entry | null): string {
  if (!holder) return l10n.t('The file holds no experiment to edit.');
  return node?.kind === 'alias'
    ? l10n.t('{0} is an alias: its value is written elsewhere.', holder.key)
    : l10n.t('{0} is not a mapping.', holder.key);
}

// --- Writing new parts ---

/** The style of a file that new parts must match. */
interface Style {
  readonly eol: string;
  /** One level of indentation. */
  readonly indent: string;
  /** Whether nested mappings are in braces on one line. */
  readonly inline: boolean;
  /** No space after colons and commas. */
  readonly compact: boolean;
}

function styleOf({ text, root, notation }: Source): Style {
  const maps = Array.from(mapsOf(root)).filter(({ map }) => map.entries.length > 0);
  return {
    eol: /\r\n|\r|\n/.exec(text)?.[0] ?? '\n',
    indent: indentOf(text, maps),
    inline: maps.some(
      ({ map }) => map !== root && map.style === 'flow' && !hasLineBreak(text.slice(map.start, map.end)),
    ),
    compact: notation.canBeCompact && maps.every(({ map }) => !/\s/.test(gapBefore(text, map.entries[0]!))),
  };
}

/** Returns one level of indentation: that of the first mapping with its entries on separate lines. */
function indentOf(
  text: string,
  maps: readonly { readonly map: MapNode; readonly holder: Entry | null }[],
): string {
  for (const { map, holder } of maps) {
    const outside = map.style === 'block' ? (holder?.start ?? map.start) : map.start;
    const first = map.entries[0]!.start;
    if (!hasLineBreak(text.slice(outside, first))) continue;
    const [outer, inner] = [indentAt(text, outside), indentAt(text, first)];
    if (inner.startsWith(outer) && inner !== outer) return inner.slice(outer.length);
  }
  return '  ';
}

/** Returns the text between a key and its value, including the colon. */
function gapBefore(text: string, { keySpan, value }: Entry): string {
  return text.slice(keySpan.end, value.start);
}

function inline({ notation }: Source, { compact }: Style, value: unknown): string {
  return compact ? JSON.stringify(value) : notation.inline(value);
}

/** Formats `key:` with its value as lines of a block mapping. The first line is not indented. */
function blockEntry(source: Source, style: Style, [key, ...rest]: Keys, value: unknown, at: string): string {
  const { notation } = source;
  const head = `${notation.key(key!)}:`;
  const inner = at + style.indent;
  if (rest.length > 0) {
    return head + style.eol + inner + blockEntry(source, style, rest, value, inner);
  }
  if (!isMapping(value) || Object.keys(value).length === 0 || style.inline) {
    return `${head} ${inline(source, style, value)}`;
  }
  return head + style.eol + inner + reindented(notation.expanded(value, style.indent), style.eol + inner);
}

/** Formats `key: value` inside braces, including parents, on separate lines if `multiline`. */
function flowEntry(
  source: Source,
  style: Style,
  [key, ...rest]: Keys,
  value: unknown,
  at: string,
  multiline: boolean,
): string {
  const { notation } = source;
  const head = notation.key(key!) + (style.compact ? ':' : ': ');
  if (rest.length > 0) {
    const inner = multiline ? at + style.indent : at;
    const child = flowEntry(source, style, rest, value, inner, multiline);
    return multiline ? `${head}{${style.eol}${inner}${child}${style.eol}${at}}` : `${head}{${child}}`;
  }
  const expands = multiline && !style.inline && notation.canBeCompact && isMapping(value);
  return expands
    ? head + reindented(notation.expanded(value, style.indent), style.eol + at)
    : head + inline(source, style, value);
}

function reindented(lines: string, lineBreak: string): string {
  return lines.replaceAll('\n', lineBreak);
}

// --- Edits ---

function replacement(source: Source, entry: Entry, value: unknown): TextEdit {
  const { text } = source;
  const style = styleOf(source);
  const { value: old } = entry;
  const isBlock =
    (old.kind === 'map' && old.style === 'block') || (old.kind === 'list' && text[old.start] === '-');
  if (old.start === old.end) return insertion(entry.end, gap(text, entry) + inline(source, style, value));
  const start = isBlock && isBare(text, entry) ? entry.keySpan.end : old.start;
  const lead = start === old.start ? '' : ': ';
  return { offset: start, length: old.end - start, text: lead + inline(source, style, value) };
}

/** Returns the space and colon that a key without a value lacks. */
function gap(text: string, { keySpan, end }: Entry): string {
  const between = text.slice(keySpan.end, end);
  if (!between.includes(':')) return ': ';
  return /\s$/.test(between) ? '' : ' ';
}

/**
 * Fills in the value of a key with no value or null. In braces, writes a mapping in braces. Otherwise, in YAML, writes
 * lines below the key, after comments that are indented below it.
 */
function fillEmptyValue(
  source: Source,
  around: MapNode,
  holder: Entry,
  keys: Keys,
  value: unknown,
): TextEdit[] {
  const { text } = source;
  const style = styleOf(source);
  const at = indentAt(text, holder.start);
  const { start: nullStart, end: nullEnd } = holder.value;
  if (around.style === 'flow') {
    const isMultiline = source.notation.canBeCompact && hasLineBreak(text.slice(around.start, holder.start));
    const lead = nullStart === nullEnd ? gap(text, holder) : '';
    const inner = at + style.indent;
    const entry = flowEntry(source, style, keys, value, isMultiline ? inner : at, isMultiline);
    const [open, close] = isMultiline
      ? [`{${style.eol}${inner}`, `${style.eol}${at}}`]
      : style.compact
        ? ['{', '}']
        : ['{ ', ' }'];
    return [{ offset: nullStart, length: nullEnd - nullStart, text: `${lead}${open}${entry}${close}` }];
  }
  let end = lineEnd(text, holder.end);
  for (let next = end; next < text.length; ) {
    const start = next + lineBreakAt(text, next).length;
    next = lineEnd(text, start);
    const line = text.slice(start, next);
    if (line.trim() !== '' && !(line.trim().startsWith('#') && indentAt(text, start).length > at.length))
      break;
    if (line.trim() !== '') end = next;
    if (next === start && lineBreakAt(text, next) === '') break;
  }
  const inner = at + style.indent;
  const spaces = nullEnd > nullStart ? spacesBefore(text, nullStart) : 0;
  return [
    ...(nullEnd > nullStart ? [deletion(nullStart - spaces, nullEnd)] : []),
    insertion(end, style.eol + inner + blockEntry(source, style, keys, value, inner)),
  ];
}

/**
 * Inserts into `{}`, with a space on either side, or below the comments if there are any and the brace is on its own
 * line.
 */
function fillEmptyBraces(source: Source, map: MapNode, keys: Keys, value: unknown): TextEdit {
  const { text } = source;
  const style = styleOf(source);
  const lastLine = lineStart(text, map.end);
  if (
    hasComment(source, map.start + 1, map.end - 1) &&
    lastLine > map.start &&
    isBlank(text, lastLine, map.end - 1)
  ) {
    const at = indentAt(text, lastLine) + style.indent;
    return insertion(
      lastLine - lineBreakBefore(text, lastLine).length,
      style.eol + at + flowEntry(source, style, keys, value, at, true),
    );
  }
  const after = /[\r\n]/.test(text[map.start + 1] ?? '') ? '' : ' ';
  return insertion(map.start + 1, ` ${flowEntry(source, style, keys, value, '', false)}${after}`);
}

/** Inserts on separate lines below a sibling in a block mapping. */
function appendLines(source: Source, sibling: Entry, keys: Keys, value: unknown): EditResult {
  const { text } = source;
  const style = styleOf(source);
  const end = lineEnd(text, sibling.end);
  if (!/^[ \t]*(#.*)?$/.test(text.slice(sibling.end, end))) return refuse(sharedLine(sibling));
  const at = ' '.repeat(sibling.start - lineStart(text, sibling.start));
  return edits(insertion(end, style.eol + at + blockEntry(source, style, keys, value, at)));
}

/**
 * Inserts after a sibling in braces: on a separate line if the others are on separate lines, and with a trailing comma
 * if they have one.
 */
function appendInBraces(
  source: Source,
  map: MapNode,
  sibling: Entry,
  keys: Keys,
  value: unknown,
): TextEdit[] {
  const { text } = source;
  const style = styleOf(source);
  const comma = commaAfter(source, sibling);
  const after = comma === null ? sibling.end : comma + 1;
  const end = hasLineBreak(text.slice(map.start, map.entries[0]!.start)) ? endOfOwnLine(source, after) : null;
  const at = indentAt(text, sibling.start);
  const lead = end === null ? (style.compact ? '' : ' ') : style.eol + at;
  const entry = lead + flowEntry(source, style, keys, value, at, end !== null);
  if (comma !== null) return [insertion(end ?? after, `${entry},`)];
  return end === null || end === after
    ? [insertion(after, `,${entry}`)]
    : [insertion(after, ','), insertion(end, entry)];
}

function removeLines({ text }: Source, entry: Entry): EditResult {
  const start = lineStart(text, entry.start);
  const end = lineEnd(text, entry.end);
  if (!isBlank(text, start, entry.start) || !/^[ \t]*(#.*)?$/.test(text.slice(entry.end, end))) {
    return refuse(sharedLine(entry));
  }
  const before = lineBreakBefore(text, start);
  if (before !== '') return edits(deletion(start - before.length, end));
  return edits(deletion(start, end + lineBreakAt(text, end).length));
}

function removeInBraces(source: Source, map: MapNode, entry: Entry): TextEdit[] {
  const { text } = source;
  const comma = commaAfter(source, entry);
  const end = comma === null ? entry.end : comma + 1;
  const index = map.entries.indexOf(entry);
  const previous = map.entries[index - 1];
  const commaBefore = comma === null && previous ? commaAfter(source, previous) : null;
  const made = commaBefore === null ? [] : [deletion(commaBefore, commaBefore + 1)];
  const line = lineStart(text, entry.start);
  if (line > map.start && isBlank(text, line, entry.start)) {
    const ownLine = endOfOwnLine(source, end);
    return ownLine === null
      ? [...made, deletion(entry.start, skip(text, end, /[ \t]*/y))]
      : [...made, deletion(line - lineBreakBefore(text, line).length, ownLine)];
  }
  if (previous) return [...made, deletion(entry.start - spacesBefore(text, entry.start), end)];
  if (map.entries.length > 1) return [deletion(entry.start, skip(text, end, /[ \t]*/y))];
  return [deletion(skipBack(text, entry.start), skip(text, end, / ?/y))];
}

/** Whether a mapping is removed with its only entry. Not if it contains comments, an anchor or its own braces. */
function goesWithLastEntry(source: Source, map: MapNode, entry: Entry, holder: Entry): boolean {
  const { text } = source;
  if (!isBare(text, holder)) return false;
  if (map.style === 'block') return true;
  const comma = commaAfter(source, entry);
  const end = comma === null ? entry.end : comma + 1;
  const inner = endOfOwnLine(source, end) ?? end;
  if (hasComment(source, map.start + 1, entry.start) || hasComment(source, inner, map.end - 1)) return false;
  return entry.start === map.start + 1 || hasLineBreak(text.slice(map.start, entry.start));
}

/** Whether only a colon and space separate a key and its value. */
function isBare(text: string, entry: Entry): boolean {
  return /^\s*:\s*$/.test(gapBefore(text, entry));
}

function sharedLine({ key }: Entry): string {
  return l10n.t('{0} is not alone on its line.', key);
}

// --- Text ---

function insertion(offset: number, text: string): TextEdit {
  return { offset, length: 0, text };
}

function deletion(start: number, end: number): TextEdit {
  return { offset: start, length: end - start, text: '' };
}

/** Returns the end of the match of `pattern`, which is sticky, at `offset`. */
function skip(text: string, offset: number, pattern: RegExp): number {
  pattern.lastIndex = offset;
  return pattern.exec(text) ? pattern.lastIndex : offset;
}

/** Returns the position of the comma after an entry, past space and comments. */
function commaAfter({ text, notation }: Source, entry: Entry): number | null {
  let offset = entry.end;
  for (let before = -1; before !== offset; ) {
    before = offset;
    offset = skip(text, skip(text, offset, /\s*/y), notation.comment);
  }
  return text[offset] === ',' ? offset : null;
}

/** Returns the end of the line if only space and comments follow `offset` on it, else null. */
function endOfOwnLine({ text, notation }: Source, offset: number): number | null {
  const end = lineEnd(text, offset);
  let at = offset;
  for (let before = -1; before !== at; ) {
    before = at;
    at = skip(text, skip(text, at, /[ \t]*/y), notation.comment);
  }
  return at === end ? end : null;
}

function hasComment({ text, notation }: Source, start: number, end: number): boolean {
  const offset = skip(text, start, /\s*/y);
  return offset < end && skip(text, offset, notation.comment) > offset;
}

function spacesBefore(text: string, offset: number): number {
  return text.slice(lineStart(text, offset), offset).match(/[ \t]*$/)![0].length;
}

/** Skips back over one space, if there is one. */
function skipBack(text: string, offset: number): number {
  return text[offset - 1] === ' ' ? offset - 1 : offset;
}

function hasLineBreak(text: string): boolean {
  return /[\r\n]/.test(text);
}

function isBlank(text: string, start: number, end: number): boolean {
  return text.slice(start, end).trim() === '';
}

function lineStart(text: string, offset: number): number {
  const before = text.slice(0, offset);
  return Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
}

function lineEnd(text: string, offset: number): number {
  return skip(text, offset, /[^\r\n]*/y);
}

function lineBreakAt(text: string, offset: number): string {
  return text.slice(offset, skip(text, offset, /\r\n|\r|\n/y));
}

/** Returns the line break before `start`, the start of a line; empty for the first line. */
function lineBreakBefore(text: string, start: number): string {
  return text.slice(text.endsWith('\r\n', start) ? start - 2 : Math.max(0, start - 1), start);
}

/** Returns the leading space of the line that contains `offset`. */
function indentAt(text: string, offset: number): string {
  const start = lineStart(text, offset);
  return text.slice(start, skip(text, start, /[ \t]*/y));
}
