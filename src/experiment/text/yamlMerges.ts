/**
 * YAML 1.1 merge keys, `<<: *base`, which are still in use: a mapping takes the keys that it lacks from other mappings.
 */
import * as l10n from '@vscode/l10n';
import { type Alias, isAlias, isCollection, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import type { SyntaxProblem } from './syntax';

/** Resolves an alias to its node; undefined if no anchor precedes it. */
export type ResolveAlias = (alias: Alias) => Node | undefined;

/** The maximum number of values in a file after merging, so no file can be made slow. */
const MOST_MERGED = 20_000;

export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && typeof key.value === 'symbol';
}

/** Returns a mapping's key as text. */
export function keyText(key: unknown): string {
  return isMergeKey(key) ? '<<' : String(isScalar(key) ? key.value : key);
}

/** Returns what a mapping merges in, in order of precedence, each as the alias or mapping in the text. */
export function mergedInto(map: YAMLMap): Node[] {
  return map.items
    .filter(({ key }) => isMergeKey(key))
    .flatMap(({ value }) => (isSeq(value) ? value.items : [value]) as Node[]);
}

/** Returns the problems of merged values that are not mappings. */
export function mergeProblems(map: YAMLMap, resolve: ResolveAlias): SyntaxProblem[] {
  return mergedInto(map).flatMap((source): SyntaxProblem[] => {
    const found = isAlias(source) ? resolve(source) : source;
    // An alias without an anchor is reported separately.
    if (isMap(found) || (isAlias(source) && !found)) return [];
    const merge = map.items.find(({ key }) => isMergeKey(key))?.key;
    const [start, end] = source?.range ?? (isScalar(merge) ? merge.range : null) ?? [0, 0];
    return [
      {
        start,
        end: Math.max(start, end),
        what: l10n.t('{0} merges a mapping, but this is not a mapping.', '<<'),
        remedy: l10n.t('Write the alias of a mapping, such as {0}.', '<<: *base'),
      },
    ];
  });
}

/** Whether a file has too many values after merging, or a mapping that merges itself. */
export function isMergedTooMuch(root: Node | null, resolve: ResolveAlias): boolean {
  const known = new Map<Node, number>();
  const sizeOf = (node: unknown): number => {
    if (!isCollection(node)) return 1;
    const held = known.get(node);
    if (held !== undefined) return held;
    // A node that contains itself is infinite.
    known.set(node, Number.POSITIVE_INFINITY);
    const merged = isMap(node) ? mergedInto(node) : [];
    const sources = merged.map((source) => (isAlias(source) ? resolve(source) : source));
    const own = isMap(node)
      ? node.items.filter(({ key }) => !isMergeKey(key)).map(({ value }) => value)
      : node.items;
    const size = [...sources, ...own].reduce<number>((sum, child) => sum + sizeOf(child), 1);
    known.set(node, size);
    return size;
  };
  return sizeOf(root) > MOST_MERGED;
}
