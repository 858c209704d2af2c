import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/protocol/events';
import { recipeFacts } from '../../src/recipe/anyRecipe';
import { phaseOf, progressOf, RunHistory, type ShownRun } from '../../webview/model';
import {
  COMMAND_RECIPE,
  commandEvents,
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
  const history = new RunHistory(recipeFacts(recipe));
  history.append(events);
  return { run: runView(recipe, { state: stateAfterAll(events), ...changes }), history };
}

const seriesOf = ({ loss, smoothedLoss, learningRate, epochs, started, lastStep, stepMs }: RunHistory) => ({
  ...{ loss, smoothedLoss, learningRate, epochs, started, lastStep, stepMs },
});

describe('history', () => {
  test('has a point of loss and of learning rate for every step, and every epoch', () => {
    const { history } = shownAfter(whole);
    expect(history.loss).toHaveLength(totalSteps);
    expect(history.learningRate.map(({ x }) => x)).toEqual(Array.from({ length: totalSteps }, (_, i) => i));
    expect(history.epochs.map(({ step }) => step)).toEqual([1, 2, 3, 4].map((n) => n * stepsPerEpoch));
    expect(history.best?.epoch).toBe(2);
  });

  test('does not depend on how events are split into messages', () => {
    const at = fc.nat({ max: whole.length });
    fc.assert(
      fc.property(fc.array(at, { maxLength: 8 }), (cuts) => {
        const history = new RunHistory(recipeFacts(recipe));
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

  test('a resumed run has the history of an uninterrupted one', () => {
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

  test('20,000 resumed trainers take the time of their steps, and have the curves of an uninterrupted one', () => {
    const long = sampleRecipe({ epochs: 1000 });
    const steps = trainingEvents(long, 20_000).filter(({ type }) => type === 'step');
    const started = whole[0]!;
    const lives = Array.from({ length: 20_000 }, (_, life) => [started, ...steps.slice(-1 - (life % 5))]);
    const log = [...steps, ...lives.flat()];
    const [history, straight] = [new RunHistory(recipeFacts(long)), new RunHistory(recipeFacts(long))];
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

  test('the pause before a resume does not count for its speed', () => {
    const before = trainingEvents(recipe, 5);
    const after = trainingEvents(recipe, 8)
      .slice(before.length)
      .map((event) => ({ ...event, time: event.time + 3_600_000 }));
    expect(shownAfter([...before, before[0]!, ...after]).history.stepMs).toBe(STEP_MS);
  });
});

describe('progress', () => {
  test('before the first step there is no progress and no estimate of the time left', () => {
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

  test('after it the time left includes an evaluation for every epoch', () => {
    const steps = 2 * stepsPerEpoch + 5;
    const { leftMs } = progressOf(shownAfter(trainingEvents(recipe, steps)));
    const epochMs = stepsPerEpoch * STEP_MS + EVALUATION_MS;
    expect(leftMs).toBeCloseTo(((totalSteps - steps) / stepsPerEpoch) * epochMs, 6);
  });

  test('an ended run has no time left', () => {
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

describe('a run of a command', () => {
  const shown = (isCounted: boolean): ShownRun => {
    const history = new RunHistory(recipeFacts(COMMAND_RECIPE));
    history.append(commandEvents({ isCounted }));
    return {
      run: runView(COMMAND_RECIPE, { state: { status: 'running', step: 151, validationAccuracy: 0.6 } }),
      history,
    };
  };

  test('has its length from the trainer, and points only where it reported a metric', () => {
    const { run, history } = shown(true);
    expect(progressOf({ run, history })).toMatchObject({ epoch: 4, epochs: 6, step: 151, steps: 240 });
    expect(history.loss.map(({ x }) => x)).toEqual(Array.from({ length: 16 }, (_, index) => 10 * index));
    expect(history.best?.epoch).toBe(3);
  });

  test('that does not count the steps of an epoch is as far as its epochs, with no time left', () => {
    expect(progressOf(shown(false))).toMatchObject({ epochs: 6, steps: null, share: 4 / 6, leftMs: null });
  });

  test('drops the points that a resumed command repeats', () => {
    const { history } = shown(true);
    const before = history.loss.map(({ x }) => x);
    const [started, ...events] = commandEvents();
    history.append(started ? [started, ...events.filter(({ type }) => type !== 'started').slice(8)] : []);
    expect(history.loss.map(({ x }) => x)).toEqual(before);
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
  });
});
