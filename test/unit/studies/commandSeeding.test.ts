import { describe, expect, test } from 'vitest';
import type { StudySetting } from '../../../src/protocol/study';
import type { KnownOutcome } from '../../../src/studies/analyzing';
import { costsOfRuns } from '../../../src/studies/command/costs';
import { inTrainingOrder, isSeedIgnored, repeatsOf, seenSeeding } from '../../../src/studies/command/seeding';
import { plannedRuns } from '../../../src/studies/planning';
import type { PlannedRun } from '../../../src/studies/record';
import { factorsOf, fullFactorial, planOf } from '../study/analysis/studies';

const ALL = fullFactorial([2, 2]);
const FULL = planOf([ALL, ALL.toReversed()]);
/** No setting is in both blocks. */
const HALVES = planOf([ALL.slice(0, 2), ALL.slice(2)], 'fractional');

function recordOf(plan: typeof FULL, sameSeed: 'unknown' | 'equal' = 'unknown') {
  const seeding = { isPassed: true, repeats: repeatsOf(plan), sameSeed, values: null };
  const metric = { name: 'validation_accuracy', higherIsBetter: true, isAccuracy: true };
  return { runs: plannedRuns(plan), seeding, seeds: [3, 4], metric };
}

function outcomeOf(planned: PlannedRun, value: number, loss: number | null = value): KnownOutcome {
  const outcome = { kind: 'finished' as const, value, correct: null, loss, digits: `${value} ${loss}` };
  return { planned, outcome, seconds: 10, epochs: 2 };
}

describe('what shows the meaning of a seed', () => {
  test('is the first run again, and then the same setting with the next seed, which the plan has', () => {
    const { runs, ...record } = recordOf(FULL);
    expect(record.seeding.repeats.map(({ block, setting }) => [block, setting])).toEqual([[0, [0, 0]]]);
    const order = inTrainingOrder({ runs, ...record });
    expect(order.slice(0, 4).map(({ block, setting }) => [block, ...setting])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 0, 0],
      [0, 0, 1],
    ]);
    expect(order).toHaveLength(9);
  });

  test('is a run of its own if no planned run repeats the setting with another seed', () => {
    const record = recordOf(HALVES);
    expect(record.seeding.repeats.map(({ block, setting }) => [block, setting])).toEqual([
      [0, [0, 0]],
      [1, [0, 0]],
    ]);
    const keys = [...record.runs, ...record.seeding.repeats].map(
      ({ block, position }) => `${block} ${position}`,
    );
    expect(new Set(keys).size).toBe(6);
  });

  test('is not looked for in other studies', () => {
    const { runs } = recordOf(FULL);
    expect(inTrainingOrder({ runs, seeding: null })).toBe(runs);
  });

  test('is that one seed gives the same digits, or not', () => {
    const record = recordOf(FULL);
    const [first, repeat] = [record.runs[0]!, record.seeding.repeats[0]!];
    const seen = (value: number) => seenSeeding(record, [outcomeOf(first, 70), outcomeOf(repeat, value)]);
    expect(seenSeeding(record, [outcomeOf(first, 70)])).toBeNull();
    expect(seen(70)).toEqual({ sameSeed: 'equal', values: [70, 70] });
    expect(seen(70.5)).toEqual({ sameSeed: 'different', values: [70, 70.5] });
  });

  test('is that other seeds give the same digits, if more than an accuracy says so', () => {
    const record = recordOf(HALVES);
    const [first, , other] = [record.runs[0]!, 0, record.seeding.repeats[1]!];
    const isIgnored = (one: KnownOutcome, two: KnownOutcome) => isSeedIgnored(record, [one, two]);
    expect(isIgnored(outcomeOf(first, 70), outcomeOf(other, 70))).toBe(true);
    expect(isIgnored(outcomeOf(first, 70), outcomeOf(other, 71))).toBe(false);
    // Two runs classify as many images correctly by chance.
    expect(isIgnored(outcomeOf(first, 70, null), outcomeOf(other, 70, null))).toBe(false);
    // The same seed says nothing.
    expect(isIgnored(outcomeOf(first, 70), outcomeOf(record.seeding.repeats[0]!, 70))).toBe(false);
  });
});

describe('costs from the durations of runs', () => {
  const record = { factors: factorsOf([2, 2]), plan: FULL };
  const timed = (seconds: (setting: StudySetting, index: number) => number) =>
    plannedRuns(FULL).map((planned, index) => ({
      ...outcomeOf(planned, 70),
      seconds: seconds(planned.setting, index),
    }));

  test('are ratios with an interval, per epoch', () => {
    const jitter = [1, 1.01, 0.99, 1, 1.01, 1, 0.99, 1];
    const [first, second] = costsOfRuns(
      record,
      timed(([a = 0], index) => 20 * 1.5 ** a * (jitter[index] ?? 1)),
    );
    expect(first?.secondsPerEpochWithout).toBeCloseTo(10, 0);
    expect(first?.fromRuns?.ratio).toBeCloseTo(1.5, 1);
    expect(first?.fromRuns?.low).toBeGreaterThan(1.4);
    expect(first?.fromRuns?.runs).toBe(8);
    expect(second?.fromRuns?.low).toBeLessThan(1);
    expect(second?.fromRuns?.high).toBeGreaterThan(1);
  });

  test('are unknown without enough runs that were trained in one go', () => {
    const runs = timed(() => 20);
    expect(costsOfRuns(record, [])).toEqual([]);
    expect(costsOfRuns(record, runs.slice(0, 4))).toEqual([]);
    const retried = runs.map((run) => ({ ...run, planned: { ...run.planned, crashes: 1 } }));
    expect(costsOfRuns(record, retried)).toEqual([]);
  });
});
