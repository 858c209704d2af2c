import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bestTrial,
  goesOn,
  type HalvingPlan,
  type HalvingTrial,
  mostRungs,
  nextJob,
  rungsOf,
} from '../../../../src/study/search/asha';

type Started = { -readonly [Key in keyof HalvingTrial]: HalvingTrial[Key] };

/** Simulates a search with `workers` workers job by job. `valueAt` returns a trial's value at a rung. */
function simulate(
  plan: HalvingPlan,
  workers: number,
  valueAt: (trial: number, rung: number) => number | null,
  choose: (count: number) => number,
) {
  const trials: Started[] = [];
  const running: { readonly trial: Started; readonly rung: number }[] = [];
  const epochs = new Map<number, number>();
  const promotions: { readonly trial: number; readonly rung: number }[] = [];
  for (let count = 0; ; count++) {
    expect(count).toBeLessThan(10_000);
    const job = running.length < workers ? nextJob(plan, trials) : ({ kind: 'wait' } as const);
    if (job.kind === 'done') return { trials, promotions, epochs };
    if (job.kind === 'start') {
      const trial = { id: trials.length, results: [], isRunning: true };
      trials.push(trial);
      running.push({ trial, rung: 0 });
    } else if (job.kind === 'promote') {
      const trial = trials[job.trial]!;
      expect(trial.isRunning).toBe(false);
      expect(trial.results).toHaveLength(job.rung);
      trial.isRunning = true;
      promotions.push({ trial: job.trial, rung: job.rung });
      running.push({ trial, rung: job.rung });
    } else {
      expect(running).not.toHaveLength(0);
      const [{ trial, rung }] = running.splice(choose(running.length), 1) as [(typeof running)[number]];
      trial.results = [...trial.results, valueAt(trial.id, rung)];
      trial.isRunning = false;
      epochs.set(trial.id, plan.rungs[rung]!);
    }
  }
}

const searches = fc.record({
  reduction: fc.integer({ min: 2, max: 4 }),
  rungCount: fc.integer({ min: 1, max: 4 }),
  trials: fc.integer({ min: 1, max: 60 }),
  workers: fc.integer({ min: 1, max: 5 }),
  higherIsBetter: fc.boolean(),
  values: fc.array(fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) }, fc.constant(null)), {
    minLength: 60,
    maxLength: 60,
  }),
  order: fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
});

function run({ reduction, rungCount, trials, workers, higherIsBetter, values, order }: SearchOf) {
  const rungs = Array.from({ length: rungCount }, (_, rung) => reduction ** rung);
  const plan = { rungs, reduction, trials, higherIsBetter, canResume: true };
  let turn = 0;
  const choose = (count: number) => order[turn++ % order.length]! % count;
  return { plan, ...simulate(plan, workers, (trial) => values[trial]!, choose) };
}
type SearchOf = typeof searches extends fc.Arbitrary<infer Value> ? Value : never;

describe('successive halving', () => {
  test('starts each trial once, exactly as many as the budget allows', () => {
    fc.assert(
      fc.property(searches, (search) => {
        const { trials } = run(search);
        expect(trials.map(({ id }) => id)).toEqual(Array.from({ length: search.trials }, (_, id) => id));
        expect(trials.some(({ isRunning }) => isRunning)).toBe(false);
      }),
    );
  });

  test('ends with the best 1/reduction of each rung promoted, and promotes each trial once to a rung', () => {
    fc.assert(
      fc.property(searches, (search) => {
        const { plan, trials, promotions } = run(search);
        expect(new Set(promotions.map(({ trial, rung }) => `${trial} ${rung}`)).size).toBe(promotions.length);
        const sign = plan.higherIsBetter ? -1 : 1;
        for (let rung = 0; rung < plan.rungs.length - 1; rung++) {
          const arrived = trials.filter(({ results }) => results.length > rung);
          const due = arrived
            .filter(({ results }) => results[rung] !== null)
            .toSorted((a, b) => sign * (a.results[rung]! - b.results[rung]!) || a.id - b.id)
            .slice(0, Math.floor(arrived.length / plan.reduction));
          // Trials that looked good early were promoted too, but never a failed one.
          for (const { results } of due) expect(results.length).toBeGreaterThan(rung + 1);
        }
        for (const { results } of trials) expect(results.slice(0, -1)).not.toContain(null);
      }),
    );
  });

  test('promotes exactly 1/reduction where trials come in order, from worst to best the most', () => {
    // Nine trials in descending order of quality: one in three is promoted, and then one of the three promoted.
    const plan = { rungs: [1, 3, 9], reduction: 3, trials: 9, higherIsBetter: true, canResume: true };
    const { promotions } = simulate(
      plan,
      1,
      (trial) => -trial,
      () => 0,
    );
    expect(promotions).toEqual([
      { trial: 0, rung: 1 },
      { trial: 1, rung: 1 },
      { trial: 2, rung: 1 },
      { trial: 0, rung: 2 },
    ]);
  });

  test('starts trials without end if time is the budget', () => {
    const plan = { rungs: [1], reduction: 3, trials: null, higherIsBetter: true, canResume: true };
    const trials = Array.from({ length: 1000 }, (_, id) => ({ id, results: [1], isRunning: false }));
    expect(nextJob(plan, trials)).toEqual({ kind: 'start' });
  });
});

describe('trials that cannot resume', () => {
  const plan = { rungs: [1, 3], reduction: 3, trials: 4, higherIsBetter: true, canResume: false };
  const at = (...values: (number | null)[]) =>
    values.map((value, id) => ({ id, results: [value], isRunning: false }));

  test('are never promoted after they stopped', () => {
    expect(nextJob(plan, at(1, 2, 3))).toEqual({ kind: 'start' });
    expect(nextJob(plan, at(1, 2, 3, 4))).toEqual({ kind: 'done' });
  });

  test('go on as long as they are the best of a few, and then as one of the best third', () => {
    expect(goesOn(plan, at(50), 0, 0)).toBe(true);
    expect(goesOn(plan, at(50, 40), 1, 0)).toBe(false);
    expect(goesOn(plan, at(50, 60), 1, 0)).toBe(true);
    const six = at(50, 40, 30, 20, 10, 45);
    expect(goesOn(plan, six, 5, 0)).toBe(true);
    expect(goesOn(plan, six.slice(1), 1, 0)).toBe(false);
    expect(goesOn({ ...plan, higherIsBetter: false }, six, 4, 0)).toBe(true);
  });

  test('stop at a rung where they failed, also if all did', () => {
    expect(goesOn(plan, at(null), 0, 0)).toBe(false);
    expect(goesOn(plan, at(null, null, 50), 2, 0)).toBe(true);
  });
});

test('the best trial is the best of the highest rung', () => {
  const trials = [
    { id: 0, results: [90], isRunning: false },
    { id: 1, results: [50, 60], isRunning: false },
    { id: 2, results: [60, 55], isRunning: false },
    { id: 3, results: [70, 99, null], isRunning: false },
  ];
  const plan = { rungs: [1, 3, 9], higherIsBetter: true };
  expect(bestTrial(plan, trials)).toMatchObject({ trial: { id: 1 }, rung: 1, value: 60 });
  expect(bestTrial({ ...plan, higherIsBetter: false }, trials)).toMatchObject({ trial: { id: 2 }, rung: 1 });
  expect(bestTrial(plan, [{ id: 0, results: [null], isRunning: false }])).toBeNull();
});

describe('rungs', () => {
  test.each([
    [9, 'auto', 3, null, [1, 3, 9]],
    [8, 'auto', 3, null, [3, 8]],
    [100, 'auto', 4, null, [2, 6, 25, 100]],
    [81, 'auto', 3, 16, [9, 27, 81]],
    [81, 2, 3, 16, [27, 81]],
    [1, 'auto', 3, 100, [1]],
    [27, 'auto', 3, 2, [27]],
  ] as const)('of %i epochs, %s by %i for %s trials', (epochs, rungs, reduction, trials, expected) => {
    expect(rungsOf(epochs, { rungs, reduction }, trials)).toEqual(expected);
  });

  test('leave an epoch for the first one and a trial for the last one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 300 }),
        (epochs, reduction, trials) => {
          const rungs = rungsOf(epochs, { rungs: 'auto', reduction }, trials);
          expect(rungs[0]).toBeGreaterThanOrEqual(1);
          expect(rungs.at(-1)).toBe(epochs);
          expect(new Set(rungs).size).toBe(rungs.length);
          expect(rungs.toSorted((a, b) => a - b)).toEqual(rungs);
          let left = trials;
          for (const _ of rungs.slice(1)) left = Math.floor(left / reduction);
          expect(left).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });

  test.each([
    [1, 3, 1],
    [2, 3, 1],
    [3, 3, 2],
    [8, 2, 4],
  ])('%i can be divided by %i into %i', (number, reduction, count) => {
    expect(mostRungs(number, reduction)).toBe(count);
  });
});
