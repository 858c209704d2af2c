/** The word being typed at an offset of a file, and the snippets that replace it. */
import { type ExperimentDocument, parseDocument } from '../experiment/text/document';
import type { Path } from '../shared/path';

/** A completion item. */
export interface Completion {
  readonly kind: 'key' | 'section' | 'trick' | 'value' | 'run';
  readonly label: string;
  readonly detail: string;
  readonly documentation: string;
  /** In the editor's snippet syntax. */
  readonly snippet: string;
}

/** The completions at an offset, and the range that they replace. */
export interface Completions {
  readonly start: number;
  readonly end: number;
  readonly items: readonly Completion[];
}

/** A placeholder for the word being typed, which occurs in no file. */
const MARK = '__being_typed__';

/** The word being typed and its context in the file. */
export interface WordInPlace {
  /** Offsets of the text that a completion replaces. */
  readonly start: number;
  readonly end: number;
  /** The file with the placeholder instead of the word. */
  readonly marked: ExperimentDocument;
  /** Path of the placeholder in `marked`. */
  readonly path: Path;
  readonly part: 'key' | 'value';
  /** Whether a colon already follows the key. */
  readonly isKeyOfValue: boolean;
  /** Text that must follow a new entry. */
  readonly comma: string;
}

/** Returns the word at an offset of a file, null if nothing can be completed there. */
export function wordInPlace(text: string, fileName: string, offset: number): WordInPlace | null {
  const isJson = parseDocument('', fileName).format === 'json';
  const word = wordAt(text, offset, isJson);
  if (!word) return null;
  const { start, end } = word;
  const mark = isJson ? JSON.stringify(MARK) : MARK;
  const needsComma = isJson && /^\s*"/.test(text.slice(end));
  const comma = needsComma ? ',' : '';
  for (const part of word.parts) {
    const isKeyOfValue = part === 'key' && /^\s*:/.test(text.slice(end));
    const typed = part === 'key' && !isKeyOfValue ? `${mark}: 0` : mark;
    const marked = parseDocument(text.slice(0, start) + typed + comma + text.slice(end), fileName);
    const place = marked.placeAt(start + mark.length - 1);
    if (place?.part === part) return { start, end, marked, path: place.path, part, isKeyOfValue, comma };
  }
  return null;
}

/** No offered key or value is longer, and no line written by a person. */
const LONGEST_WORD = 256;
const LONGEST_LINE = 2000;

/**
 * Returns the word at an offset, quotes included, and what it may be, the most likely first. Null in comments and where
 * nothing can be completed.
 */
function wordAt(
  text: string,
  offset: number,
  isJson: boolean,
): { readonly start: number; readonly end: number; readonly parts: readonly ('key' | 'value')[] } | null {
  const before = text.slice(0, offset);
  // These patterns search for an end from every start, so limit their input to the length of a word or line.
  const [left = ''] = /["']?[\w.-]*$/.exec(before.slice(-LONGEST_WORD)) ?? [];
  const [right = ''] = /^[\w.-]*["']?/.exec(text.slice(offset)) ?? [];
  const start = offset - left.length;
  const quoted = /^["']/.test(left);
  const end = offset + (quoted ? right.length : right.replace(/["']$/, '').length);
  const lead = before.slice(0, start);
  const line = lead.slice(lead.lastIndexOf('\n') + 1);
  if (line.length > LONGEST_LINE) return null;
  if (isJson ? /\/\/[^"]*$/.test(line) : /(^|\s)#/.test(line)) return null;
  if (isJson) {
    const last = withoutComments(lead).trimEnd().at(-1);
    if (last === '{') return { start, end, parts: ['key'] };
    if (last === ',') return { start, end, parts: ['key', 'value'] };
    return last === ':' || last === '[' ? { start, end, parts: ['value'] } : null;
  }
  // A list item, after a dash or in brackets, may start a mapping.
  if (/(^|[{,[])\s*$|^\s*(-\s+)+$/.test(line)) return { start, end, parts: ['key'] };
  return /:\s+$/.test(line) ? { start, end, parts: ['value'] } : null;
}

/** Replaces the comments in JSON with spaces. */
function withoutComments(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (token) =>
    token.startsWith('"') ? token : ' '.repeat(token.length),
  );
}

/** Context of an entry's snippet. */
export interface EntryContext {
  /** Text that must follow a new entry. */
  readonly suffix: string;
  /** Whether a colon already follows the key. */
  readonly isKeyOfValue: boolean;
}

/** Returns `key: ` and a value in the file's notation: the default, or a choice of the allowed values. */
export function entrySnippet(
  { format, notation }: ExperimentDocument,
  key: string,
  value: unknown,
  values: readonly unknown[],
  { suffix, isKeyOfValue }: EntryContext,
): string {
  const name = escaped(notation.key(key));
  if (isKeyOfValue) return name;
  if (value === null) {
    return format === 'json' ? `${name}: { $1 }${suffix}` : `${name}:\n  $0`;
  }
  const written = (each: unknown) => escaped(notation.inline(each));
  if (values.length > 1) {
    const first = values.includes(value) ? [value, ...values.filter((each) => each !== value)] : values;
    return `${name}: \${1|${first.map((each) => written(each).replaceAll(',', '\\,')).join(',')}|}${suffix}`;
  }
  if (value === '') return format === 'json' ? `${name}: "$1"${suffix}` : `${name}: $1`;
  return `${name}: \${1:${written(value)}}${suffix}`;
}

/** Turns a value into a snippet with tab stops at its numbers and texts. */
export function withStops(inline: string): string {
  let stop = 0;
  return escaped(inline).replace(/(?<=: )(-?[\d.e-]+|""|"[^"]*")/g, (value) => {
    stop += 1;
    return value === '""' ? `"$${stop}"` : `\${${stop}:${value}}`;
  });
}

/** Escapes text for the editor's snippet syntax. */
export function escaped(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}
