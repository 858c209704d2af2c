import { describe, expect, test } from 'vitest';
import { costChange } from '../../../src/study/costChange';

describe('the cost of a level over rounds', () => {
  test('is the median of the ratios, with the range of the rounds', () => {
    const change = costChange([1.09, 1.02, 1.03, 1.05, 1.01]);
    expect(change?.share).toBeCloseTo(0.03, 12);
    expect(change?.low).toBeCloseTo(0.01, 12);
    expect(change?.high).toBeCloseTo(0.09, 12);
    expect(change?.isClear).toBe(true);
    expect(costChange([1, 2, 3, 4, 5, 6])?.share).toBeCloseTo(2.5, 12);
  });

  test('is clear only if all rounds agree on its sign', () => {
    expect(costChange([0.98, 1.29, 1.3, 1.4, 1.5])?.isClear).toBe(false);
    expect(costChange([1, 1.1, 1.1, 1.1, 1.1])?.isClear).toBe(false);
    expect(costChange([0.9, 0.8, 0.9, 0.99, 0.7])?.isClear).toBe(true);
  });

  test('is unclear for fewer than five rounds, and absent for none', () => {
    expect(costChange([1.3, 1.3, 1.3, 1.3])?.isClear).toBe(false);
    expect(costChange([])).toBeNull();
  });

  test('of two recipes that cost the same is clear in one of 16 probes', () => {
    // Every sequence of signs for five rounds.
    const probes = Array.from({ length: 32 }, (_, bits) =>
      Array.from({ length: 5 }, (_, round) => ((bits >> round) & 1 ? 1.1 : 0.9)),
    );
    expect(probes.filter((ratios) => costChange(ratios)?.isClear)).toHaveLength(2);
  });
});
