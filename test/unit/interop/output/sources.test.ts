import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutputReader, OutputSource, Reading } from '../../../../src/interop/output/reading';
import { sourcesOf } from '../../../../src/interop/output/sources';
import { COMMAND_SYSTEMS, type MetricsSource } from '../../../../src/recipe/commandRecipe';
import { readingsOf, readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers';
const AUTO: MetricsSource = { kind: 'auto' };
const places = (sources: readonly OutputSource[]) => sources.map(({ where }) => where);

/** Whether a path matches a pattern: `*` is any part of a name, `**` any folders or none. */
function matches(path: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*/g, (wildcard) => (wildcard === '*' ? '[^/]*' : '(?:[^/]+/)*'));
  return new RegExp(`^${source}$`).test(path);
}

/** Returns the readers of a file in the run's folder. */
function readersOf(sources: readonly OutputSource[], path: string): OutputReader[] {
  return sources.flatMap(({ where, reader }) =>
    where !== 'output' && matches(path, where.files) ? [reader(path)] : [],
  );
}

function outputReader(sources: readonly OutputSource[]): OutputReader {
  const [source, ...others] = sources.filter(({ where }) => where === 'output');
  if (!source || others.length > 0) throw new Error('There is no single source for the output');
  return source.reader();
}

const stepsOf = (readings: readonly Reading[]) => readings.filter(({ kind }) => kind === 'step').length;
const epochsOf = (readings: readonly Reading[]) => readings.filter(({ kind }) => kind === 'epoch').length;

describe('where metrics are, for', () => {
  test('each known system', () => {
    expect(places(sourcesOf('timm', AUTO))).toEqual(['output', { files: '**/summary.csv' }]);
    expect(places(sourcesOf('torchvision', AUTO))).toEqual(['output']);
    expect(places(sourcesOf('mmpretrain', AUTO))).toEqual([{ files: '**/vis_data/scalars.json' }]);
  });

  test.each<[MetricsSource, unknown]>([
    [{ kind: 'csv', path: './log.csv', names: {}, percent: false, firstEpoch: 0 }, [{ files: 'log.csv' }]],
    [{ kind: 'stdout', pattern: '(?<loss>x)', percent: false, firstEpoch: 0 }, ['output']],
    [{ kind: 'json_lines', path: null }, ['output']],
    [{ kind: 'json_lines', path: 'out/m.jsonl' }, [{ files: 'out/m.jsonl' }]],
    [
      { kind: 'tensorboard', path: 'logs/', names: {}, percent: false, firstEpoch: 0 },
      [{ files: 'logs/**/*tfevents*' }],
    ],
    [
      { kind: 'tensorboard', path: '.', names: {}, percent: false, firstEpoch: 0 },
      [{ files: '**/*tfevents*' }],
    ],
  ])('%j, whatever the system', (metrics, expected) => {
    for (const system of COMMAND_SYSTEMS) expect(places(sourcesOf(system, metrics))).toEqual(expected);
  });

  test('a path with several folders and with * in it', () => {
    expect(matches('a/b/version_0/metrics.csv', '**/*.csv')).toBe(true);
    expect(matches('metrics.csv', '**/*.csv')).toBe(true);
    expect(matches('logs/train/events.out.tfevents.1.x', 'logs/**/*tfevents*')).toBe(true);
  });
});

test('the readers of a source use the names that a person gave', () => {
  const [csv] = sourcesOf('generic', {
    ...{ kind: 'csv', path: 'a.csv', percent: true, firstEpoch: 1 },
    names: { epoch: 'e', accuracy: 'a' },
  });
  expect(csv && readingsOfText(csv.reader(), 'e,a\n1,50\n')).toMatchObject([
    { epoch: 0, metrics: { accuracy: 0.5 } },
  ]);
  const [stdout] = sourcesOf('generic', {
    ...{ kind: 'stdout', pattern: '(?<epoch>\\d+) (?<accuracy>\\d+)', percent: true, firstEpoch: 1 },
  });
  expect(stdout && readingsOfText(stdout.reader(), '1 50\n')).toMatchObject([
    { epoch: 0, metrics: { accuracy: 0.5 } },
  ]);
});

describe('the output of any program has the metrics of', () => {
  test.each([
    ['timm', 'timm/output.txt', 9, 0],
    ['torchvision', 'torchvision/output.txt', 10, 4],
    ['the Trainer of Transformers', 'huggingFace/output.txt', 4, 2],
  ])('%s', (_, path, steps, epochs) => {
    const readings = readingsOf(outputReader(sourcesOf('generic', AUTO)), readFileSync(`${FOLDER}/${path}`));
    expect([stepsOf(readings), epochsOf(readings)]).toEqual([steps, epochs]);
  });

  test('one that prints JSON lines, among other lines', () => {
    const text =
      'Loading\n{"step": 0, "loss": 1}\n{"message": "hello"}\n 10%|# | 1/10\r{"epoch": 0, "loss": 2}\n';
    expect(readingsOfText(outputReader(sourcesOf('generic', AUTO)), text)).toEqual([
      { kind: 'step', step: 0, epoch: null, metrics: { loss: 1 } },
      { kind: 'epoch', epoch: 0, step: null, metrics: { loss: 2 } },
    ]);
  });
});

describe('the files of any program have the metrics of', () => {
  test.each([
    ['timm', 'timm/summary.csv', 'output/train/summary.csv', 0, 3],
    ['Lightning', 'lightning/metrics.csv', 'lightning_logs/version_0/metrics.csv', 7, 4],
    [
      "Lightning's TensorBoard",
      'lightning/events.out.tfevents.1.host',
      'logs/events.out.tfevents.1.host',
      23,
      2,
    ],
    ['Keras', 'keras/log.csv', 'training.csv', 0, 4],
    ['Keras with another separator', 'keras/semicolons.csv', 'logs/training.csv', 0, 4],
    ['MMEngine', 'mmengine/epochs.json', 'work/2026/vis_data/scalars.json', 4, 2],
    ['Transformers', 'huggingFace/trainer_state.json', 'out/checkpoint-8/trainer_state.json', 0, 2],
  ])('%s', (_, fixture, path, steps, epochs) => {
    const readers = readersOf(sourcesOf('generic', AUTO), path);
    expect(readers).toHaveLength(1);
    const readings = readers.flatMap((reader) => readingsOf(reader, readFileSync(`${FOLDER}/${fixture}`)));
    expect([stepsOf(readings), epochsOf(readings)]).toEqual([steps, epochs]);
  });

  test('no other CSV file', () => {
    const [reader] = readersOf(sourcesOf('generic', AUTO), 'predictions.csv');
    if (!reader) throw new Error('No reader');
    for (const text of ['', 'id,label\n1,2\n', 'loss,accuracy\n1,0.5\n', '0.5,0.6\n', 'epoch,score\n1,2\n'])
      expect(readingsOfText(reader, text)).toEqual([]);
  });
});

describe('a metric in two formats', () => {
  test('is read from the format that has it first', () => {
    const sources = sourcesOf('generic', AUTO);
    const [csv] = readersOf(sources, 'training.csv');
    const [events] = readersOf(sources, 'logs/train/events.out.tfevents.1.host.2.0.v2');
    if (!csv || !events) throw new Error('No readers');
    expect(epochsOf(readingsOf(csv, readFileSync(`${FOLDER}/keras/log.csv`)))).toBe(4);
    const file = readFileSync(`${FOLDER}/keras/train/events.out.tfevents.1.host.2.0.v2`);
    expect(readingsOf(events, file)).toEqual([]);
    // Another run has readers of its own.
    const [again] = readersOf(sourcesOf('generic', AUTO), 'logs/train/events.out.tfevents.1.host.2.0.v2');
    expect(again && epochsOf(readingsOf(again, file))).toBe(12);
  });

  test('is left out of readings that have others too', () => {
    const sources = sourcesOf('generic', AUTO);
    readingsOfText(outputReader(sources), '{"step": 0, "loss": 1, "norm": 2}\n{"step": 0}\n');
    const [csv] = readersOf(sources, 'metrics.csv');
    expect(
      csv && readingsOfText(csv, 'epoch,norm,step,train_loss,val_acc\n0,1,9,0.5,\n0,,9,,0.75\n'),
    ).toEqual([{ kind: 'epoch', epoch: 0, step: 10, metrics: { validationAccuracy: 0.75 } }]);
  });

  test('is read again from the same format, which repeats itself', () => {
    const [csv] = readersOf(sourcesOf('generic', AUTO), 'training.csv');
    if (!csv) throw new Error('No reader');
    const bytes = readFileSync(`${FOLDER}/keras/log.csv`);
    expect(readingsOf(csv, bytes)).toEqual(readingsOf(csv, bytes));
  });
});

test('a million lines of log and metrics give each metric once', () => {
  const reader = outputReader(sourcesOf('generic', AUTO));
  if (reader.from !== 'lines') throw new Error('not a reader of lines');
  let readings = 0;
  for (let line = 0; line < 1_000_000; line++)
    readings += reader.read(
      line % 10 === 0 ? `{"step": ${line}, "loss": 0.5}` : `2026-01-01 INFO step ${line}: loading (0.5 s)`,
    ).length;
  expect(readings).toBe(100_000);
});

test.each([
  ['Test: [0/0] ', 'Loss:'],
  ['Test (EMA): [   0/0]  Time: 1 ', 'Loss: ('],
  ['Train: 0 [   0/4 ( 25%)]  Loss: 1 (1) Time: 1s, 1/s ', ' LR:'],
  ['Epoch: [0]  [ 0/5]  eta: ', '  a'],
  ["{'loss': 1, ", "'a': 1, "],
  ['{"a": "', '\\"'],
  ['{"a": NaN, "b": ', '['],
  ['Current checkpoints:\n (', "', 1"],
  ['\x1b]', '\x1b['],
  ['', ' '],
])('a megabyte of %j and many %j is no metric, and takes no long time', (start, part) => {
  const text = `${start}${part.repeat((1 << 20) / part.length)}}`;
  for (const system of COMMAND_SYSTEMS)
    for (const { where, reader } of [...sourcesOf(system, AUTO), ...sourcesOf(system, AUTO, true)])
      if (where === 'output') expect(stepsOf(readingsOfText(reader(), text))).toBe(0);
});

test('garbage gives no error in any reader', () => {
  const readers = [
    ...COMMAND_SYSTEMS.flatMap((system) => sourcesOf(system, AUTO)),
    ...sourcesOf('generic', { kind: 'stdout', pattern: '(?<loss>.)', percent: true, firstEpoch: 1 }),
  ];
  const word = fc.constantFrom(
    'epoch',
    'step',
    'loss',
    ',',
    '\n',
    '"',
    '{',
    '}',
    "'",
    ':',
    'NaN',
    '1',
    ' ',
    '\r',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(text, (garbage) => {
      for (const { reader } of readers) readingsOfText(reader('train/x'), garbage);
    }),
  );
});
