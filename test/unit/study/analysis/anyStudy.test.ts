import { expect, test } from 'vitest';
import type { StudyPlan, StudyRunOutcome } from '../../../../src/protocol/study';
import { analyzeStudy } from '../../../../src/study/analysis';
import type { StudyInput } from '../../../../src/study/analysis/input';
import { chooseDesign } from '../../../../src/study/design/chooseDesign';
import type { DesignRequest } from '../../../../src/study/design/request';
import { fullFactorial, planOf, studyOf } from './studies';

const WISHES = ['auto', 'screening', 'full', 'one_at_a_time', 'leave_one_out', 'stack'] as const;
type Random = () => number;

/** Returns a random study with any design and any outcome, or null if no design fits. */
function anyStudy(seed: number): StudyInput | null {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const factors = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, index) => ({
    key: `f${index}`,
    kind: 'key' as const,
    levels: Array.from({ length: random() < 0.8 ? 2 : 3 }, (_, level) => `${level}`),
  }));
  const request: DesignRequest = {
    factors,
    wish: { kind: pick(WISHES) },
    runs: 4 + Math.floor(random() * 30),
    randomSeed: seed,
    leastBlocks: pick([1, 2]),
  };
  const design = chooseDesign(request);
  if (design.kind === 'problem') return null;
  const { plan } = design;
  const isAccuracy = random() < 0.6;
  const images = pick(['shared', 'folds'] as const);
  return {
    factors,
    plan,
    blocksBudgeted: plan.blocks.length,
    runs: outcomes(plan, random, isAccuracy, images),
    metric: { name: 'm', higherIsBetter: random() < 0.5, isAccuracy },
    images,
    smallestEffect: pick([0.2, 1e-300, 1e300, 1]),
    stop: pick(['never', 'when_decided'] as const),
    isExtended: random() < 0.2,
  };
}

function outcomes(plan: StudyPlan, random: Random, isAccuracy: boolean, images: 'shared' | 'folds') {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const divergence = pick([0, 0, 0.1, 0.5, 1]);
  const missing = pick([0, 0, 0.1, 0.5, 0.95]);
  const noise = pick([0, 1e-12, 1, 1, 1, 1e38]);
  const effect = pick([0, 1, 5, 1e38]);
  const center = pick([0, 50, 98.9, 100, 1e15]);
  const keeps = pick([0, 1, 1, 0.9]);
  const count = pick([0, 1, 2, 60]);
  return plan.blocks.flatMap(({ settings }, block) =>
    settings.map((setting): StudyRunOutcome => {
      const base = { block, setting, seed: block + 1 };
      if (random() < missing) return { ...base, outcome: { kind: pick(['missing', 'failed'] as const) } };
      if (random() < divergence) return { ...base, outcome: { kind: 'diverged' } };
      const size = images === 'folds' ? count + (block % 2) : count;
      const correct =
        random() < keeps && isAccuracy
          ? Uint8Array.from({ length: size }, () => (random() < 0.7 ? 1 : 0))
          : null;
      const level = setting[0] ?? 0;
      const raw = center + effect * level + noise * (random() + random() - 1);
      const value = isAccuracy ? Math.min(100, Math.max(0, raw)) : raw;
      return { ...base, outcome: { kind: 'finished', value, correct, loss: pick([null, random()]) } };
    }),
  );
}

/** Returns every number in plain data that JSON cannot represent. */
function strangeNumbers(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${path}: ${value}`];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => strangeNumbers(part, `${path}.${key}`));
}

/** Deterministic values from 0 to 1 (mulberry32). */
function randomFrom(seed: number): Random {
  let state = Math.imul(seed, 2654435761);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('the analysis of any study has numbers only, and no verdict without an interval', () => {
  const inputs = Array.from({ length: 150 }, (_, seed) => anyStudy(seed)).filter((input) => input !== null);
  expect(inputs.length).toBeGreaterThan(100);
  for (const input of inputs) {
    const analysis = analyzeStudy(input);
    expect(strangeNumbers(analysis)).toEqual([]);
    for (const { verdict, estimates } of analysis.effects) {
      const shown = estimates?.onNewImages ?? estimates?.onTheseImages;
      if (verdict !== 'undecided') expect(shown?.halfWidth).toBeGreaterThan(0);
    }
  }
});

test('the logarithm of an error is not reported for runs without images', () => {
  const plan = planOf([fullFactorial([2]), fullFactorial([2]), fullFactorial([2])]);
  const input = studyOf([2], plan, () => 100);
  const runs = input.runs.map((run) => ({
    ...run,
    outcome: { kind: 'finished' as const, value: 100, correct: new Uint8Array() },
  }));
  expect(analyzeStudy({ ...input, runs }).logError).toBeNull();
});
