/** The word that is being typed at a place of a file, and snippets that take its place. */
import { type ExperimentDocument, parseDocument } from '../experiment/text/document';
import type { Path } from '../shared/path';

/** Something that can be written at a place of a file. */
export interface Completion {
  readonly kind: 'key' | 'section' | 'trick' | 'value' | 'run';
  readonly label: string;
  readonly detail: string;
  readonly documentation: string;
  /** As the editor's snippets have it. */
  readonly snippet: string;
}

/** What can be written at a place, and the offsets of what it takes the place of. */
export interface Completions {
  readonly start: number;
  readonly end: number;
  readonly items: readonly Completion[];
}

/** A word that no file has, which stands for the one that is being typed. */
const MARK = '__being_typed__';

/** A word that is being typed, and what the file says around it. */
export interface WordInPlace {
  /** Offsets of what a completion takes the place of. */
  readonly start: number;
  readonly end: number;
  /** The file with another word in its place. */
  readonly marked: ExperimentDocument;
  /** Where it stands in `marked`. */
  readonly path: Path;
  readonly part: 'key' | 'value';
  /** Whether the key has its colon already. */
  readonly isKeyOfValue: boolean;
  /** What must follow a new entry. */
  readonly comma: string;
}

/** The word at an offset of a file; null where none can be completed. */
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

/** No key or value that is offered is longer, and no line that a person reads. */
const LONGEST_WORD = 256;
const LONGEST_LINE = 2000;

/**
 * The word at an offset, quotes included, and what it may be, the likeliest first; null in comments and where none
 * can be.
 */
function wordAt(
  text: string,
  offset: number,
  isJson: boolean,
): { readonly start: number; readonly end: number; readonly parts: readonly ('key' | 'value')[] } | null {
  const before = text.slice(0, offset);
  // These patterns look for an end from each beginning, so they are given no more than a word or line can be.
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
  // Of a list, in dashes or brackets, an item may begin a mapping.
  if (/(^|[{,[])\s*$|^\s*(-\s+)+$/.test(line)) return { start, end, parts: ['key'] };
  return /:\s+$/.test(line) ? { start, end, parts: ['value'] } : null;
}

/** JSON with spaces in the place of its comments. */
function withoutComments(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (token) =>
    token.startsWith('"') ? token : ' '.repeat(token.length),
  );
}

/** What a snippet of an entry depends on. */
export interface EntryContext {
  /** What must follow a new entry. */
  readonly suffix: string;
  /** Whether the key has its colon already. */
  readonly isKeyOfValue: boolean;
}

/** `key: ` and a value, in the file's notation: its default, or a choice of what it may be. */
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

/** A value as a snippet whose numbers and texts are stops of the tab key. */
export function withStops(inline: string): string {
  let stop = 0;
  return escaped(inline).replace(/(?<=: )(-?[\d.e-]+|""|"[^"]*")/g, (value) => {
    stop += 1;
    return value === '""' ? `"$${stop}"` : `\${${stop}:${value}}`;
  });
}

/** Text that the editor's snippets leave as it is. */
export function escaped(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}
