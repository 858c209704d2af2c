import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStepEvent, type RunEvent, runEventSchema } from '../../../src/protocol/events';
import { stateAfter } from '../../../src/protocol/state';
import { readAllEvents, thinningStride } from '../../../src/runs/log';
import {
  type EventBatch,
  LOG_START,
  MAX_LINE_BYTES,
  type Position,
  parseEvents,
} from '../../../src/runs/logParser';
import { temporaryFolder } from './support';

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const time = fc.nat();
const step: fc.Arbitrary<RunEvent> = fc.record({
  type: fc.constant('step' as const),
  time,
  step: fc.nat(),
  epoch: fc.nat(),
  learningRate: number,
  loss: number,
  accuracy: number,
  imagesPerSecond: number,
});
const preparing: fc.Arbitrary<RunEvent> = fc.record({
  type: fc.constant('preparing' as const),
  time,
  what: fc.string({ unit: 'grapheme' }),
  share: fc.option(number, { nil: null }),
});
const event = fc.oneof(step, preparing);

type StepEvent = Extract<RunEvent, { type: 'step' }>;

const lineOf = (value: unknown) => `${JSON.stringify(value)}\n`;
const stepEvent = (index: number): RunEvent => ({
  type: 'step',
  time: index,
  step: index,
  epoch: 0,
  learningRate: 0.1,
  loss: 2,
  accuracy: 0.5,
  imagesPerSecond: 100,
});

/** Reads `log` in parts that end at `cuts`, like a follower of a growing file. */
function readInParts(log: Buffer, cuts: readonly number[]): EventBatch & { position: Position } {
  const events: RunEvent[] = [];
  let skipped = 0;
  let position = LOG_START;
  for (const cut of [...cuts.map((cut) => cut % (log.length + 1)).sort((a, b) => a - b), log.length]) {
    const { batch, next } = parseEvents(log.subarray(position.offset, cut), position);
    events.push(...batch.events);
    skipped += batch.skipped;
    position = next;
  }
  return { events, skipped, position };
}

describe('a step', () => {
  it('is written as the schema writes it, whatever the value', () => {
    const anything = fc.oneof(fc.anything(), fc.constant(undefined), fc.constant(Number.POSITIVE_INFINITY));
    const changes = fc.dictionary(
      fc.constantFrom(...Object.keys(stepEvent(0)), 'lossScale', 'overflows', 'other'),
      fc.oneof(number, anything),
      { maxKeys: 2 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          changes.map((changes) => ({ ...stepEvent(7), ...changes })),
          anything,
        ),
        (value) => {
          const parsed = runEventSchema.safeParse(value);
          expect(isStepEvent(value)).toBe(parsed.success && parsed.data.type === 'step');
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a log', () => {
  it('cut at any byte reads as the events before the cut', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), fc.nat(), (events, cut) => {
        const log = Buffer.from(events.map(lineOf).join(''));
        const part = log.subarray(0, cut % (log.length + 1));
        const whole = part.toString('latin1').split('\n').length - 1;
        expect(parseEvents(part, LOG_START).batch).toEqual({ events: events.slice(0, whole), skipped: 0 });
      }),
    );
  });

  it('read in any parts gives every event once and in order', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), fc.array(fc.nat()), (events, cuts) => {
        const log = Buffer.from(events.map(lineOf).join(''));
        const position = { offset: log.length, withinOversized: false };
        expect(readInParts(log, cuts)).toEqual({ events, skipped: 0, position });
      }),
    );
  });

  it('with garbage between its lines still gives every event', () => {
    const garbage = fc
      .oneof(
        fc.string(),
        fc.json(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
        fc.constantFrom('{"type":"step"}', '{"type":"later","time":1}', 'null', '[]'),
      )
      .map((text) => ({ garbage: text.replace(/[\r\n]/g, ' ') }));
    const line = fc.oneof(event, garbage);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat()), (lines, cuts) => {
        const text = lines.map((line) => ('garbage' in line ? `${line.garbage}\n` : lineOf(line)));
        const read = readInParts(Buffer.from(text.join('')), cuts);
        expect(read.events).toEqual(lines.filter((line) => !('garbage' in line)));
        expect(read.skipped).toBe(
          lines.filter((line) => 'garbage' in line && line.garbage.trim() !== '').length,
        );
      }),
    );
  });

  it('with lines too long to hold skips them, however they arrive', async () => {
    const path = join(await temporaryFolder(), 'metrics.ndjson');
    const long = 'x'.repeat(3 * MAX_LINE_BYTES + 17);
    await writeFile(path, [lineOf(stepEvent(0)), `${long}\n`, lineOf(stepEvent(1)), `${long}`].join(''));
    const read = await readAllEvents(path);
    expect(read).toEqual({ events: [stepEvent(0), stepEvent(1)], skipped: 1 });
  });

  it('of many chunks is read whole', async () => {
    const path = join(await temporaryFolder(), 'metrics.ndjson');
    const events = Array.from({ length: 30_000 }, (_, index) => stepEvent(index));
    await writeFile(path, events.map(lineOf).join(''));
    expect(await readAllEvents(path)).toEqual({ events, skipped: 0 });
  });

  it('that is long is read with some steps skipped, and all its other events and its end', async () => {
    const path = join(await temporaryFolder(), 'metrics.ndjson');
    const count = 150_000;
    const events = Array.from({ length: count }, (_, index) => stepEvent(index));
    const marks = [0, 777, 60_001].map((step) => ({ type: 'stopped', time: 0, step }) as const);
    const lines = events.map(lineOf);
    for (const mark of marks) lines[mark.step] += `${lineOf(mark)}garbage\n`;
    await writeFile(path, lines.join(''));
    const read = await readAllEvents(path, thinningStride);
    expect(read.skipped).toBe(3);
    expect(read.events.filter(({ type }) => type === 'stopped')).toEqual(marks);
    const steps = read.events.flatMap((event) => (event.type === 'step' ? [event.step] : []));
    const firstWhole = steps.findIndex((step, index) => index > 0 && step % 2 === 1);
    expect(firstWhole).toBeGreaterThan(30_000);
    expect(steps.slice(0, firstWhole)).toEqual(Array.from({ length: firstWhole }, (_, index) => index * 2));
    expect(steps.slice(firstWhole)).toEqual(
      Array.from(
        { length: count - (steps[firstWhole] as number) },
        (_, i) => i + (steps[firstWhole] as number),
      ),
    );
    expect((await readAllEvents(path)).events).toHaveLength(count + 3);
  });

  it('read with steps skipped has the lowest and the highest loss of every interval, in place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 1500 }),
        fc.integer({ min: 2, max: 64 }),
        (losses, stride) => {
          const events = losses.map((loss, index) => ({ ...(stepEvent(index) as StepEvent), loss }));
          const { batch } = parseEvents(Buffer.from(events.map(lineOf).join('')), LOG_START, stride);
          const read = batch.events as StepEvent[];
          // In order and unchanged.
          expect(read).toEqual(events.filter(({ step }) => read.some((event) => event.step === step)));
          const multiples = events.filter(({ step }) => step % stride === 0);
          for (const { step } of multiples) expect(read.some((event) => event.step === step)).toBe(true);
          for (let first = 0; first < losses.length; first += 1000) {
            const [own, shown] = [events, read].map((all) =>
              all.filter(({ step }) => step >= first && step < first + 1000).map(({ loss }) => loss),
            ) as [number[], number[]];
            expect(Math.max(...shown)).toBe(Math.max(...own));
            expect(Math.min(...shown)).toBe(Math.min(...own));
          }
          // Two per bucket of at least 350 lines.
          expect(read.length - multiples.length).toBeLessThanOrEqual(2 * Math.ceil(losses.length / 350) + 2);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('with garbage, read with any stride, has every event except steps that are no multiple of it', () => {
    const garbage = fc.oneof(
      fc.string().map((text) => text.replace(/[\r\n]/g, ' ')),
      fc.constantFrom(
        '{"type":"step",',
        '{"type":"step","step":',
        '{"type":"step","step":3',
        '{"type":"step","step":"3"}',
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(event, garbage)), fc.integer({ min: 1, max: 5 }), (lines, stride) => {
        const text = lines.map((line) => (typeof line === 'string' ? `${line}\n` : lineOf(line))).join('');
        const { batch } = parseEvents(Buffer.from(text), LOG_START, stride);
        const written = lines.filter((line) => typeof line !== 'string');
        const isKept = (line: RunEvent) => line.type !== 'step' || line.step % stride === 0;
        expect(batch.events.filter(isKept)).toEqual(written.filter(isKept));
        const extremes = batch.events.filter((line) => !isKept(line));
        expect(extremes.length).toBeLessThanOrEqual(2);
        for (const extreme of extremes) expect(written).toContainEqual(extreme);
      }),
    );
  });

  it('of lines that start as steps and continue as garbage is read to its end', () => {
    const lines = 300_000;
    for (const line of ['{"type":"step",\n', '{"type":"step","step":1\n']) {
      const { batch } = parseEvents(Buffer.from(line.repeat(lines)), LOG_START, 2);
      expect(batch.events).toEqual([]);
    }
  });

  it('that does not exist has no events', async () => {
    const path = join(await temporaryFolder(), 'metrics.ndjson');
    expect(await readAllEvents(path)).toEqual({ events: [], skipped: 0 });
  });
});

describe('the state after an event', () => {
  it('keeps the accuracy of the last epoch while steps go on, and counts the steps done', () => {
    const epoch: RunEvent = {
      type: 'epoch',
      time: 0,
      epoch: 0,
      step: 4,
      trainLoss: 1,
      trainAccuracy: 0.5,
      validationLoss: 1,
      validationAccuracy: 0.75,
      seconds: 1,
    };
    const state = [stepEvent(3), epoch, stepEvent(4)].reduce(stateAfter, { status: 'queued' } as const);
    expect(state).toEqual({ status: 'running', step: 5, validationAccuracy: 0.75 });
  });
});
