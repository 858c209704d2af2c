import { describe, expect, test } from 'vitest';
import { analyzeStudy } from '../../../../src/study/analysis';
import { fullFactorial, planOf, studyOf } from './studies';

/** Noise that a seed does not share, by run. */
const NOISE = [0.31, -0.52, 0.12, 0.44, -0.23, 0.08, -0.37, 0.29];

describe('runs that are not paired by seed', () => {
  const plan = planOf([fullFactorial([2, 2]), fullFactorial([2, 2])]);
  /** Block 1 is better by `shift`. */
  const study = (shift: number, areSeedsPaired: boolean) =>
    analyzeStudy(
      studyOf([2, 2], plan, ([a = 0], block, index) => 70 + a + block * shift + (NOISE[index] ?? 0), {
        areSeedsPaired,
      }),
    );

  test('have no blocks, so one more degree of freedom is left for the noise', () => {
    expect(study(0, true).noise?.degrees).toBe(4);
    expect(study(0, false).noise?.degrees).toBe(5);
  });

  test('have the same effects, and a noise that includes that of seeds', () => {
    const [paired, apart] = [study(2, true), study(2, false)];
    const effectOf = (each: typeof paired) => each.effects[0]?.estimates?.onTheseImages.value;
    expect(effectOf(apart)).toBeCloseTo(effectOf(paired) ?? Number.NaN);
    expect(apart.noise?.standardDeviation).toBeGreaterThan(1);
    expect(paired.noise?.standardDeviation).toBeLessThan(0.5);
  });

  test('still need two seeds for a verdict', () => {
    const one = studyOf([2, 2], planOf([fullFactorial([2, 2])]), () => 70, { areSeedsPaired: false });
    const runs = [...one.runs, ...one.runs].map((run, index) => ({
      ...run,
      outcome: { kind: 'finished' as const, value: 70 + (NOISE[index] ?? 0), correct: null },
    }));
    expect(analyzeStudy({ ...one, runs }).withheld).toBe('one_block');
  });

  test('are compared by Welch instead of in pairs, one at a time', () => {
    const settings = [[0], [1]];
    const blocks = planOf([settings, settings, settings, settings], 'one_at_a_time');
    const analyzed = (areSeedsPaired: boolean) =>
      analyzeStudy(
        studyOf([2], blocks, ([a = 0], block, index) => 70 + a + 3 * block + (NOISE[index] ?? 0), {
          areSeedsPaired,
        }),
      ).effects[0]?.estimates?.onTheseImages;
    expect(analyzed(true)?.degrees).toBe(3);
    expect(analyzed(false)?.degrees).toBeGreaterThan(5);
    expect(analyzed(false)?.standardError).toBeGreaterThan(2 * (analyzed(true)?.standardError ?? 0));
  });
});

describe('copies', () => {
  const study = (digits: (seed: number) => string) => {
    const input = studyOf([2], planOf([fullFactorial([2]), fullFactorial([2])]), ([a = 0]) => 70 + a);
    const runs = input.runs.map((run) => ({
      ...run,
      outcome: { kind: 'finished' as const, value: 70, correct: null, loss: 0.5, digits: digits(run.seed) },
    }));
    return analyzeStudy({ ...input, runs }).seedsIgnored;
  };

  test('agree in every digit of their logs', () => {
    expect(study(() => '[1, 2]')).toBe(true);
    expect(study((seed) => `[1, ${seed}]`)).toBe(false);
  });
});
