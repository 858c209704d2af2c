import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cached, emptyCache, keep } from '../../../../src/training/data/pipeline/memoryCache';
import { pictureTable } from './pictures';
import { imagesOf, pipelineTests } from './pipelines';

const tests = pipelineTests();

test('images kept in memory equal those that are read again', async () => {
  const table = await pictureTable(tests.folder, { count: 24 });
  const without = await tests.open(table);
  const epochs = [await imagesOf(without), await imagesOf(without, { epoch: 1 })];
  // Room for all images, for some, and for none.
  for (const cacheBytes of [2 ** 24, 60_000, 200]) {
    const pipeline = await tests.open(table, { cacheBytes, workers: 2 });
    expect((await imagesOf(pipeline)).equals(epochs[0]!)).toBe(true);
    expect((await imagesOf(pipeline, { epoch: 1 })).equals(epochs[1]!)).toBe(true);
  }
});

test('an image in memory is not read again', async () => {
  const table = await pictureTable(tests.folder, { count: 8 });
  const second = await imagesOf(await tests.open(table), { epoch: 1 });
  const roomy = await tests.open(table, { cacheBytes: 2 ** 24 });
  const narrow = await tests.open(table, { cacheBytes: 20_000 });
  await imagesOf(roomy);
  await imagesOf(narrow);
  for (const name of ['c0', 'c1']) await rm(join(table.root, name), { recursive: true });
  expect((await imagesOf(roomy, { epoch: 1 })).equals(second)).toBe(true);
  await expect(imagesOf(narrow, { epoch: 1 })).rejects.toThrow('no longer exists');
});

test('keeps images that fit, and smaller ones after one that does not', () => {
  const cache = emptyCache(1024, 3);
  const image = (side: number) => ({
    pixels: new Uint8Array(side * side).fill(side),
    height: side,
    width: side,
    channels: 1,
  });
  keep(cache, 0, image(16));
  keep(cache, 1, image(30));
  keep(cache, 2, image(27));
  expect(cached(cache, 0, 1)).toEqual(image(16));
  expect(cached(cache, 1, 1)).toBeNull();
  expect(cached(cache, 2, 1)).toEqual(image(27));
});
