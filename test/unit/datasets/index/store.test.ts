import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  datasetKey,
  factsLookup,
  imagesKey,
  indexPath,
  readIndex,
} from '../../../../src/datasets/index/store';
import type { OwnDatasetRequest } from '../../../../src/recipe/datasets';
import { sourceFacts } from '../../../support/sourceFacts';
import { imageFolder, testFolder } from '../photos';

const request = imageFolder('photos');

test('the key of a data set depends on its kind, absolute paths and options', () => {
  const key = datasetKey(request, '/a');
  expect(key).toMatch(/^[0-9a-f]{16}$/);
  const same: OwnDatasetRequest[] = [
    { split: { seed: 0, validation: 0.25 }, path: './photos/', dataset: 'image_folder' },
    { ...request, split: { ...request.split, group_by: undefined } },
  ];
  for (const other of same) expect(datasetKey(other, '/a')).toBe(key);
  expect(datasetKey({ ...request, path: '/a/photos' } as OwnDatasetRequest, '/b')).toBe(key);
  const others: OwnDatasetRequest[] = [
    imageFolder('others'),
    { ...request, split: { ...request.split, seed: 1 } },
    { ...request, split: { ...request.split, group_by: '{patient}_*' } },
    { dataset: 'idx', path: 'photos', split: request.split },
    { dataset: 'npz', path: 'photos', split: request.split },
  ];
  const keys = [datasetKey(request, '/b'), ...others.map((other) => datasetKey(other, '/a'))];
  expect(new Set([key, ...keys]).size).toBe(keys.length + 1);
});

test('the key of the images is the same for every split', () => {
  const key = imagesKey(request, '/a');
  expect(imagesKey({ ...request, split: { validation: 0.5, seed: 3 } }, '/a')).toBe(key);
  expect(imagesKey(imageFolder('others'), '/a')).not.toBe(key);
});

test('a missing or damaged index, or one of another version or kind, is ignored', async () => {
  const root = await testFolder();
  const path = indexPath(root, datasetKey(request, root));
  const lookup = factsLookup(root, root);
  expect(await readIndex(root, request, root)).toBeNull();
  expect(lookup(request)).toBeNull();
  await mkdir(join(path, '..'), { recursive: true });
  const copies = { count: 0, pairs: [] };
  const good = {
    version: 1,
    imagesKey: 'x',
    facts: sourceFacts(),
    report: {
      validationCounts: [1, 2],
      testCounts: [],
      bytes: 1,
      decoded: 1,
      imbalance: 1,
      unreadable: { count: 0, images: [] },
      copiesWithin: copies,
      copiesAcross: copies,
      copiesMislabelled: copies,
      nearCopiesAcross: { ...copies, compared: 0 },
      problems: [],
    },
    scannedAt: 1,
    table: { file: 'x.bin', bytes: 1, sha256: 'x' },
  };
  const bad = [
    '',
    '{',
    'null',
    JSON.stringify({ ...good, version: 0 }),
    JSON.stringify({ ...good, facts: sourceFacts({ dataset: 'csv' }) }),
    JSON.stringify({ ...good, facts: { ...sourceFacts(), mean: 'x' } }),
    JSON.stringify({ ...good, table: { ...good.table, file: '../x.bin' } }),
  ];
  for (const text of bad) {
    await writeFile(path, text);
    expect(lookup(request)).toBeNull();
    expect(await readIndex(root, request, root)).toBeNull();
  }
  await writeFile(path, JSON.stringify(good));
  expect(lookup(request)).toEqual(sourceFacts());
  // The same object: an unchanged file is not read again.
  expect(lookup(request)).toBe(lookup(request));
  expect((await readIndex(root, request, root))?.facts).toEqual(sourceFacts());
});
