import type { Spending } from './boundaries';

/**
 * The power family (Kim and DeMets 1987): `exponent` 1 spends evenly, and much like Pocock's boundary; 3 spends late, and
 * much like O'Brien and Fleming's.
 */
export function powerSpending(exponent: number): Spending {
  return (information, level) => level * Math.min(information, 1) ** exponent;
}

/** How studies spend their significance level. Chosen by simulation: docs/studies.md has the table. */
export const STUDY_SPENDING: Spending = powerSpending(3);
