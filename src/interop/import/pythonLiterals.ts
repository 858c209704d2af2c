import type { Span } from '../../experiment/text/syntax';

/**
 * A value as Python writes one. Numbers, texts, True, False and None, lists, and mappings written `dict(key=value)`
 * or `{'key': value}` are read; all else is computed, and only its place is known.
 */
export type PythonNode =
  | (Span & { readonly kind: 'scalar'; readonly value: unknown })
  | (Span & {
      readonly kind: 'list';
      /** Where its first item may stand. */
      readonly inner: number;
      readonly items: readonly PythonNode[];
    })
  | DictNode
  | (Span & { readonly kind: 'computed' });

export interface DictNode extends Span {
  readonly kind: 'dict';
  readonly style: 'call' | 'braces';
  /** Where its first entry may stand. */
  readonly inner: number;
  readonly entries: readonly DictEntry[];
}

/** A key with its value, from the key's start to the value's end. */
export interface DictEntry extends Span {
  readonly key: string;
  readonly value: PythonNode;
}

/** Brackets in one another beyond which a value is not read: this reader is recursive, and reads no deeper configs. */
const MAX_DEPTH = 12;

/**
 * The assignments of a module's outermost level, `name = value`, in order. A value that nests deeper than MAX_DEPTH is
 * taken for a computed one.
 */
export function assignmentsOf(text: string): DictEntry[] {
  const found: DictEntry[] = [];
  let at = 0;
  while (at < text.length) {
    const assignment = /([A-Za-z_]\w*)[ \t]*=(?!=)[ \t]*/y;
    assignment.lastIndex = at;
    const head = assignment.exec(text);
    if (head?.[1] === undefined) {
      at = endOfStatement(text, at);
      continue;
    }
    const value = valueAt(text, assignment.lastIndex, 0);
    found.push({ key: head[1], value, start: at, end: value.end });
    at = endOfStatement(text, value.end);
  }
  return found;
}

/** The first offset of the line after a statement, brackets and texts of several lines included. */
function endOfStatement(text: string, from: number): number {
  const end = skipTo(text, from, /\r?\n/y);
  return Math.min(end + (/^\r?\n/.exec(text.slice(end, end + 2))?.[0].length ?? 1), text.length);
}

/** A value with nothing more to it: what an operator follows is computed. */
function valueAt(text: string, from: number, depth: number): PythonNode {
  const start = gapEnd(text, from);
  const value = literalAt(text, start, depth);
  if (value && isComplete(text, value.end)) return value;
  const end = skipTo(text, start, /[,)\]}]|\r?\n/y);
  return { kind: 'computed', start, end: start + text.slice(start, end).trimEnd().length };
}

function isComplete(text: string, end: number): boolean {
  const [rest = ''] = /^[ \t]*(?:.|$)/s.exec(text.slice(end)) ?? [];
  return /^[ \t]*(?:[,)\]}#\r\n:]|$)/.test(rest);
}

function literalAt(text: string, start: number, depth: number): PythonNode | null {
  if (depth > MAX_DEPTH) return null;
  const string = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y;
  string.lastIndex = start;
  const quoted = string.exec(text)?.[0];
  // Three quotes begin a text of several lines, which no setting here is.
  if (quoted !== undefined && !/^(['"])\1$/.test(quoted.slice(0, 2) + (text[start + 2] ?? ''))) {
    return { kind: 'scalar', value: quoted.slice(1, -1), start, end: string.lastIndex };
  }
  const word = /[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d+)(?:[eE][-+]?\d+)?|True\b|False\b|None\b/y;
  word.lastIndex = start;
  const plain = word.exec(text)?.[0];
  if (plain !== undefined) return { kind: 'scalar', value: scalarOf(plain), start, end: word.lastIndex };
  const call = /dict\(|\{/y;
  call.lastIndex = start;
  const opening = call.exec(text)?.[0];
  if (opening !== undefined) {
    return dictAt(text, start, call.lastIndex, opening === '{' ? 'braces' : 'call', depth + 1);
  }
  return text[start] === '[' || text[start] === '(' ? listAt(text, start, depth + 1) : null;
}

function scalarOf(word: string): unknown {
  const names: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };
  return word in names ? names[word] : Number(word.replaceAll('_', ''));
}

function dictAt(
  text: string,
  start: number,
  inner: number,
  style: DictNode['style'],
  depth: number,
): DictNode | null {
  const entries: DictEntry[] = [];
  const keyPattern = style === 'call' ? /([A-Za-z_]\w*)\s*=(?!=)/y : /(['"])([^'"\\\n]*)\1\s*:/y;
  const closing = style === 'call' ? ')' : '}';
  for (let at = gapEnd(text, inner); ; ) {
    if (text[at] === closing) return { kind: 'dict', style, inner, entries, start, end: at + 1 };
    keyPattern.lastIndex = at;
    const key = keyPattern.exec(text);
    if (!key) return null;
    const value = valueAt(text, keyPattern.lastIndex, depth);
    entries.push({ key: key.at(-1) ?? '', value, start: at, end: value.end });
    at = gapEnd(text, value.end);
    if (text[at] === ',') at = gapEnd(text, at + 1);
    else if (text[at] !== closing) return null;
  }
}

function listAt(text: string, start: number, depth: number): PythonNode | null {
  const closing = text[start] === '[' ? ']' : ')';
  const items: PythonNode[] = [];
  for (let at = gapEnd(text, start + 1); ; ) {
    if (text[at] === closing) return { kind: 'list', inner: start + 1, items, start, end: at + 1 };
    if (at >= text.length) return null;
    const item = valueAt(text, at, depth);
    if (item.end === at) return null;
    items.push(item);
    at = gapEnd(text, item.end);
    if (text[at] === ',') at = gapEnd(text, at + 1);
    else if (text[at] !== closing) return null;
  }
}

/** The offset after space, line breaks and comments. */
function gapEnd(text: string, from: number): number {
  const gap = /(?:\s|#[^\n]*)*/y;
  gap.lastIndex = from;
  gap.exec(text);
  return gap.lastIndex;
}

/** The first offset at which a sticky pattern matches outside of brackets, texts and comments; else the end. */
function skipTo(text: string, from: number, pattern: RegExp): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    pattern.lastIndex = at;
    if (depth === 0 && pattern.test(text)) return at;
    const token =
      /'''[\s\S]*?(?:'''|$)|"""[\s\S]*?(?:"""|$)|'(?:[^'\\\n]|\\.)*'?|"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[^'"#()[\]{},\r\n]+|[\s\S]/y;
    token.lastIndex = at;
    const [found = ''] = token.exec(text) ?? [];
    if (/^[([{]$/.test(found)) depth += 1;
    if (/^[)\]}]$/.test(found)) depth -= 1;
    at += Math.max(found.length, 1);
  }
  return text.length;
}

/** A value as Python writes it, mappings as `dict(key=value)`. */
export function pythonOf(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`;
  const entries = Object.entries(value).map(([key, child]) => `${key}=${pythonOf(child)}`);
  return `dict(${entries.join(', ')})`;
}
