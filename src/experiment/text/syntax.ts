import { assertNever } from '../../shared/assertNever';
import type { Path } from '../../shared/path';

/**
 * The common structure of YAML and JSON documents: values with positions. Edits and problems are computed on this tree,
 * so both formats behave alike.
 */
export type SyntaxNode =
  /** `end` equals `start` if YAML omits the value. `isNull` if it is written as null or ~. */
  | (Span & { readonly kind: 'scalar'; readonly isNull?: boolean })
  /** A YAML alias, with its value defined elsewhere. */
  | (Span & { readonly kind: 'alias' })
  | (Span & { readonly kind: 'list'; readonly items: readonly SyntaxNode[] })
  | MapNode;

/** The maximum nesting depth. The parsers are recursive, and V8 may abort on a deeper text. */
export const MAX_DEPTH = 64;

/** The error for a text nested deeper than MAX_DEPTH. */
export class NestingError extends Error {}

/**
 * The maximum number of words, marks, line breaks and spaces in a text, about 12,000 lines. An experiment has fewer
 * than a hundred, and editors parse it again at each keystroke.
 */
export const MAX_TOKENS = 80_000;

/** The error for a text with more than MAX_TOKENS tokens. */
export class TokenCountError extends Error {}

export interface MapNode extends Span {
  readonly kind: 'map';
  /** Flow maps use braces, block maps use indentation. */
  readonly style: 'flow' | 'block';
  readonly entries: readonly Entry[];
  /**
   * Entries provided by YAML's merge keys, in addition to `entries`. The position of an entry from an alias is the
   * alias, because other parts may share its anchor.
   */
  readonly merged?: readonly Entry[];
}

/** A key with its value, from the key's start to the value's end. */
export interface Entry extends Span {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: SyntaxNode;
  /** Whether it is a merge key, which adds its mapping's keys to the enclosing mapping. */
  readonly isMerge?: boolean;
}

/** Offsets into the text, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Returns the entry of a map; the first one if a key is repeated. */
export function entryOf(node: SyntaxNode | null, key: string | number): Entry | undefined {
  return node?.kind === 'map' ? entriesByKey(node).get(String(key)) : undefined;
}

/** Returns the entry that a merge key provides for a key. */
export function mergedEntryOf(node: SyntaxNode | null, key: string | number): Entry | undefined {
  return node?.kind === 'map' ? node.merged?.find((entry) => entry.key === String(key)) : undefined;
}

const byKey = new WeakMap<MapNode, ReadonlyMap<string, Entry>>();

/** Returns the entries of a map by key, cached for constant-time lookup. */
function entriesByKey(map: MapNode): ReadonlyMap<string, Entry> {
  const known = byKey.get(map);
  if (known) return known;
  const entries = new Map(map.entries.toReversed().map((entry) => [entry.key, entry]));
  byKey.set(map, entries);
  return entries;
}

/** Returns the span of the key or value at `path`, or of its nearest parent key in the file. */
export function spanOf(root: SyntaxNode | null, path: Path, part: 'key' | 'value'): Span {
  let node = root;
  let nearest: Span = { start: root?.start ?? 0, end: root?.start ?? 0 };
  for (const key of path) {
    const item: SyntaxNode | undefined = node?.kind === 'list' ? node.items[Number(key)] : undefined;
    const entry: Entry | undefined = entryOf(node, key) ?? mergedEntryOf(node, key);
    const found: SyntaxNode | undefined = item ?? entry?.value;
    if (!found) return nearest;
    nearest = entry?.keySpan ?? found;
    node = found;
  }
  return part === 'key' || !node || node.start === node.end ? nearest : node;
}

/** Returns the node at a path; null if there is none. */
export function nodeAt(root: SyntaxNode | null, path: Path): SyntaxNode | null {
  return path.reduce<SyntaxNode | null>(
    (node, key) => (node?.kind === 'list' ? node.items[Number(key)] : entryOf(node, key)?.value) ?? null,
    root,
  );
}

/** Yields every map of the tree with its parent entry, outermost first. */
export function* mapsOf(
  node: SyntaxNode | null,
  holder: Entry | null = null,
): Generator<{ readonly map: MapNode; readonly holder: Entry | null }> {
  if (node?.kind === 'map') {
    yield { map: node, holder };
    for (const entry of node.entries) yield* mapsOf(entry.value, entry);
  } else if (node?.kind === 'list') {
    for (const item of node.items) yield* mapsOf(item);
  }
}

/** Returns the key or value at an offset, with its path; null between them. */
export function placeAt(
  root: SyntaxNode | null,
  offset: number,
  above: Path = [],
): { readonly path: Path; readonly part: 'key' | 'value'; readonly span: Span } | null {
  if (!root) return null;
  switch (root.kind) {
    case 'map':
      for (const { key, keySpan, value, isMerge } of root.entries) {
        const path = isMerge ? above : [...above, key];
        if (holds(keySpan, offset)) return isMerge ? null : { path, part: 'key', span: keySpan };
        if (isMerge && value.kind !== 'map' && holds(value, offset)) return null;
        if (holds(value, offset)) return placeAt(value, offset, path);
      }
      return null;
    case 'list': {
      const index = root.items.findIndex((item) => holds(item, offset));
      return placeAt(root.items[index] ?? null, offset, [...above, index]);
    }
    case 'scalar':
    case 'alias':
      return above.length > 0 && holds(root, offset) && root.end > root.start
        ? { path: above, part: 'value', span: root }
        : null;
    default:
      return assertNever(root);
  }
}

function holds({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}

/** The parser's result for a text, as far as it is readable. */
export interface SyntaxTree {
  readonly root: SyntaxNode | null;
  /** Plain data. Undefined if the text cannot be parsed. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
}

export interface SyntaxProblem extends Span {
  readonly what: string;
  readonly remedy: string;
  /** Whether the text's meaning is clear despite the problem. */
  readonly isReadable?: boolean;
}

/** How a format writes new parts. */
export interface Notation {
  /** A sticky pattern that matches a comment. */
  readonly comment: RegExp;
  /** Whether a file may omit the space after colons and commas. */
  readonly canBeCompact: boolean;
  key(name: string): string;
  /** Formats a value on one line, with spaces inside braces. */
  inline(value: unknown): string;
  /** Formats a value on several lines joined by `\n`. The first line is not indented. */
  expanded(value: unknown, indent: string): string;
}
