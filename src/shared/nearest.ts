import { closest, distance } from 'fastest-levenshtein';

/** What a person may have meant: at most every third letter wrong, none in a short word. */
export function nearest(written: string, allowed: readonly string[]): string | undefined {
  if (allowed.length === 0 || written.length > 100) return undefined;
  const near = closest(written.toLowerCase(), allowed);
  const mistakes = near.length < 4 ? 0 : Math.max(1, near.length / 3);
  return distance(written.toLowerCase(), near) <= mistakes ? near : undefined;
}
