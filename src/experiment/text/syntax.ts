import { assertNever } from '../../shared/assertNever';
import type { Path } from '../../shared/path';

/**
 * What YAML and JSON documents have in common: values with their places. Edits and problems are worked out on
 * this tree, so that both formats behave alike.
 */
export type SyntaxNode =
  /** `end` equals `start` where YAML leaves the value out. */
  | (Span & { readonly kind: 'scalar' })
  /** A YAML alias, whose value is written elsewhere. */
  | (Span & { readonly kind: 'alias' })
  | (Span & { readonly kind: 'list'; readonly items: readonly SyntaxNode[] })
  | MapNode;

/** Collections in one another beyond which a text is not read: the parsers are recursive, and V8 may abort a deep one. */
export const MAX_DEPTH = 64;

/** A text nests its values deeper than MAX_DEPTH. */
export class NestingError extends Error {}

/**
 * Words, marks, breaks and spaces of a text beyond which it is not read: some 12,000 lines. An experiment has under a
 * hundred, and editors read it anew at each key that is pressed.
 */
export const MAX_TOKENS = 80_000;

/** A text has more than MAX_TOKENS. */
export class TokenCountError extends Error {}

export interface MapNode extends Span {
  readonly kind: 'map';
  /** Flow maps stand in braces, block maps are told by their indentation. */
  readonly style: 'flow' | 'block';
  readonly entries: readonly Entry[];
}

/** A key with its value, from the key's start to the value's end. */
export interface Entry extends Span {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: SyntaxNode;
}

/** Offsets into the text, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The entry of a map; the first one where a key is written twice. */
export function entryOf(node: SyntaxNode | null, key: string | number): Entry | undefined {
  return node?.kind === 'map' ? entriesByKey(node).get(String(key)) : undefined;
}

const byKey = new WeakMap<MapNode, ReadonlyMap<string, Entry>>();

/** The entries of a map, found at once however many there are. */
function entriesByKey(map: MapNode): ReadonlyMap<string, Entry> {
  const known = byKey.get(map);
  if (known) return known;
  const entries = new Map(map.entries.toReversed().map((entry) => [entry.key, entry]));
  byKey.set(map, entries);
  return entries;
}

/** The place of the key or value at `path`; that of the nearest key above it where the file does not hold it. */
export function spanOf(root: SyntaxNode | null, path: Path, part: 'key' | 'value'): Span {
  let node = root;
  let nearest: Span = { start: root?.start ?? 0, end: root?.start ?? 0 };
  for (const key of path) {
    const item: SyntaxNode | undefined = node?.kind === 'list' ? node.items[Number(key)] : undefined;
    const entry: Entry | undefined = entryOf(node, key);
    const found: SyntaxNode | undefined = item ?? entry?.value;
    if (!found) return nearest;
    nearest = entry?.keySpan ?? found;
    node = found;
  }
  return part === 'key' || !node || node.start === node.end ? nearest : node;
}

/** Every map of the tree with the entry that holds it, outermost first. */
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

/** The key or value at an offset, and its path; null between them. */
export function placeAt(
  root: SyntaxNode | null,
  offset: number,
  above: Path = [],
): { readonly path: Path; readonly part: 'key' | 'value'; readonly span: Span } | null {
  if (!root) return null;
  switch (root.kind) {
    case 'map':
      for (const { key, keySpan, value } of root.entries) {
        const path = [...above, key];
        if (holds(keySpan, offset)) return { path, part: 'key', span: keySpan };
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

/** What a format's parser makes of a text, as far as it can be read. */
export interface SyntaxTree {
  readonly root: SyntaxNode | null;
  /** Plain data; undefined where the text cannot be read. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
}

export interface SyntaxProblem extends Span {
  readonly what: string;
  readonly remedy: string;
}

/** How a format writes new parts. */
export interface Notation {
  /** Matches a comment, sticky. */
  readonly comment: RegExp;
  /** Whether a file can do without space after colons and commas. */
  readonly canBeCompact: boolean;
  key(name: string): string;
  /** A value on one line, with spaces inside braces. */
  inline(value: unknown): string;
  /** A value over several lines joined by `\n`, the first one not indented. */
  expanded(value: unknown, indent: string): string;
}
