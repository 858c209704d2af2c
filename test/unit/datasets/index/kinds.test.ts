import { cp, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openIndexed } from '../../../../src/datasets/index/openIndexed';
import { indexDataset } from '../../../../src/datasets/index/scan';
import { readStored } from '../../../../src/datasets/table';
import type { OwnDatasetRequest } from '../../../../src/recipe/datasets';
import { testFolder } from '../photos';

const split = { validation: 0.4, seed: 1 };

/** A store with the fixtures of one kind of data set in `data`. */
async function place(kind: string, request: OwnDatasetRequest) {
  const root = await testFolder();
  const data = join(root, 'data');
  await cp(join('test/fixtures/datasets', kind), data, { recursive: true });
  const options = { root, folder: root, cacheFolder: join(root, 'cache') };
  return {
    data,
    index: () => indexDataset(request, { ...options, workers: 0 }),
    open: () => openIndexed(root, request, root, { ...options, onBadImage: 'fail' }),
  };
}

test('pixels in memory are indexed by their content, and come with the tables', async () => {
  const { data, index, open } = await place('npz', { dataset: 'npz', path: 'data/medmnist.npz', split });
  const { facts } = await index();
  expect(facts).toMatchObject({
    trainImages: 6,
    testImages: 2,
    channels: 3,
    height: { min: 4, max: 4 },
    width: { min: 5 },
  });
  const { dataset } = await open();
  const stored = await readStored(dataset.train, 0);
  expect(stored).toMatchObject({ kind: 'pixels', image: { height: 4, width: 5, channels: 3 } });
  expect(dataset.test?.labels).toHaveLength(2);
  // Touching the file changes no pixel.
  await utimes(join(data, 'medmnist.npz'), 1, 1);
  await open();
  expect((await index()).facts).toEqual(facts);
  // Replacing the archive does.
  await writeFile(join(data, 'medmnist.npz'), await readFile(join(data, 'keras.npz')));
  await expect(open()).rejects.toMatchObject({ failure: { remedy: 'Index the data set: tricks data FILE' } });
});

test('parts of archives are read at their offsets, until an archive changes', async () => {
  const request: OwnDatasetRequest = { dataset: 'webdataset', train: 'data/train-{000..002}.tar', split };
  const { data, index, open } = await place('shards', request);
  const { facts, report } = await index();
  expect(facts.trainImages + facts.validationImages).toBe(12);
  expect(report.unreadable.count).toBe(0);
  const { dataset } = await open();
  const stored = await readStored(dataset.train, 0);
  expect(stored.kind === 'encoded' && stored.bytes.length).toBeGreaterThan(50);
  expect((await index()).facts).toEqual(facts);
  const shard = join(data, 'train-001.tar');
  const bytes = await readFile(shard);
  // A damaged image at an unchanged position.
  const at = bytes.indexOf('\x89PNG', 0, 'latin1');
  const start = at === -1 ? bytes.indexOf(Buffer.of(0xff, 0xd8)) : at;
  expect(start).toBeGreaterThan(0);
  bytes.fill(0, start, start + 20);
  await writeFile(shard, bytes);
  await expect(open()).rejects.toMatchObject({
    failure: { what: `${shard} has changed since the data set was indexed.` },
  });
  const again = await index();
  expect(again.report.unreadable).toMatchObject({
    count: 1,
    images: [{ name: expect.stringContaining('train-001.tar: ') }],
  });
  await expect(open()).rejects.toMatchObject({
    failure: { what: expect.stringContaining('train-001.tar: ') },
  });
});

test('an unreadable image of a Parquet file is named by that file, not by the copy in the cache', async () => {
  const request: OwnDatasetRequest = {
    ...{ dataset: 'parquet', path: 'data/bad.parquet', image_column: 'picture', label_column: 'kind', split },
  };
  const { data, index } = await place('parquet', request);
  const bytes = await readFile(join(data, 'indexed.parquet'));
  const start = bytes.indexOf('\x89PNG', 0, 'latin1');
  expect(start).toBeGreaterThan(0);
  bytes.fill(0, start + 8, start + 30);
  await writeFile(join(data, 'bad.parquet'), bytes);
  const { report } = await index();
  expect(report.unreadable).toMatchObject({
    count: 1,
    images: [{ name: expect.stringMatching(/^bad[.]parquet#\d+$/) }],
  });
});
