import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { settledMetrics } from '../../../src/protocol/history';

const STEPS_PER_EPOCH = 4;

/** The events of a training from step `from` to before step `to`, as attempt `attempt` tells them. */
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

const withoutTimes = (event: RunEvent) => ({ ...event, time: 0, seconds: 0, imagesPerSecond: 0 });

describe('the measures of a run', () => {
  it('that went on from any checkpoints, cut at any events, are those of one that never stopped', () => {
    const lives = fc.array(fc.tuple(fc.nat(19), fc.nat(24)), { maxLength: 6 });
    fc.assert(
      fc.property(lives, (lives) => {
        const log: RunEvent[] = [];
        let reached = 0;
        for (const [index, [from, length]] of lives.entries()) {
          // No attempt goes on from where none has been.
          const events = attempt(Math.min(from, reached), 20, index).slice(0, length);
          log.push(...events, { type: 'stopped', time: 0, step: 0 });
          // Its checkpoints replace those of the attempts before it.
          reached = Math.min(from, reached);
          for (const event of events) {
            // A checkpoint at an epoch's end is made once the epoch was told.
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

  it('are the later ones where two attempts did the same', () => {
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
