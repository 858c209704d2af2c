import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  jsonLines,
  METRICS_LINE_FIELDS,
  metricsLineJsonSchema,
} from '../../../../src/interop/output/jsonLines';
import { chunked, readingsOf, readingsOfText } from './chunks';

const SCHEMA = JSON.parse(readFileSync('schemas/metrics-line.schema.json', 'utf8'));
const accepts = new Ajv({ strict: false }).compile(SCHEMA);

const read = (text: string) => readingsOfText(jsonLines(), text);

describe('a line of metrics', () => {
  test('of a step has the metrics under our names, and all other numbers under theirs', () => {
    const line =
      '{"step": 7, "epoch": 1, "loss": 0.5, "accuracy": 0.75, "learning_rate": 0.1, "images_per_second": 900, "gradient_norm": 2.5, "note": "warm"}';
    expect(read(line)).toEqual([
      {
        kind: 'step',
        step: 7,
        epoch: 1,
        metrics: {
          loss: 0.5,
          accuracy: 0.75,
          learningRate: 0.1,
          imagesPerSecond: 900,
          other: { gradient_norm: 2.5 },
        },
      },
    ]);
  });

  test.each<[string, object]>([
    ['{"epoch": 0, "loss": 1}', { kind: 'epoch', epoch: 0, step: null, metrics: { loss: 1 } }],
    [
      '{"epoch": 2, "step": 29, "validation_accuracy": 0.5, "validation_loss": 2, "validation_top5": 1, "averaged_accuracy": 0.25}',
      {
        kind: 'epoch',
        epoch: 2,
        step: 30,
        metrics: { validationAccuracy: 0.5, validationLoss: 2, validationTop5: 1, averagedAccuracy: 0.25 },
      },
    ],
    ['{"loss": 3}', { kind: 'step', step: null, epoch: null, metrics: { loss: 3 } }],
    ['{"step": 4, "lr": 0.2}', { kind: 'step', step: 4, epoch: null, metrics: { learningRate: 0.2 } }],
    [
      '{"step": 4, "lr": 0.2, "learning_rate": 0.3}',
      { kind: 'step', step: 4, epoch: null, metrics: { learningRate: 0.3 } },
    ],
    ['{"step": 4, "loss": null}', { kind: 'step', step: 4, epoch: null, metrics: {} }],
    ['{"total_steps": 500}', { kind: 'length', totalSteps: 500 }],
    ['{"total_epochs": 5}', { kind: 'length', epochs: 5 }],
    ['{"checkpoint": "out/last.pt"}', { kind: 'checkpoint', path: 'out/last.pt' }],
    [
      '  {"step": 1, "__proto__": 3}  ',
      { kind: 'step', step: 1, epoch: null, metrics: { other: JSON.parse('{"__proto__": 3}') } },
    ],
  ])('%s', (line, reading) => {
    expect(read(line)).toStrictEqual([reading]);
  });

  test('keeps all it has if a number is not finite', () => {
    const [reading] = read(
      '{"step": 3, "loss": NaN, "text": "NaN, \\"Infinity", "lr": 0.1, "norm": -Infinity}',
    );
    expect(reading).toStrictEqual({
      kind: 'step',
      step: 3,
      epoch: null,
      metrics: { loss: Number.NaN, learningRate: 0.1, other: { norm: Number.NEGATIVE_INFINITY } },
    });
    expect(read('{"step": 3, "loss": "Infinity"}')).toMatchObject([
      { metrics: { loss: Number.POSITIVE_INFINITY } },
    ]);
  });

  test.each([
    'Loading data',
    '{"message": "started", "line": 12}',
    '{"step": -1, "loss": 1}',
    '{"epoch": 0.5, "loss": 1}',
    '{"step": 1, "accuracy": 85}',
    '{"step": 1, "loss": "low"}',
    '[{"step": 1, "loss": 1}]',
    '{"step": 1, "loss": 1',
    '{"step": null}',
    `{"step": 1, "deep": ${'['.repeat(200)}${']'.repeat(200)}}`,
  ])('%s is a line of the log', (line) => {
    expect(read(line)).toEqual([]);
  });
});

describe('the JSON Schema of a line', () => {
  test('is what `npm run schema` writes', () => {
    expect(SCHEMA).toEqual(JSON.parse(JSON.stringify(metricsLineJsonSchema())));
  });

  test('accepts exactly the objects that give a reading', () => {
    const value = fc.oneof(
      fc.constantFrom(null, 0, 1, 0.5, 2, -1, 'NaN', 'Infinity', 'a/b.pt', '', true, [], {}),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const object = fc.dictionary(fc.constantFrom(...METRICS_LINE_FIELDS, 'mine', 'other'), value, {
      maxKeys: 6,
    });
    let accepted = 0;
    fc.assert(
      fc.property(object, (line) => {
        const written = JSON.stringify(line);
        const isAccepted = accepts(JSON.parse(written));
        if (isAccepted) accepted++;
        expect(read(written).length > 0).toBe(isAccepted);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

describe('docs/command-trainers.md', () => {
  const document = readFileSync('docs/command-trainers.md', 'utf8');

  test('names every field', () => {
    expect(METRICS_LINE_FIELDS.filter((field) => !document.includes(`\`${field}\``))).toEqual([]);
  });

  test('has examples that are read', () => {
    const [, examples = ''] = /```json\n([\s\S]*?)```/.exec(document) ?? [];
    const lines = examples.trim().split('\n');
    expect(lines.map((line) => read(line).length)).toEqual([1, 1, 1, 1, 1]);
  });
});

test('lines give the same readings for any chunks', () => {
  const line = fc.constantFrom(
    '{"step": 1, "loss": 0.5}\n',
    '{"epoch": 1, "validation_accuracy": 0.5}\r\n',
    '{"step": 2, "loss": NaN, "é": 1}\n',
    '\r 10%|█         | 1/10',
    'log\n',
  );
  fc.assert(
    fc.property(fc.array(line), fc.infiniteStream(fc.nat(9)), (lines, sizes) => {
      const bytes = new TextEncoder().encode(lines.join(''));
      expect(readingsOf(jsonLines(), ...chunked(bytes, sizes))).toEqual(readingsOf(jsonLines(), bytes));
    }),
  );
});

test('garbage gives no error', () => {
  const reader = jsonLines();
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      if (reader.from !== 'lines') throw new Error('not a reader of lines');
      reader.read(text);
      reader.read(`{${text}}`);
      reader.read(`{"step": ${text}, "loss": NaN}`);
    }),
  );
});

test('a line of a megabyte of quotes takes linear time', () => {
  const hostile = `{${'"\\'.repeat(250_000)}NaN}`;
  expect(read(hostile)).toEqual([]);
  expect(read(`{${'"'.repeat(500_001)}NaN}`)).toEqual([]);
});
