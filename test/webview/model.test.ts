import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/protocol/events';
import { phaseOf, progressOf, RunHistory, type ShownRun } from '../../webview/model';
import {
  doneEvent,
  EVALUATION_MS,
  runView,
  START,
  STEP_MS,
  sampleRecipe,
  stateAfterAll,
  trainingEvents,
} from './runs';

const recipe = sampleRecipe({ epochs: 4, batchSize: 1000 });
const { stepsPerEpoch, totalSteps } = recipe.schedule;
const whole = [...trainingEvents(recipe), doneEvent(recipe)];

function shownAfter(events: readonly RunEvent[], changes: Parameters<typeof runView>[1] = {}): ShownRun {
  const history = new RunHistory(recipe.schedule);
  history.append(events);
  return { run: runView(recipe, { state: stateAfterAll(events), ...changes }), history };
}

const seriesOf = ({ loss, smoothedLoss, learningRate, epochs, started, lastStep, stepMs }: RunHistory) => ({
  ...{ loss, smoothedLoss, learningRate, epochs, started, lastStep, stepMs },
});

describe('history', () => {
  test('has a point of loss and of rate for every step, and every epoch', () => {
    const { history } = shownAfter(whole);
    expect(history.loss).toHaveLength(totalSteps);
    expect(history.learningRate.map(({ x }) => x)).toEqual(Array.from({ length: totalSteps }, (_, i) => i));
    expect(history.epochs.map(({ step }) => step)).toEqual([1, 2, 3, 4].map((n) => n * stepsPerEpoch));
    expect(history.best?.epoch).toBe(2);
  });

  test('is the same however the events are cut into messages', () => {
    const at = fc.nat({ max: whole.length });
    fc.assert(
      fc.property(fc.array(at, { maxLength: 8 }), (cuts) => {
        const history = new RunHistory(recipe.schedule);
        const ends = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        for (const [index, end] of ends.entries()) history.append(whole.slice(ends[index - 1] ?? 0, end));
        expect(seriesOf(history)).toEqual(seriesOf(shownAfter(whole).history));
      }),
    );
  });

  test('the earliest of equally good epochs is the best', () => {
    const { history } = shownAfter(whole.filter(({ type }) => type !== 'epoch'));
    expect(history.best).toBeNull();
    const epoch = whole.find(({ type }) => type === 'epoch');
    if (epoch?.type !== 'epoch') throw new Error('The run has no epoch.');
    history.append([epoch, { ...epoch, epoch: 1, step: 2 * stepsPerEpoch }]);
    expect(history.best?.epoch).toBe(0);
  });

  test('a resumed run leads to the history of one that was never stopped', () => {
    const steps = 2 * stepsPerEpoch + 3;
    const stopped: RunEvent = { type: 'stopped', time: START, step: steps };
    const before = [...trainingEvents(recipe, steps), stopped];
    const since = stepsPerEpoch + 5;
    const started = whole[0]!;
    const again = whole.slice(trainingEvents(recipe, since).length);
    const resumed = shownAfter([...before, started, ...again]).history;
    const straight = shownAfter(whole).history;
    for (const series of ['loss', 'smoothedLoss', 'learningRate', 'epochs'] as const) {
      expect(resumed[series]).toEqual(straight[series]);
    }
  });

  test('20,000 resumed trainers take the time of their steps, and the curves of one that never stopped', () => {
    const long = sampleRecipe({ epochs: 1000 });
    const steps = trainingEvents(long, 20_000).filter(({ type }) => type === 'step');
    const started = whole[0]!;
    const lives = Array.from({ length: 20_000 }, (_, life) => [started, ...steps.slice(-1 - (life % 5))]);
    const log = [...steps, ...lives.flat()];
    const [history, straight] = [new RunHistory(long.schedule), new RunHistory(long.schedule)];
    const before = performance.now();
    history.append(log);
    expect(performance.now() - before).toBeLessThan(2000);
    straight.append(steps);
    for (const series of ['loss', 'smoothedLoss', 'learningRate'] as const) {
      expect(history[series]).toEqual(straight[series]);
    }
  });

  test('what a trainer writes after a higher attempt began is not shown', () => {
    const [first, second] = [trainingEvents(recipe, 9), trainingEvents(recipe, 6)];
    const of = (attempt: number) => (event: RunEvent) => ({ ...event, attempt });
    const frozen: RunEvent = { type: 'done', time: START, result: doneEvent(recipe).result };
    const log = [...first.map(of(1)), ...second.map(of(2)), ...first.map(of(1)), of(1)(frozen)];
    const { history } = shownAfter(log);
    const { history: alone } = shownAfter([...first.slice(0, 1), ...second.slice(1)]);
    expect(history.loss).toEqual(alone.loss);
    expect(history.stepsDone).toBe(6);
  });

  test('the pause before a run was resumed is not in its speed', () => {
    const before = trainingEvents(recipe, 5);
    const after = trainingEvents(recipe, 8)
      .slice(before.length)
      .map((event) => ({ ...event, time: event.time + 3_600_000 }));
    expect(shownAfter([...before, before[0]!, ...after]).history.stepMs).toBe(STEP_MS);
  });
});

describe('progress', () => {
  test('before the first step nothing is done and nothing is known of the time left', () => {
    const progress = progressOf(shownAfter(whole.slice(0, 1)));
    expect(progress).toEqual({ epoch: 0, epochs: 4, step: 0, steps: totalSteps, share: 0, leftMs: null });
  });

  test('counts epochs and steps from 1', () => {
    expect(progressOf(shownAfter(trainingEvents(recipe, 1)))).toMatchObject({ epoch: 1, step: 1 });
    expect(progressOf(shownAfter(trainingEvents(recipe, stepsPerEpoch)))).toMatchObject({ epoch: 1 });
    expect(progressOf(shownAfter(trainingEvents(recipe, stepsPerEpoch + 1)))).toMatchObject({ epoch: 2 });
  });

  test('within the first epoch the time left is that of the steps', () => {
    const { leftMs } = progressOf(shownAfter(trainingEvents(recipe, 5)));
    expect(leftMs).toBe((totalSteps - 5) * STEP_MS);
  });

  test('after it the time left has an evaluation for every epoch', () => {
    const steps = 2 * stepsPerEpoch + 5;
    const { leftMs } = progressOf(shownAfter(trainingEvents(recipe, steps)));
    const epochMs = stepsPerEpoch * STEP_MS + EVALUATION_MS;
    expect(leftMs).toBeCloseTo(((totalSteps - steps) / stepsPerEpoch) * epochMs, 6);
  });

  test('a run that has ended has no time left', () => {
    expect(progressOf(shownAfter(whole))).toMatchObject({ share: 1, leftMs: null });
    const interrupted = shownAfter(trainingEvents(recipe, 9), { state: { status: 'interrupted' } });
    expect(progressOf(interrupted).leftMs).toBeNull();
  });
});

describe('state and phase', () => {
  const preparing: RunEvent = { type: 'preparing', time: START, what: 'Loading images', share: null };

  test.each([
    ['queued', [], 'queued', 'queued'],
    ['preparing', [preparing], 'queued', 'preparing'],
    ['waiting', whole.slice(0, 1), 'queued', 'waiting'],
    ['waiting', [], 'running', 'waiting'],
    ['waiting', [preparing, whole[0]!], 'running', 'waiting'],
    ['preparing', [whole[0]!, preparing], 'running', 'preparing'],
    ['training', [preparing, ...whole.slice(0, 2)], 'running', 'training'],
    ['ended', whole, 'interrupted', 'ended'],
    ['resumed', whole, 'queued', 'training'],
  ] as const)('%s', (_, events, status, phase) => {
    const state =
      status === 'running' ? ({ status, step: 0, validationAccuracy: null } as const) : { status };
    expect(phaseOf(shownAfter(events, { state })).name).toBe(phase);
  });
});
