import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nameAt, type SplitTable } from '../../../../src/datasets/table';
import { UserError } from '../../../../src/shared/userError';
import { pictureTable, writePicture } from './pictures';
import { ascending, epochOf, IMAGES, imagesOf, pipelineTests } from './pipelines';

const tests = pipelineTests();
const SKIP = { images: { ...IMAGES, onBadImage: 'skip' } } as const;

function pathOf(table: SplitTable & { kind: 'files' }, image: number): string {
  return join(table.root, nameAt(table.names, image));
}

/** Returns the failure of an epoch. */
async function failureOf(epoch: Promise<unknown>): Promise<UserError['failure']> {
  const error = await epoch.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error(`No UserError, but ${error}`);
  return error.failure;
}

/** Ways to break an image, with the expected message. */
const WAYS: readonly [string, (path: string) => Promise<unknown>, RegExp][] = [
  ['vanished', (path) => rm(path), /no longer exists/],
  ['emptied', (path) => writeFile(path, ''), /is empty/],
  ['truncated', (path) => truncate(path, 400), /damaged or truncated/],
  ['not an image', (path) => writeFile(path, 'a note'), /is not an image/],
];

describe.each(WAYS)('an image that is %s', (_, breakImage, reason) => {
  test('ends the training if images must be good', async () => {
    const table = await pictureTable(tests.folder, { count: 12 });
    await breakImage(pathOf(table, 9));
    await breakImage(pathOf(table, 10));
    for (const workers of [1, 2]) {
      const source = (await tests.open(table, { workers })).split('train').batches('training', 4);
      const order = ascending(12);
      // The batches before it are unaffected.
      await source.fill(order, 0, 0);
      await source.fill(order, 1, 0);
      const { what, remedy } = await failureOf(source.fill(order, 2, 0));
      expect(what).toContain(pathOf(table, 9));
      expect(what).toMatch(reason);
      expect(remedy).toContain('data.on_bad_image: skip');
    }
  });

  test('is replaced by the next good one of its class if bad images are skipped', async () => {
    const table = await pictureTable(tests.folder, { count: 12 });
    const bytes = await readFile(pathOf(table, 1));
    // Image 7 is of class 1, like 9, 11 and 1.
    for (const image of [7, 9, 11]) await breakImage(pathOf(table, image));
    const pipeline = await tests.open(table, SKIP);
    const source = pipeline.split('train').batches('evaluation', 4);
    const batches = await epochOf(source, ascending(12));
    await epochOf(source, ascending(12), 1);
    expect(batches.map(({ labels }) => [...labels])).toEqual(Array(3).fill([0, 1, 0, 1]));
    expect(pipeline.replacedImages).toBe(3);
    expect(tests.notes).toHaveLength(3);
    expect(tests.notes[0]).toContain(pathOf(table, 7));
    expect(tests.notes[0]).toMatch(reason);
    expect(tests.notes[0]).toContain(pathOf(table, 1));

    for (const image of [7, 9, 11]) await writeFile(pathOf(table, image), bytes);
    const good = await tests.open(table);
    const expected = await epochOf(good.split('train').batches('evaluation', 4), ascending(12));
    expect(batches).toEqual(expected);
  });
});

test('an image that is replaced by another during training is a bad one', async () => {
  const table = await pictureTable(tests.folder, { count: 8 });
  const pipeline = await tests.open(table);
  const source = pipeline.split('train').batches('training', 4);
  await epochOf(source, ascending(8));
  await writePicture(pathOf(table, 5), 99, { height: 50, width: 50 });
  const { what } = await failureOf(epochOf(source, ascending(8), 1));
  expect(what).toContain(pathOf(table, 5));
  expect(what).toContain('changed');
});

test('the first of many bad images are logged one by one', async () => {
  const table = await pictureTable(tests.folder, { count: 40 });
  for (let image = 1; image < 40; image++) await rm(pathOf(table, image));
  await writePicture(pathOf(table, 39), 39, { height: 50, width: 50 });
  const pipeline = await tests.open(table, SKIP);
  await imagesOf(pipeline);
  expect(pipeline.replacedImages).toBe(38);
  expect(tests.notes).toHaveLength(17);
  expect(tests.notes[16]).toContain('32 images have been replaced so far');
});

test('a class without a good image ends the training, even if bad images are skipped', async () => {
  const table = await pictureTable(tests.folder, { count: 4 });
  for (const image of [1, 3]) await rm(pathOf(table, image));
  const { what } = await failureOf(imagesOf(await tests.open(table, SKIP)));
  expect(what).toContain(pathOf(table, 1));
});

test('an error in a truncated archive names the archive and the image', async () => {
  const files = await pictureTable(tests.folder, { count: 4 });
  const parts = await Promise.all([0, 1, 2, 3].map((image) => readFile(pathOf(files, image))));
  const archive = join(tests.folder, 'shard.tar');
  await writeFile(archive, Buffer.concat(parts));
  const offset = new Float64Array(new SharedArrayBuffer(32));
  for (let image = 1; image < 4; image++) offset[image] = offset[image - 1]! + parts[image - 1]!.length;
  const table: SplitTable = {
    ...{ kind: 'ranges', files: [archive], file: new Uint32Array(new SharedArrayBuffer(16)), offset },
    ...{ length: Uint32Array.from(parts, ({ length }) => length), names: files.names, labels: files.labels },
  };
  const whole = await imagesOf(await tests.open(table));
  expect(whole.equals(await imagesOf(await tests.open(files)))).toBe(true);
  await truncate(archive, offset[3]! + 100);
  const { what } = await failureOf(imagesOf(await tests.open(table)));
  expect(what).toContain(`${archive}: c1/3.png: `);
});
