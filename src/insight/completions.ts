import { translate } from '../experiment/aliases';
import { parseExperiment } from '../experiment/parse';
import { fieldAt, keysAt } from '../experiment/schemaTree';
import { type ExperimentDocument, parseDocument } from '../experiment/text/document';
import { type FactsLookup, NO_FACTS } from '../recipe/datasets';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { ALL_TRICKS, trickCalled } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { namesRun, type RunReference } from './quickFixes';
import { trickFits } from './trickFit';
import { evidenceText } from './trickText';

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

/** What completions depend on beside the text. */
export interface CompletionSurroundings {
  readonly runs: readonly RunReference[];
  /** Whether the editor completes by the schema: then only what no schema knows is offered. */
  readonly hasSchemaHelp: boolean;
  readonly factsOf?: FactsLookup;
}

/**
 * What can be written at an offset of a file: keys, items of lists, tricks with the options that fit the experiment,
 * values where they can be listed, and runs.
 */
export function completionsAt(
  text: string,
  fileName: string,
  offset: number,
  { runs, hasSchemaHelp, factsOf = NO_FACTS }: CompletionSurroundings,
): Completions | null {
  const isJson = parseDocument('', fileName).format === 'json';
  const word = wordAt(text, offset, isJson);
  if (!word) return null;
  const { start, end } = word;
  const mark = isJson ? JSON.stringify(MARK) : MARK;
  const needsComma = isJson && /^\s*"/.test(text.slice(end));
  const comma = needsComma ? ',' : '';
  const placed = word.parts.flatMap((part) => {
    const isKeyOfValue = part === 'key' && /^\s*:/.test(text.slice(end));
    const typed = part === 'key' && !isKeyOfValue ? `${mark}: 0` : mark;
    const marked = parseDocument(text.slice(0, start) + typed + comma + text.slice(end), fileName);
    const place = marked.placeAt(start + mark.length - 1);
    return place?.part === part ? [{ marked, path: place.path, part, isKeyOfValue }] : [];
  })[0];
  if (!placed) return null;
  const { marked, path, part, isKeyOfValue } = placed;
  const values = (at: Path) => valueItems(marked, at, comma, runs, hasSchemaHelp);
  if (part === 'value') return { start, end, items: values(path) };
  const parent = path.slice(0, -1);
  // What begins an item of a list may be a value as well as the first key of a mapping.
  const isItem =
    typeof parent.at(-1) === 'number' && Object.keys(Object(valueAt(marked.value, parent))).length === 1;
  const keys = () =>
    keyItems(marked, parent, {
      // The file without the word that is being typed says what fits.
      fits: () =>
        trickFits(parseExperiment(text.slice(0, start) + text.slice(end), fileName, [], 'train', factsOf)),
      suffix: comma,
      isKeyOfValue,
    });
  const items = [...(isItem && !isKeyOfValue ? values(parent) : []), ...(hasSchemaHelp ? [] : keys())];
  return { start, end, items };
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

interface KeyContext {
  fits(): ReturnType<typeof trickFits>;
  /** What must follow a new entry. */
  readonly suffix: string;
  /** Whether the key has its colon already. */
  readonly isKeyOfValue: boolean;
}

function keyItems(document: ExperimentDocument, parent: Path, context: KeyContext): Completion[] {
  const held = valueAt(document.value, parent);
  const isTricks = parent.length === 1 && parent[0] === 'tricks';
  if (isTricks) return trickItems(document, held, context);
  const path = ourPath(parent);
  return keysAt(path, ourValue(document.value))
    .filter((key) => !Object.hasOwn(Object(held), key))
    .map((key) => {
      const field = fieldAt([...path, key], ourValue(document.value));
      const isSection = Boolean(field?.isMapping) && field?.default === undefined;
      return {
        kind: isSection ? 'section' : 'key',
        label: key,
        detail: '',
        documentation: field?.description ?? '',
        snippet: entrySnippet(
          document,
          key,
          isSection ? null : (field?.default ?? ''),
          [...(field?.values.keys() ?? [])],
          context,
        ),
      };
    });
}

/** Every trick that fits, with what fits; all that are not written yet where the file does not say what fits. */
function trickItems(document: ExperimentDocument, held: unknown, context: KeyContext): Completion[] {
  const fits = context.fits();
  const written = Object.keys(Object(held)).map((key) => trickCalled(key)?.trick.name);
  const offered: { trick: Trick; value: unknown; effect: string | null }[] =
    fits.length > 0
      ? fits.map((fit) => ({ trick: fit.trick, value: fit.value, effect: fit.effect() }))
      : ALL_TRICKS.map((trick) => ({ trick, value: true, effect: null }));
  return offered
    .filter(({ trick }) => !written.some((name) => name === trick.name))
    .map(({ trick, value, effect }) => ({
      kind: 'trick',
      label: trick.name,
      detail: effect ?? trick.title(),
      documentation: `${trick.summary()}\n\n\`${trick.formula}\`\n\n${evidenceText(trick)}`,
      snippet: context.isKeyOfValue
        ? escaped(document.notation.key(trick.name))
        : `${escaped(document.notation.key(trick.name))}: ${withStops(document.notation.inline(value))}${context.suffix}`,
    }));
}

function valueItems(
  document: ExperimentDocument,
  path: Path,
  suffix: string,
  runs: readonly RunReference[],
  hasSchemaHelp: boolean,
): Completion[] {
  if (namesRun(path)) {
    return runs.map(({ id, description }) => ({
      kind: 'run',
      label: id,
      detail: description,
      documentation: '',
      snippet: `${escaped(document.notation.inline(id))}${suffix}`,
    }));
  }
  if (hasSchemaHelp) return [];
  const field = fieldAt(ourPath(path), ourValue(document.value));
  return [...(field?.values ?? [])].map(([value, meaning]) => ({
    kind: 'value',
    label: String(value),
    detail: '',
    documentation: meaning ?? '',
    snippet: `${escaped(document.notation.inline(value))}${suffix}`,
  }));
}

/** `key: ` and a value, in the file's notation: its default, or a choice of what it may be. */
function entrySnippet(
  { format, notation }: ExperimentDocument,
  key: string,
  value: unknown,
  values: readonly unknown[],
  { suffix, isKeyOfValue }: KeyContext,
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
function withStops(inline: string): string {
  let stop = 0;
  return escaped(inline).replace(/(?<=: )(-?[\d.e-]+|""|"[^"]*")/g, (value) => {
    stop += 1;
    return value === '""' ? `"$${stop}"` : `\${${stop}:${value}}`;
  });
}

/** Text that the editor's snippets leave as it is. */
function escaped(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

/** A path in our own words, where the file has a trick under another system's name. */
function ourPath([section, key, ...rest]: Path): Path {
  if (section === undefined) return [];
  if (key === undefined) return [section];
  const name = section === 'tricks' ? trickCalled(String(key))?.trick.name : undefined;
  return [section, name ?? key, ...rest];
}

function ourValue(value: unknown): unknown {
  return translate(value).value;
}
