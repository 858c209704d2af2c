import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emptyPredictions, predictImage } from '../../../src/protocol/classificationMetrics';
import {
  evaluationFolder,
  evaluationsFolder,
  readEvaluation,
  writeEvaluation,
} from '../../../src/runs/evaluationFiles';
import { beginAttempt } from '../../../src/runs/lease/attemptFolders';
import { decodeNpy } from '../../../src/shared/npy';

let run: string;
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'evaluation-'));
});
afterEach(async () => {
  await rm(run, { recursive: true });
});

/**
 * Four images: one of each class except the last, which has none, and a second one of the second class. Two are
 * classified correctly.
 */
function evaluated(epoch = 4) {
  const classNames = ['cat', 'dog, "big"', 'übermaß', 'eel\nfish'];
  const scores = [
    [0, 1, 2, 1],
    [9, 0, 0, 0],
    [0, 2, 0, 1],
    [5, 0, 0, 0],
  ];
  const predictions = emptyPredictions(4);
  for (const [image, label] of [2, 1, 1, 0].entries()) {
    predictImage(predictions, image, label, scores.flat(), image, 4);
  }
  const nameOf = (image: number) => `dogs, cats/${image}.png`;
  return { epoch, step: 10 * epoch, classNames, nameOf, predictions };
}

beforeEach(() => beginAttempt(evaluationsFolder(run), 1));

const text = (file: string) => readFile(join(evaluationFolder(run, 'last'), file), 'utf8');

test('an evaluation is stored as files that other programs read', async () => {
  await writeEvaluation(run, 1, ['last'], evaluated());
  expect((await readdir(evaluationFolder(run, 'last'))).sort()).toEqual([
    ...['classes.csv', 'confusion.csv', 'correct.npy', 'metrics.json', 'most_wrong.csv'],
  ]);
  expect(JSON.parse(await text('metrics.json'))).toEqual({
    ...{ epoch: 4, step: 40, images: 4, classes: 4, loss: expect.closeTo(2.5352, 3), accuracy: 0.75 },
    ...{
      macroF1: expect.closeTo((2 / 3 + 2 / 3 + 1) / 3, 12),
      balancedAccuracy: expect.closeTo(2.5 / 3, 12),
    },
  });
  expect(parse(await text('classes.csv'))).toEqual([
    ['class', 'precision', 'recall', 'f1', 'support'],
    ['cat', '0.5', '1', '0.6666666666666666', '1'],
    ['dog, "big"', '1', '0.5', '0.6666666666666666', '2'],
    ['übermaß', '1', '1', '1', '1'],
    ['eel\nfish', '', '', '', '0'],
  ]);
  expect(parse(await text('confusion.csv'))).toEqual([
    ['true', 'cat', 'dog, "big"', 'übermaß', 'eel\nfish'],
    ['cat', '1', '0', '0', '0'],
    ['dog, "big"', '1', '1', '0', '0'],
    ['übermaß', '0', '0', '1', '0'],
    ['eel\nfish', '0', '0', '0', '0'],
  ]);
  const rows: string[][] = parse(await text('most_wrong.csv'));
  expect(rows).toHaveLength(5);
  expect(rows.slice(0, 2)).toEqual([
    ['name', 'true', 'predicted', 'probability', 'loss'],
    ['dogs, cats/1.png', 'dog, "big"', 'cat', expect.any(String), expect.any(String)],
  ]);
  const [, , , probability, loss] = rows[1]!.map(Number);
  expect(loss).toBeCloseTo(Math.log(Math.exp(9) + 3), 5);
  expect(probability).toBeCloseTo(Math.exp(-loss!), 12);
  const { shape, values } = decodeNpy(await readFile(join(evaluationFolder(run, 'last'), 'correct.npy')));
  expect([shape, values]).toEqual([[4], Uint8Array.of(1, 0, 1, 1)]);
});

test('it is read under each of its names, and replaced by a later one', async () => {
  await writeEvaluation(run, 1, ['best', 'last'], evaluated());
  await writeEvaluation(run, 1, ['last'], evaluated(5));
  expect(await readEvaluation(run, 'best')).toMatchObject({ epoch: 4, images: 4, accuracy: 0.75 });
  const last = await readEvaluation(run, 'last');
  expect(last?.epoch).toBe(5);
  expect(last?.top5).toBeUndefined();
  expect(last?.byClass).toEqual([
    { name: 'cat', precision: 0.5, recall: 1, f1: 2 / 3, support: 1 },
    { name: 'dog, "big"', precision: 1, recall: 0.5, f1: 2 / 3, support: 2 },
    { name: 'übermaß', precision: 1, recall: 1, f1: 1, support: 1 },
    { name: 'eel\nfish', precision: null, recall: null, f1: null, support: 0 },
  ]);
  // No temporary file is left next to them.
  expect(await readdir(evaluationFolder(run, 'best'))).toHaveLength(5);
});

test('top-5 exists from six classes on', async () => {
  const predictions = emptyPredictions(1);
  predictImage(predictions, 0, 5, [6, 5, 4, 3, 1, 2], 0, 6);
  const classNames = ['a', 'b', 'c', 'd', 'e', 'f'];
  await writeEvaluation(run, 1, ['last'], { ...evaluated(), classNames, predictions });
  expect(await readEvaluation(run, 'last')).toMatchObject({
    accuracy: 0,
    top5: 1,
    macroF1: 0,
    balancedAccuracy: 0,
  });
});

test('there is none if a run kept none, or its files are damaged', async () => {
  expect(await readEvaluation(run, 'last')).toBeNull();
  await writeEvaluation(run, 1, ['last'], evaluated());
  await writeFile(
    join(evaluationFolder(run, 'last'), 'classes.csv'),
    'class,precision,recall,f1,support\na,b\n',
  );
  expect(await readEvaluation(run, 'last')).toBeNull();
});

test('there is no matrix of very many classes', async () => {
  const classes = 1001;
  const predictions = emptyPredictions(1);
  predictImage(predictions, 0, 1000, new Float32Array(classes), 0, classes);
  const classNames = Array.from({ length: classes }, (_, label) => `${label}`);
  await writeEvaluation(run, 1, ['last'], { ...evaluated(), classNames, predictions });
  expect(await readdir(evaluationFolder(run, 'last'))).not.toContain('confusion.csv');
});

test('a deleted folder of a run is not recreated', async () => {
  const gone = join(run, 'gone');
  await mkdir(gone);
  await rm(gone, { recursive: true });
  await expect(writeEvaluation(gone, 1, ['last'], evaluated())).rejects.toThrow('ENOENT');
  expect(await readdir(run)).toEqual(['evaluation']);
});
