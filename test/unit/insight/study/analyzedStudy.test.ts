import { expect, test } from 'vitest';
import { studyView } from '../../../../src/insight/study/results/studyView';
import type { StudyRunOutcome } from '../../../../src/protocol/study';
import { analyzeStudy } from '../../../../src/study/analysis/index';
import { FACTORS, studyFacts } from '../../../support/studies';

/** Effects by factor, the interaction of the first two, and a spread of about 0.02 that no effect explains. */
const EFFECTS = [0.6, 0.5, -0.7, 0, 0.02];
const INTERACTION = -0.4;

/** Uniform from 0 to 1, from a linear congruential generator with the constants of Numerical Recipes. */
const SPREAD: number[] = [];
for (let state = 16; SPREAD.length < 32; SPREAD.push(state / 2 ** 32)) {
  state = (1664525 * state + 1013904223) % 2 ** 32;
}

function analyzed() {
  const facts = studyFacts({ stop: 'never' });
  const runs = facts.runs.map(({ block, setting, seed }, index): StudyRunOutcome => {
    const main = setting.reduce((sum, level, factor) => sum + level * EFFECTS[factor]!, 0);
    const spread = 0.06 * (SPREAD[index]! - 0.5) + 0.1 * block;
    const value = 90 + main + INTERACTION * setting[0]! * setting[1]! + spread;
    return { block, setting, seed, outcome: { kind: 'finished', value, correct: null } };
  });
  // One run is an outlier, as if it had hit a bug.
  const odd = runs.map(
    (run, index): StudyRunOutcome =>
      index === 21 && run.outcome.kind === 'finished'
        ? { ...run, outcome: { ...run.outcome, value: run.outcome.value - 0.5 } }
        : run,
  );
  const { plan, metric, smallestEffect } = facts;
  const analyze = (outcomes: readonly StudyRunOutcome[]) =>
    analyzeStudy({
      factors: FACTORS,
      plan,
      blocksBudgeted: plan.blocks.length,
      runs: outcomes,
      metric: { ...metric, isAccuracy: true },
      smallestEffect,
      images: 'shared',
      stop: 'never',
    });
  const viewOf = (analysis: ReturnType<typeof analyzeStudy>) => studyView({ ...facts, analysis });
  return { clean: viewOf(analyze(runs)), withOutlier: viewOf(analyze(odd)) };
}

const { clean, withOutlier } = analyzed();

test('the rows show the settings of the runs', () => {
  expect(clean.effects.map(({ label, verdict }) => [label, verdict])).toEqual([
    ['warmup', 'helps'],
    ['label_smoothing', 'helps'],
    ['mixup', 'hurts'],
    ['ema', expect.stringMatching(/too_small$/)],
    ['optimizer.weight_decay 0.0005', expect.stringMatching(/too_small$/)],
  ]);
  // Averaged over both levels of the other factor: each of the two contains half of the interaction.
  expect(clean.effects[0]!.plot!.value).toBeCloseTo(0.6 + INTERACTION / 2, 1);
});

test('the interaction is described in words, and its plot is the same both ways', () => {
  expect(clean.interactions.shown).toHaveLength(1);
  expect(clean.interactions.shown[0]).toMatch(
    /^warmup helps more without label_smoothing: \+0\.\d+ against \+0\.\d+$/,
  );
  const [pair] = clean.interactions.pairs;
  expect(pair!.label).toBe('warmup × label_smoothing');
  const [[none, first], [second, both]] = pair!.values;
  expect(none).toBe(0);
  expect(first).toBeCloseTo(0.6, 1);
  expect(second).toBeCloseTo(0.5, 1);
  expect(both).toBeCloseTo(0.6 + 0.5 + INTERACTION, 1);
});

test('the best set has the best result, and its outlier is marked in the row of its run', () => {
  expect(clean.chosen!.text).toMatch(/^warmup, label_smoothing(, ema)?, optimizer\.weight_decay 0\.0005$/);
  expect(clean.outliers).toEqual([]);
  expect(withOutlier.runs.flatMap(({ isOutlier }, index) => (isOutlier ? [index] : []))).toContain(21);
  expect(withOutlier.outliers.some((text) => text.startsWith('Block 2'))).toBe(true);
});

test('without correctness by image the effects are on these images, and the text says so', () => {
  expect(clean.headings.effect).toBe('Effect on these images');
  expect(clean.headings.interval).toContain('(Holm)');
  expect(clean.noise).toMatch(/^Standard deviation across seeds 0\.0\d points, \d+ degrees of freedom$/);
});
