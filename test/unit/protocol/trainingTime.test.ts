import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { trainingTimeOf } from '../../../src/protocol/trainingTime';

const engine = { name: 'wasm', description: 'WebAssembly' } as const;
const precision = { compute: 'float32', execution: 'native' } as const;
const started = (time: number, attempt: number): RunEvent => ({
  ...{ type: 'started', version: 1, time, attempt, engine, precision },
  ...{ epochs: 5, stepsPerEpoch: 10, totalSteps: 50, parameters: 1 },
});
const step = (time: number, attempt: number): RunEvent => ({
  ...{ type: 'step', time, attempt, step: 0, epoch: 0 },
  ...{ learningRate: 0.1, loss: 1, accuracy: 0.5, imagesPerSecond: 1 },
});
const stopped = (time: number, attempt: number): RunEvent => ({ type: 'stopped', time, attempt, step: 1 });

test('a run without a trainer has neither a start nor a duration', () => {
  expect(trainingTimeOf([])).toEqual({ startedAt: null, seconds: null });
});

test('a run starts with its first trainer, and its duration leaves out the waits between trainers', () => {
  const events = [
    ...[started(1000, 1), step(3000, 1), stopped(4000, 1)],
    // An hour later.
    ...[started(3_604_000, 3), step(3_606_000, 3)],
  ];
  expect(trainingTimeOf(events)).toEqual({ startedAt: 1000, seconds: 5 });
});

test('what a trainer writes after it was presumed dead does not count', () => {
  const events = [started(0, 1), started(1000, 2), step(60_000, 1), stopped(2000, 2)];
  expect(trainingTimeOf(events)).toEqual({ startedAt: 0, seconds: 1 });
});
