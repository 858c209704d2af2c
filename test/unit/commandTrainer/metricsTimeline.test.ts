import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetricsTimeline, type TimelineOptions } from '../../../src/commandTrainer/metricsTimeline';
import type { Metrics, Reading } from '../../../src/interop/output/reading';
import { type RunEvent, runEventSchema } from '../../../src/protocol/events';
import { settledMetrics } from '../../../src/protocol/fold';

/** A timeline with a clock of its own, and what it writes. */
function timeline(options: Partial<TimelineOptions> = {}) {
  const events: RunEvent[] = [];
  let time = 0;
  const emit = (event: RunEvent) => {
    // Exactly what readers get.
    events.push(runEventSchema.parse(JSON.parse(JSON.stringify(event))));
  };
  const made = new MetricsTimeline({ emit, epochs: null, history: [], now: () => time, ...options });
  return {
    made,
    events,
    /** Takes readings one by one, a second apart. */
    take: (readings: readonly Reading[], source = 'output') => {
      for (const reading of readings) {
        time += 1000;
        made.take(source, [reading]);
      }
    },
    takeAtOnce: (readings: readonly Reading[], source = 'output') => made.take(source, readings),
    pass: (ms: number) => {
      time += ms;
    },
    /** What readers of the log see, in short. */
    settled: () =>
      settledMetrics(events).map(
        (event) => `${event.type === 'step' ? 's' : 'e'}${event.epoch}@${event.step}`,
      ),
  };
}

const step = (step: number | null, epoch: number | null, metrics: Metrics = { loss: 1 }): Reading => ({
  ...{ kind: 'step', step, epoch, metrics },
});
const epoch = (epoch: number, step: number | null, metrics: Metrics = {}): Reading => ({
  ...{ kind: 'epoch', epoch, step, metrics },
});

describe('the start', () => {
  test('comes with the first metrics and with the length that is known by then', () => {
    const { take, events } = timeline({ epochs: 3 });
    take([{ kind: 'length', stepsPerEpoch: 4 }]);
    expect(events).toEqual([]);
    take([step(0, 0)]);
    expect(events[0]).toMatchObject({
      type: 'started',
      engine: null,
      epochs: 3,
      stepsPerEpoch: 4,
      totalSteps: 12,
    });
    expect(events[1]).toMatchObject({ type: 'step', step: 0, loss: 1 });
  });

  test('comes again before the next step when the length becomes known', () => {
    const { take, events } = timeline();
    take([step(0, 0), { kind: 'length', totalSteps: 20, epochs: 5 }]);
    expect(events.map(({ type }) => type)).toEqual(['started', 'step']);
    take([step(1, 0)]);
    expect(events.slice(2)).toMatchObject([
      { type: 'started', stepsPerEpoch: 4, totalSteps: 20 },
      { step: 1 },
    ]);
  });

  test('is written at the end, if there were no metrics', () => {
    const { made, events } = timeline();
    made.end();
    expect(events).toMatchObject([{ type: 'started', epochs: null }]);
    expect(made.hasMetrics).toBe(false);
  });
});

describe('steps', () => {
  test('get numbers and epochs, if the output has none', () => {
    const { take, settled } = timeline();
    take([step(null, null), step(null, null), epoch(0, null), step(null, null), epoch(1, null)]);
    expect(settled()).toEqual(['s0@0', 's0@1', 'e0@2', 's1@2', 'e1@3']);
  });

  test('that come faster than 20 a second are thinned out, but the last before an epoch is kept', () => {
    const { takeAtOnce, pass, settled, made } = timeline();
    for (let index = 0; index < 100; index++) {
      pass(1);
      takeAtOnce([step(index, 0)]);
    }
    takeAtOnce([epoch(0, 100), epoch(1, 200)]);
    made.end();
    const steps = settled().filter((each) => each.startsWith('s'));
    expect(steps.length).toBeLessThanOrEqual(4);
    expect(steps.at(0)).toBe('s0@0');
    expect(steps.at(-1)).toBe('s0@99');
    expect(settled().filter((each) => each.startsWith('e'))).toEqual(['e0@100', 'e1@200']);
  });

  test('have the metrics of all readings with their number', () => {
    const { take, made, events } = timeline();
    take([step(3, 0, { loss: 2 }), step(3, 0, { learningRate: 0.1, other: { momentum: 0.9 } })]);
    made.end();
    const written = settledMetrics(events);
    expect(written).toMatchObject([{ step: 3, loss: 2, learningRate: 0.1, other: { momentum: 0.9 } }]);
  });

  test('are not taken from a source that lags behind another', () => {
    const { take, settled } = timeline();
    take([step(0, 0), step(1, 0), epoch(0, 2)]);
    take([step(0, 0), step(1, 0)], 'file');
    take([step(2, 1)]);
    expect(settled()).toEqual(['s0@0', 's0@1', 'e0@2', 's1@2']);
  });

  test('replace those before, if the command itself went back', () => {
    const { take, settled } = timeline();
    take([step(0, 0), epoch(0, 1), step(1, 1), step(2, 1), epoch(1, 3), step(3, 2)]);
    take([step(1, 1), step(2, 1), epoch(1, 3), step(3, 2)]);
    expect(settled()).toEqual(['s0@0', 'e0@1', 's1@1', 's1@2', 'e1@3', 's2@3']);
  });

  test('may be numbered from 0 in each epoch', () => {
    const { take, settled, made } = timeline();
    const each = [0, 1, 2].flatMap((of) => [
      step(0, of),
      step(2, of),
      epoch(of, null, { validationLoss: 1 }),
    ]);
    take(each);
    expect(settled()).toEqual(['s0@0', 's0@2', 'e0@3', 's1@3', 's1@5', 'e1@6', 's2@6', 's2@8', 'e2@9']);
    expect(made.result(1).epochs).toBe(3);
    const told = timeline();
    told.take([0, 1, 2].map((of) => epoch(of, 5, { validationLoss: 1 })));
    expect(told.settled()).toEqual(['e0@5', 'e1@6', 'e2@7']);
  });

  test('numbered from 0 in each epoch continue after the epochs of an interrupted command', () => {
    const first = timeline();
    first.take([0, 1].flatMap((of) => [step(0, of), step(2, of), epoch(of, null)]));
    const { take, settled } = timeline({ history: settledMetrics(first.events) });
    take([step(0, 2), step(2, 2), epoch(2, null), step(0, 3)]);
    expect(settled()).toEqual(['s2@6', 's2@8', 'e2@9', 's3@9']);
  });

  test('of an epoch that has ended do not undo it', () => {
    const { take, settled } = timeline();
    take([step(null, 0), epoch(0, null), step(null, 0), step(null, 1), epoch(1, null)]);
    expect(settled()).toEqual(['s0@0', 'e0@1', 's0@1', 's1@2', 'e1@3']);
  });
});

describe('epochs', () => {
  test('count as one step each, if the output has only epochs', () => {
    const { take, settled } = timeline();
    take([epoch(0, null), epoch(1, null), epoch(2, null)]);
    expect(settled()).toEqual(['e0@1', 'e1@2', 'e2@3']);
  });

  test('get the metrics of several sources, each once', () => {
    const { take, events } = timeline();
    take([epoch(0, 10, { loss: 1, learningRate: 0.1 })]);
    take([epoch(0, null, { validationAccuracy: 0.5 })], 'file');
    take([epoch(0, null, { validationAccuracy: 0.5 })], 'file');
    const written = events.filter(({ type }) => type === 'epoch');
    expect(written).toHaveLength(2);
    expect(settledMetrics(events)).toMatchObject([
      { epoch: 0, step: 10, trainLoss: 1, validationAccuracy: 0.5, other: { learning_rate: 0.1 } },
    ]);
  });

  test('that a file tells late do not remove the steps after them', () => {
    const { take, settled, events } = timeline();
    take([step(null, 0), step(null, 0), step(null, 1), step(null, 1)]);
    take([epoch(0, null, { validationAccuracy: 0.25 })], 'file');
    take([step(null, 1)]);
    take([epoch(1, null, { validationAccuracy: 0.5 })], 'file');
    expect(settled()).toEqual(['s0@0', 's0@1', 'e0@2', 's1@2', 's1@3', 's1@4', 'e1@5']);
    expect(settledMetrics(events).filter(({ type }) => type === 'epoch')).toMatchObject([
      { validationAccuracy: 0.25 },
      { validationAccuracy: 0.5 },
    ]);
  });

  test('end where the length says, if the output numbers its steps', () => {
    const { take, settled } = timeline();
    take([{ kind: 'length', stepsPerEpoch: 100 }, step(0, 0), step(50, 0), epoch(0, null), step(100, 1)]);
    expect(settled()).toEqual(['s0@0', 's0@50', 'e0@100', 's1@100']);
  });
});

describe('numbers that JSON cannot hold', () => {
  test('are left out of their event', () => {
    const { take, events } = timeline();
    take([
      step(0, 0, { loss: Number.NaN, learningRate: 0.1, other: { gradient: Number.POSITIVE_INFINITY } }),
    ]);
    const [, written] = events;
    expect(written).toMatchObject({ type: 'step', learningRate: 0.1 });
    expect(written).not.toHaveProperty('loss');
    expect(written).not.toHaveProperty('other');
  });

  test('mean a lost loss only if the whole last epoch has no other', () => {
    const { take, made } = timeline();
    take([step(0, 0, { loss: Number.NaN }), step(1, 0, { loss: 1 })]);
    expect(made.lostLoss).toBeNull();
    take([step(2, 1, { loss: Number.POSITIVE_INFINITY }), step(3, 1, { loss: Number.NaN })]);
    expect(made.lostLoss).toEqual({ epoch: 1, loss: Number.NaN });
    take([step(4, 2, { loss: 3 })]);
    expect(made.lostLoss).toBeNull();
  });
});

describe('a resumed command', () => {
  const before = timeline();
  before.take([step(null, 0), step(null, 0), epoch(0, null, { validationAccuracy: 0.75 })]);
  before.take([step(null, 1), step(null, 1), epoch(1, null, { validationAccuracy: 0.5 }), step(null, 2)]);
  const history = settledMetrics(before.events.map((event) => ({ ...event, attempt: 3 })));
  const resumed = () => timeline({ history });
  const log = (after: ReturnType<typeof timeline>) =>
    settledMetrics([...before.events, ...after.events]).map(
      (event) => `${event.type === 'step' ? 's' : 'e'}${event.epoch}@${event.step}`,
    );

  test('continues after its last epoch', () => {
    const after = resumed();
    after.take([step(null, null), step(null, null), epoch(2, null, { validationAccuracy: 0.6 })]);
    expect(log(after)).toEqual(['s0@0', 's0@1', 'e0@2', 's1@2', 's1@3', 'e1@4', 's2@4', 's2@5', 'e2@6']);
    expect(after.made.result(1)).toMatchObject({
      epochs: 3,
      validationAccuracy: 0.6,
      bestValidationAccuracy: 0.75,
    });
  });

  test('replaces the epochs that it repeats', () => {
    const after = resumed();
    after.take([step(null, 0), epoch(0, null, { validationAccuracy: 0.1 }), step(null, 1)]);
    expect(log(after)).toEqual(['s0@0', 'e0@1', 's1@1']);
    expect(after.made.result(1)).toMatchObject({ epochs: 1, bestValidationAccuracy: 0.1 });
  });

  test('replaces epochs also if its output has only epochs', () => {
    const first = timeline();
    first.take([epoch(0, null), epoch(1, null), epoch(2, null)]);
    const after = timeline({ history: settledMetrics(first.events) });
    after.take([epoch(1, null), epoch(2, null), epoch(3, null)]);
    const settled = settledMetrics([...first.events, ...after.events]);
    expect(settled.map((event) => [event.epoch, event.step])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });
});

describe('the result', () => {
  test('has the last and the best validation metrics, and null for what is unknown', () => {
    const { take, made } = timeline();
    take([
      epoch(0, null, { validationAccuracy: 0.5, validationLoss: 2 }),
      epoch(1, null, { validationAccuracy: 0.4 }),
    ]);
    expect(made.result(7)).toEqual({
      ...{ epochs: 2, validationLoss: 2, validationAccuracy: 0.4, bestValidationAccuracy: 0.5, seconds: 7 },
    });
    const bySteps = timeline();
    for (const index of [0, 1, 2, 3])
      bySteps.takeAtOnce([step(index, 0, index % 2 === 0 ? { validationAccuracy: 0.5 - index / 10 } : {})]);
    expect(bySteps.made.result(7)).toMatchObject({
      ...{ epochs: 0, validationLoss: null, validationAccuracy: 0.3, bestValidationAccuracy: 0.5 },
    });
    expect(timeline().made.result(1)).toEqual({
      ...{
        epochs: 0,
        validationLoss: null,
        validationAccuracy: null,
        bestValidationAccuracy: null,
        seconds: 1,
      },
    });
  });
});

describe('any program that trains epochs in order', () => {
  /** How a program prints, when its file of metrics is read, and where it is interrupted and resumes. */
  const programs = fc.record({
    epochs: fc.integer({ min: 1, max: 6 }),
    stepsPerEpoch: fc.integer({ min: 0, max: 4 }),
    numbersSteps: fc.boolean(),
    namesEpochs: fc.boolean(),
    tellsLength: fc.boolean(),
    /** The place of the epochs' metrics, and how many readings of the output later those in a file are read. */
    source: fc.constantFrom('output', 'file', 'both'),
    delay: fc.integer({ min: 0, max: 3 }),
    /** Milliseconds between readings. */
    pace: fc.constantFrom(0, 10, 100),
    interruptedAfter: fc.integer({ min: 0, max: 40 }),
    resumesFrom: fc.integer({ min: 0, max: 6 }),
  });
  type Program = typeof programs extends fc.Arbitrary<infer Value> ? Value : never;

  /** The readings of a program from an epoch on, each with its source. */
  function readingsOf(program: Program, from: number): [source: string, reading: Reading][] {
    const { epochs, stepsPerEpoch, numbersSteps, namesEpochs, tellsLength, source, delay } = program;
    const readings: [string, Reading][] = [];
    const late: { due: number; reading: Reading }[] = [];
    const print = (reading: Reading) => {
      readings.push(['output', reading]);
      for (const each of late) each.due -= 1;
      for (const { reading: due } of late.filter((each) => each.due < 0)) readings.push(['file', due]);
      late.splice(0, late.length, ...late.filter((each) => each.due >= 0));
    };
    if (tellsLength)
      print({ kind: 'length', epochs, ...(numbersSteps && stepsPerEpoch > 0 && { stepsPerEpoch }) });
    for (let number = from; number < epochs; number++) {
      for (let index = 0; index < stepsPerEpoch; index++) {
        print(step(numbersSteps ? number * stepsPerEpoch + index : null, namesEpochs ? number : null));
      }
      if (source !== 'output')
        late.push({ due: delay, reading: epoch(number, null, { validationAccuracy: 0.5 }) });
      if (source !== 'file') print(epoch(number, null, { loss: number }));
    }
    for (const { reading } of late) readings.push(['file', reading]);
    return readings;
  }

  const epochsOf = (events: readonly RunEvent[]) =>
    settledMetrics(events).filter((event) => event.type === 'epoch');

  function train(
    program: Program,
    from: number,
    history: TimelineOptions['history'],
    until = Number.MAX_VALUE,
  ) {
    const { made, events, pass } = timeline({ history });
    for (const [source, reading] of readingsOf(program, from).slice(0, until)) {
      pass(program.pace);
      made.take(source, [reading]);
    }
    made.end();
    return { made, events };
  }

  test('has each epoch once, in order, with steps in order', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { made, events } = train(program, 0, []);
        expect(epochsOf(events).map((event) => event.epoch)).toEqual([...Array(program.epochs).keys()]);
        const settled = settledMetrics(events);
        const steps = settled.filter((event) => event.type === 'step').map((event) => event.step);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
        expect(made.result(0).epochs).toBe(program.epochs);
      }),
    );
  });

  test('also if it is interrupted, and resumes from any epoch that has ended', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { namesEpochs, numbersSteps, stepsPerEpoch, tellsLength, source } = program;
        // Otherwise nobody can tell in which epoch a step is, if the epochs are told later.
        const isCounted = numbersSteps && (tellsLength || source === 'output');
        fc.pre(namesEpochs || isCounted || stepsPerEpoch === 0);
        const first = train(program, 0, [], program.interruptedAfter);
        const ended = epochsOf(first.events).length;
        const from = Math.min(program.resumesFrom, ended, program.epochs - 1);
        const second = train(program, from, settledMetrics(first.events));
        const all = [...first.events, ...second.events];
        expect(epochsOf(all).map((event) => event.epoch)).toEqual([...Array(program.epochs).keys()]);
        expect(second.made.result(0).epochs).toBe(program.epochs);
      }),
    );
  });
});
