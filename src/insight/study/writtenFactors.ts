/** Tricks as the factors of a study that is not written yet. */
import type { Exclusion, WrittenFactor } from '../../study/file/study';
import type { TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';

/** Returns a trick as a factor, as if it were read from a file. */
export function asWritten(key: string, value: unknown): WrittenFactor {
  return { key, kind: 'trick', values: [false, value], path: [], levelPaths: [[], []] };
}

/** A trick that a study may have as a factor. */
export interface Candidate {
  readonly trick: Trick<TrickName>;
  /** Whether the trick is in the experiment. */
  readonly isIn: boolean;
}

/**
 * Returns the indexes of the tricks to select by default: no other selected one excludes them, and none includes them.
 * Those in the experiment come first.
 */
export function suggestedAmong(
  candidates: readonly Candidate[],
  exclusions: readonly Exclusion[],
): ReadonlySet<number> {
  const suggested = new Set<number>();
  const inOrder = [...candidates.entries()].toSorted(([, one], [, other]) => +other.isIn - +one.isIn);
  for (const [index, { trick }] of inOrder) {
    const isImplied = candidates.some((other) => other.trick.implies?.some((name) => name === trick.name));
    const isExcluded = exclusions.some(
      ({ first, second }) =>
        (second.factor === index && suggested.has(first.factor)) ||
        (first.factor === index && suggested.has(second.factor)),
    );
    if (!isImplied && !isExcluded) suggested.add(index);
  }
  return suggested;
}
