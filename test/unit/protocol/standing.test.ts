import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import type { RunState } from '../../../src/protocol/manifest';
import { LogStanding, stateOfRun } from '../../../src/protocol/standing';

const started: RunEvent = {
  type: 'started',
  version: 1,
  time: 0,
  engine: { name: 'wasm', description: 'WebAssembly' },
  precision: { compute: 'float32', execution: 'native' },
  epochs: 2,
  stepsPerEpoch: 10,
  totalSteps: 20,
  parameters: 1,
};
const preparing: RunEvent = { type: 'preparing', time: 0, what: 'Loading images', share: null };
const step = (step: number): RunEvent => ({
  ...{ type: 'step', time: 0, step, epoch: 0, learningRate: 0.1, loss: 1, accuracy: 0.5, imagesPerSecond: 1 },
});
const epoch: RunEvent = {
  ...{ type: 'epoch', time: 0, epoch: 0, step: 10, trainLoss: 1, trainAccuracy: 0.5, validationLoss: 1 },
  ...{ validationAccuracy: 0.7, seconds: 1 },
};
const result = {
  epochs: 2,
  validationLoss: 1,
  validationAccuracy: 0.7,
  bestValidationAccuracy: 0.7,
  seconds: 1,
};
const done: RunEvent = { type: 'done', time: 0, result };
const stopped = (step: number): RunEvent => ({ type: 'stopped', time: 0, step });
const of = (attempt: number, ...events: RunEvent[]) => events.map((event) => ({ ...event, attempt }));

function standing(events: readonly RunEvent[]): LogStanding {
  const log = new LogStanding();
  for (const event of events) log.take(event);
  return log;
}

const running = (step: number, validationAccuracy: number | null = null): RunState => ({
  ...{ status: 'running', step, validationAccuracy },
});

describe('a log', () => {
  it('tells the state of its last trainer', () => {
    expect(standing([]).state).toBeNull();
    expect(standing([preparing])).toMatchObject({ state: running(0), preparing, hasTrained: false });
    expect(standing([started, step(4)])).toMatchObject({
      state: running(5),
      preparing: null,
      hasTrained: true,
    });
    expect(standing([started, step(9), epoch, step(10)]).state).toEqual(running(11, 0.7));
    expect(standing([started, step(9), done])).toMatchObject({
      state: { status: 'done', result },
      final: done,
    });
  });

  it.each([
    ['with attempts', [...of(1, started, step(9), epoch, stopped(10)), ...of(2, preparing)]],
    ['of an earlier release', [started, step(9), epoch, stopped(10), preparing]],
  ])('%s starts over with a trainer that resumes', (_, events) => {
    expect(standing(events)).toMatchObject({ state: running(0), final: null, hasTrained: false, preparing });
  });

  it('ignores what a trainer writes that was presumed dead', () => {
    const interleaved = [...of(1, step(3)), ...of(2, step(2)), ...of(1, step(4), done), ...of(2, step(3))];
    expect(standing(interleaved)).toMatchObject({ state: running(4), attempt: 2, final: null });
  });
});

describe('the state of a run', () => {
  const queued: RunState = { status: 'queued' };
  const interrupted: RunState = { status: 'interrupted' };
  it.each<[string, RunState, number, RunEvent[], RunState]>([
    ['a new run', queued, 0, [], queued],
    ['one whose trainer has begun to log', running(0), 1, of(1, started), running(0)],
    ['one that goes on from a checkpoint', running(10, 0.7), 2, of(2, started), running(10, 0.7)],
    ['one that trains', running(10, 0.7), 2, of(2, started, step(12)), running(13, 0.7)],
    ['one whose end is in its log alone', running(10), 1, of(1, step(19), done), { status: 'done', result }],
    ['the same, whose trainer is gone', interrupted, 1, of(1, step(19), done), { status: 'done', result }],
    ['one whose trainer is gone', interrupted, 1, of(1, step(19)), interrupted],
    ['one whose manifest is behind its attempt', queued, 1, of(2, step(3)), running(4)],
    ['the same, whose trainer is gone', interrupted, 1, of(2, step(3)), interrupted],
    ['one that waits again', queued, 2, of(1, step(3), stopped(4)), queued],
    ['one that waits again, of an earlier release', queued, 0, [step(3), stopped(4)], queued],
    [
      'one that was ended from elsewhere',
      { status: 'stopped', step: 4 },
      2,
      of(1, step(5)),
      { status: 'stopped', step: 4 },
    ],
    [
      'one that ended, of which a frozen trainer wrote later',
      { status: 'stopped', step: 4 },
      3,
      of(2, step(9), done),
      { status: 'stopped', step: 4 },
    ],
    [
      'one that ended by its manifest alone',
      { status: 'stopped', step: 4 },
      1,
      of(1, step(3)),
      { status: 'stopped', step: 4 },
    ],
  ])('%s', (_, state, attempt, events, expected) => {
    expect(stateOfRun({ state, attempt }, standing(events))).toEqual(expected);
  });
});
