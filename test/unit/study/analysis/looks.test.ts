import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';
import { describe, expect, test } from 'vitest';
import { lookLevels, type Spending } from '../../../../src/study/analysis/looks/boundaries';
import { STUDY_SPENDING } from '../../../../src/study/analysis/looks/spending';

const boundary = (nominal: number) => -normalQuantile(nominal / 2, 0, 1);

describe('boundaries', () => {
  // Lan and DeMets 1983 with five equal looks at 5%, two-sided. Values from the R package ldbounds.
  const FIFTHS = [0.2, 0.4, 0.6, 0.8, 1];
  const likeOBrienFleming: Spending = (information, level) =>
    4 * (1 - normalCdf(-normalQuantile(level / 4, 0, 1) / Math.sqrt(information), 0, 1));
  const likePocock: Spending = (information, level) => level * Math.log(1 + (Math.E - 1) * information);

  test.each([
    ['like O’Brien and Fleming', likeOBrienFleming, [4.8769, 3.3569, 2.6803, 2.2898, 2.031]],
    ['like Pocock', likePocock, [2.438, 2.4268, 2.4101, 2.3966, 2.3859]],
  ] as const)('%s are those of the tables', (_, spending, expected) => {
    lookLevels(FIFTHS, 0.05, 2, spending).forEach(({ nominal }, look) => {
      expect(boundary(nominal)).toBeCloseTo(expected[look] ?? Number.NaN, 3);
    });
  });

  test('of one look equal a test without looks', () => {
    expect(lookLevels([1], 0.05, 2, STUDY_SPENDING)[0]?.nominal).toBeCloseTo(0.05, 9);
    expect(lookLevels([1], 0.01, 1, STUDY_SPENDING)[0]?.nominal).toBeCloseTo(0.01, 9);
  });

  test('spend all at the last look, and never more than there is', () => {
    const levels = lookLevels([0.25, 0.5, 0.75, 1], 0.05, 2, STUDY_SPENDING);
    expect(levels.at(-1)?.spent).toBeCloseTo(0.05, 12);
    for (const [index, { nominal, spent }] of levels.entries()) {
      expect(nominal).toBeLessThan(0.05);
      expect(nominal).toBeGreaterThanOrEqual(spent - (levels[index - 1]?.spent ?? 0) - 1e-12);
    }
  });
});
