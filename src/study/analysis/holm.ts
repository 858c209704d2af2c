/**
 * Adjusts p values by Holm's step-down method (Holm 1979), so each can be compared with the family's level. Nulls are
 * excluded and stay null.
 */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const sorted = values.flatMap((p, index) => (p === null ? [] : [{ p, index }])).sort((a, b) => a.p - b.p);
  const adjusted: (number | null)[] = values.map(() => null);
  let largest = 0;
  sorted.forEach(({ p, index }, rank) => {
    largest = Math.max(largest, Math.min(p * (sorted.length - rank), 1));
    adjusted[index] = largest;
  });
  return adjusted;
}
