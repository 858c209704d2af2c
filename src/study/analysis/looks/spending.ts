import type { Spending } from './boundaries';

/**
 * Power family of spending functions (Kim and DeMets 1987). `exponent` 1 spends evenly, similar to Pocock's boundary. 3
 * spends late, similar to O'Brien and Fleming's.
 */
export function powerSpending(exponent: number): Spending {
  return (information, level) => level * Math.min(information, 1) ** exponent;
}

/** The spending function of studies. Chosen by simulation; see the table in docs/studies.md. */
export const STUDY_SPENDING: Spending = powerSpending(3);
