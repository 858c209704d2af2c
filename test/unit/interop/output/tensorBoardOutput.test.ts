import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesField,
  bytesOf,
  type Encoded,
  floatField,
  integerField,
  message,
  messageField,
  textField,
} from '../../../../src/interop/export/protobuf';
import type { Reading } from '../../../../src/interop/output/reading';
import { maskedCrc } from '../../../../src/interop/output/recordFile';
import { namedTags, tensorBoard } from '../../../../src/interop/output/tensorBoardOutput';
import { chunked, readingsOf } from './chunks';

const FOLDER = 'test/fixtures/trainers';
const LIGHTNING = readFileSync(`${FOLDER}/lightning/events.out.tfevents.1.host`);

interface Logged {
  readonly train: readonly Readonly<Record<'step' | 'epoch' | 'loss' | 'noise', number>>[];
  readonly validation: readonly Readonly<Record<'epoch' | 'val_loss' | 'val_acc', number>>[];
}
const LOGGED: Logged = JSON.parse(readFileSync(`${FOLDER}/lightning/logged.json`, 'utf8'));
/** Event files have 32-bit floats. */
const float = Math.fround;

/** Joins the metrics of readings with the same step or epoch. */
function joined(readings: readonly Reading[], kind: 'step' | 'epoch'): Map<number | null, object> {
  const all = new Map<number | null, object>();
  for (const reading of readings) {
    if (reading.kind !== kind) continue;
    const at = reading.kind === 'step' ? reading.step : reading.epoch;
    const { other, ...metrics } = reading.metrics;
    const before = all.get(at) ?? {};
    all.set(at, { ...before, ...metrics, ...other });
  }
  return all;
}

describe("Lightning's event file", () => {
  const readings = readingsOf(tensorBoard('lightning_logs/version_0/events.out.tfevents.1.host'), LIGHTNING);

  test('has the metrics of the steps that Lightning logged', () => {
    const steps = joined(readings, 'step');
    const logged = LOGGED.train.filter(({ step }) => step % 2 === 1);
    expect(logged).toHaveLength(5);
    for (const { step, loss, noise } of logged)
      expect(steps.get(step)).toMatchObject({
        loss: float(loss),
        accuracy: float(noise),
        gradient_noise: float(noise),
      });
    expect(steps.get(0)).toEqual({ learningRate: float(0.1) });
    expect(steps.get(5)).toMatchObject({ learningRate: float(0.05) });
  });

  test('has the validation of each epoch', () => {
    expect(joined(readings, 'epoch')).toEqual(
      new Map(
        LOGGED.validation.map(({ epoch, val_loss, val_acc }) => [
          epoch,
          { validationLoss: float(val_loss), validationAccuracy: float(val_acc) },
        ]),
      ),
    );
    expect(readings.filter(({ kind }) => kind === 'epoch')).toMatchObject([
      { epoch: 0, step: 5 },
      { epoch: 1, step: 10 },
    ]);
  });

  test('has the tags that a person named', () => {
    const names = { loss: 'gradient_noise', validation_accuracy: 'val_loss', epoch: 'epoch' };
    const named = readingsOf(namedTags({ names, percent: true, firstEpoch: 0 }), LIGHTNING);
    const [first] = LOGGED.train.filter(({ step }) => step === 1);
    expect(joined(named, 'step').get(1)).toMatchObject({ loss: float(first?.noise ?? 0) });
    expect(joined(named, 'epoch')).toEqual(
      new Map(
        LOGGED.validation.map(({ epoch, val_loss }) => [
          epoch,
          { validationAccuracy: float(val_loss) / 100 },
        ]),
      ),
    );
  });
});

describe("Keras' event files", () => {
  const history: Readonly<Record<string, readonly number[]>> = JSON.parse(
    readFileSync(`${FOLDER}/keras/logged.json`, 'utf8'),
  ).log;
  const file = 'events.out.tfevents.1.host.2.0.v2';
  const readingsIn = (folder: string) =>
    readingsOf(tensorBoard(`logs/${folder}/${file}`), readFileSync(`${FOLDER}/keras/${folder}/${file}`));

  test('have what `fit` returns, as training metrics in the folder train', () => {
    const epochs = joined(readingsIn('train'), 'epoch');
    expect(epochs).toEqual(
      new Map(
        [0, 1, 2, 3].map((epoch) => [
          epoch,
          {
            loss: float(history.loss?.[epoch] ?? Number.NaN),
            accuracy: float(history.accuracy?.[epoch] ?? Number.NaN),
            learningRate: history.learning_rate?.[epoch],
          },
        ]),
      ),
    );
    // 4 batches in each of 4 epochs, every second of them is logged.
    expect([...joined(readingsIn('train'), 'step').keys()]).toEqual([1, 3, 5, 7, 9, 11, 13, 15]);
  });

  test('have it as validation metrics in the folder validation, each once', () => {
    const readings = readingsIn('validation');
    expect(joined(readings, 'epoch')).toEqual(
      new Map(
        [1, 3].map((epoch, index) => [
          epoch,
          {
            validationLoss: float(history.val_loss?.[index] ?? Number.NaN),
            validationAccuracy: float(history.val_accuracy?.[index] ?? Number.NaN),
          },
        ]),
      ),
    );
    expect(joined(readings, 'step').size).toBe(0);
  });
});

/** Writes records as TensorFlow does. */
function recordFile(...records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const head = Buffer.alloc(12);
      head.writeBigUInt64LE(BigInt(record.length));
      head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
      const tail = Buffer.alloc(4);
      tail.writeUInt32LE(maskedCrc(record));
      return [head, record, tail];
    }),
  );
}

/** Writes an event with a scalar. */
function event(tag: string, step: number, value: Encoded): Uint8Array {
  const summary = messageField(1, message(textField(1, tag), value));
  return bytesOf(message(...(step === 0 ? [] : [integerField(2, step)]), messageField(5, summary)));
}
const simple = (value: number) => floatField(2, value);
const loss = (step: number, value = 0.5) => event('loss', step, simple(value));

test('the checksum is CRC-32C (RFC 3720), rotated', () => {
  const plain = (bytes: Uint8Array) => {
    const rotated = (maskedCrc(bytes) - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  expect(plain(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(plain(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(plain(Buffer.from('123456789'))).toBe(0xe3069283);
});

describe('a scalar', () => {
  const content = (size: number, write: (bytes: Buffer) => void) => {
    const bytes = Buffer.alloc(size);
    write(bytes);
    return bytes;
  };
  const tensor = (type: number, ...fields: readonly Encoded[]) =>
    messageField(8, message(integerField(1, type), messageField(2, message()), ...fields));

  test.each<[string, Encoded]>([
    ['simple_value', simple(3)],
    [
      'float in tensor_content',
      tensor(
        1,
        bytesField(
          4,
          content(4, (b) => b.writeFloatLE(3)),
        ),
      ),
    ],
    ['float in float_val', tensor(1, floatField(5, 3))],
    [
      'packed float_val',
      tensor(
        1,
        bytesField(
          5,
          content(4, (b) => b.writeFloatLE(3)),
        ),
      ),
    ],
    [
      'double in tensor_content',
      tensor(
        2,
        bytesField(
          4,
          content(8, (b) => b.writeDoubleLE(3)),
        ),
      ),
    ],
    ['int32 in int_val', tensor(3, integerField(7, 3))],
    [
      'int64 in tensor_content',
      tensor(
        9,
        bytesField(
          4,
          content(8, (b) => b.writeBigInt64LE(3n)),
        ),
      ),
    ],
    ['packed int64_val', tensor(9, bytesField(10, Uint8Array.of(3)))],
  ])('is read as %s', (_, value) => {
    expect(readingsOf(tensorBoard(), recordFile(event('val/loss', 7, value)))).toEqual([
      { kind: 'step', step: 7, epoch: null, metrics: { validationLoss: 3 } },
    ]);
  });

  test('is not a histogram, and not a text', () => {
    const dimension = messageField(2, messageField(2, integerField(1, 1)));
    const histogram = messageField(8, message(integerField(1, 1), dimension, floatField(5, 3)));
    const text = tensor(7, textField(8, '3'));
    expect(readingsOf(tensorBoard(), recordFile(event('a', 1, histogram), event('b', 1, text)))).toEqual([]);
  });

  test('at step 0 has no step in the file', () => {
    expect(readingsOf(tensorBoard(), recordFile(loss(0)))).toMatchObject([
      { step: 0, metrics: { loss: 0.5 } },
    ]);
  });

  test('whose event number a person calls the epoch is of an epoch', () => {
    const file = recordFile(event('Loss/val', 1, simple(2)), event('Acc', 2, simple(50)));
    const names = { epoch: 'step', validation_loss: 'Loss/val', validation_accuracy: 'Acc' };
    expect(readingsOf(namedTags({ names, percent: true, firstEpoch: 1 }), file)).toEqual([
      { kind: 'epoch', epoch: 0, step: null, metrics: { validationLoss: 2 } },
      { kind: 'epoch', epoch: 1, step: null, metrics: { validationAccuracy: 0.5 } },
    ]);
  });
});

describe('a growing file', () => {
  test('gives the same readings for any chunks', () => {
    const whole = readingsOf(tensorBoard('a/b'), LIGHTNING);
    expect(whole.length).toBeGreaterThan(20);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 200 })), (sizes) => {
        expect(readingsOf(tensorBoard('a/b'), ...chunked(LIGHTNING, sizes))).toEqual(whole);
      }),
    );
  });

  test('gives a record when its last byte is there', () => {
    const file = recordFile(loss(1), loss(2));
    const reader = tensorBoard();
    expect(readingsOf(reader, file.subarray(0, -1))).toHaveLength(1);
    expect(readingsOf(reader, file.subarray(-1))).toMatchObject([{ step: 2 }]);
  });

  test('passes over a huge record', () => {
    const huge = recordFile(new Uint8Array((1 << 24) + 1));
    const file = Buffer.concat([recordFile(loss(1)), huge, recordFile(loss(2))]);
    const chunks = chunked(file, new Array<number>(40).fill(1 << 19));
    expect(readingsOf(tensorBoard(), ...chunks)).toMatchObject([{ step: 1 }, { step: 2 }]);
  });

  test('ends at a wrong checksum, without an error', () => {
    const start = recordFile(loss(1));
    const file = Buffer.concat([start, recordFile(loss(2), loss(3))]);
    fc.assert(
      fc.property(
        fc.nat(file.length - start.length - 1),
        fc.integer({ min: 1, max: 255 }),
        (offset, change) => {
          const damaged = Buffer.from(file);
          const at = start.length + offset;
          damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
          const readings = readingsOf(tensorBoard(), damaged, recordFile(loss(4)));
          // A record before the damage is whole.
          const isInSecond = at < start.length + (file.length - start.length) / 2;
          expect(readings).toHaveLength(isInSecond ? 1 : 2);
        },
      ),
    );
  });

  test('of garbage gives no error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        readingsOf(tensorBoard(), bytes);
        // With right checksums, so that the message is read.
        readingsOf(tensorBoard(), recordFile(bytes));
        readingsOf(tensorBoard('train/x'), recordFile(bytesOf(message(bytesField(5, bytes)))));
        readingsOf(tensorBoard(), recordFile(bytesOf(message(messageField(5, bytesField(1, bytes))))));
        readingsOf(tensorBoard(), recordFile(event('loss', 1, bytesField(8, bytes))));
      }),
      { numRuns: 500 },
    );
  });
});
