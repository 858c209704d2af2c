import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { cursorOf, eventFold, eventsSince, FOLD_START, settledMetrics } from '../../../src/protocol/fold';
import { processorClock } from '../../support/processorTime';

const STEPS_PER_EPOCH = 4;

/**
 * Returns the events of a training from step `from` up to but not including step `to`, as attempt `attempt` reports
 * them.
 */
function attempt(from: number, to: number, attempt: number): RunEvent[] {
  const events: RunEvent[] = [];
  for (let step = from; step < to; step++) {
    const epoch = Math.floor(step / STEPS_PER_EPOCH);
    events.push({
      type: 'step',
      time: attempt,
      step,
      epoch,
      learningRate: 0.1,
      loss: 1 / (step + 1),
      accuracy: 0.5,
      imagesPerSecond: attempt,
    });
    if ((step + 1) % STEPS_PER_EPOCH !== 0) continue;
    events.push({
      type: 'epoch',
      time: attempt,
      epoch,
      step: step + 1,
      trainLoss: 1,
      trainAccuracy: 1,
      validationLoss: 1,
      validationAccuracy: 1,
      seconds: attempt,
    });
  }
  return events;
}

const started: RunEvent = {
  type: 'started',
  version: 1,
  time: 0,
  engine: { name: 'wasm', description: 'WebAssembly' },
  precision: { compute: 'float32', execution: 'native' },
  epochs: 5,
  stepsPerEpoch: STEPS_PER_EPOCH,
  totalSteps: 20,
  parameters: 1,
};

const withoutTimes = (event: RunEvent) => ({ ...event, time: 0, seconds: 0, imagesPerSecond: 0 });

describe('the metrics of a run', () => {
  it('that resumed from any checkpoints, split at any events, equal those of an uninterrupted run', () => {
    const lives = fc.array(fc.tuple(fc.nat(19), fc.nat(24)), { maxLength: 6 });
    fc.assert(
      fc.property(lives, (lives) => {
        const log: RunEvent[] = [];
        let reached = 0;
        for (const [index, [from, length]] of lives.entries()) {
          // No attempt resumes beyond the last checkpoint.
          const events = attempt(Math.min(from, reached), 20, index).slice(0, length);
          log.push(...events, { type: 'stopped', time: 0, step: 0 });
          // Its checkpoints replace those of earlier attempts.
          reached = Math.min(from, reached);
          for (const event of events) {
            // The checkpoint at an epoch's end is written after the epoch event.
            if (event.type === 'epoch') reached = Math.max(reached, event.step);
            if (event.type === 'step' && (event.step + 1) % STEPS_PER_EPOCH !== 0) {
              reached = Math.max(reached, event.step + 1);
            }
          }
        }
        const whole = attempt(0, 20, 0).map(withoutTimes);
        for (const from of [0, Math.floor(reached / 2), reached]) {
          const settled = settledMetrics([...log, ...attempt(from, 20, 99)]);
          expect(settled.map(withoutTimes)).toEqual(whole);
        }
      }),
    );
  });

  it('are the later ones if two attempts did the same', () => {
    const settled = settledMetrics([...attempt(0, 7, 1), ...attempt(5, 10, 2)]);
    expect(settled.filter(({ type }) => type === 'step').map(({ time }) => time)).toEqual([
      ...Array(5).fill(1),
      ...Array(5).fill(2),
    ]);
    expect(settledMetrics([...attempt(0, 8, 1), ...attempt(8, 9, 2)]).map(({ step }) => step)).toEqual([
      0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8,
    ]);
  });
});

describe('a fold', () => {
  const steps = (from: number, to: number, number = 0) =>
    attempt(from, to, number).map((event) => ({ ...event, attempt: number }));

  it('gives the same state from a log and from the settled part of another fold, in any pieces', () => {
    const lives = fc.array(fc.tuple(fc.nat(24), fc.nat(24), fc.nat(3)), { maxLength: 8 });
    fc.assert(
      fc.property(lives, fc.array(fc.nat(100), { maxLength: 6 }), (lives, cuts) => {
        const log = lives.flatMap(([from, length, number]): RunEvent[] => [
          { ...started, attempt: number, time: length },
          { type: 'preparing', attempt: number, time: length, what: 'images', share: null },
          ...steps(from, from + length, number),
          ...(length % 2 === 0
            ? [{ type: 'stopped', attempt: number, time: length, step: from } as const]
            : []),
        ]);
        const [whole, host, page] = [eventFold(), eventFold(), eventFold()];
        for (const event of log) whole.take(event);
        const ends = [...cuts.filter((cut) => cut < log.length).toSorted((a, b) => a - b), log.length];
        let has = FOLD_START;
        for (const [index, end] of ends.entries()) {
          for (const event of log.slice(ends[index - 1] ?? 0, end)) host.take(event);
          const kept = host.takeKept();
          has = {
            ...has,
            ...{ steps: Math.min(has.steps, kept.steps), epochs: Math.min(has.epochs, kept.epochs) },
          };
          for (const event of eventsSince(host, has)) page.take(event);
          has = cursorOf(host);
        }
        expect(page.steps).toEqual(whole.steps);
        expect(page.epochs).toEqual(whole.epochs);
        expect([page.started, page.preparing, page.final]).toEqual([
          whole.started,
          whole.preparing,
          whole.final,
        ]);
        expect(page.firstOfTrainer).toBe(whole.firstOfTrainer);
      }),
    );
  });

  it('accepts any numbers as steps', () => {
    const anyStep = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(anyStep), (numbers) => {
        const fold = eventFold();
        const [step] = steps(0, 1);
        for (const number of numbers) if (step?.type === 'step') fold.take({ ...step, step: number });
        const settled = fold.steps.map(({ step }) => step);
        expect(settled).toEqual(settled.toSorted((a, b) => a - b));
        expect(new Set(settled).size).toBe(settled.length);
      }),
    );
  });

  it('takes time linear in a log, however often it rewinds', () => {
    const log: RunEvent[] = steps(0, 20_000);
    for (let life = 0; life < 20_000; life++) log.push(...steps(20_000 - (life % 7), 20_004));
    const usedMs = processorClock();
    const settled = settledMetrics(log);
    expect(usedMs()).toBeLessThan(10_000);
    expect(settled.filter(({ type }) => type === 'step')).toHaveLength(20_004);
  });

  it('discards what a lower attempt wrote after a higher one started', () => {
    const log = [...steps(0, 8, 1), ...steps(4, 10, 2), ...steps(8, 20, 1), ...steps(10, 12, 2)];
    expect(settledMetrics(log)).toEqual(settledMetrics([...steps(0, 4, 1), ...steps(4, 12, 2)]));
  });
});
