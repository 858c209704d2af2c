import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../../../src/datasets/decode';
import { nameAt, nameTable, type SplitTable } from '../../../../src/datasets/table';
import { augmentImage } from '../../../../src/training/augmentation/augmentImage';
import { evaluationView } from '../../../../src/training/augmentation/evaluationView';
import { epochOrder } from '../../../../src/training/data/epochOrder';
import { imageRandom } from '../../../../src/training/data/pipeline/imageRandom';
import { Random } from '../../../../src/training/random';
import { pictureTable } from './pictures';
import { ascending, CROP, epochOf, FACTS, IMAGES, imagesOf, pipelineTests } from './pipelines';

const tests = pipelineTests();

/** Returns (byte / 255 - mean) / std for pixels [.., 3]. */
function normalized(pixels: Uint8Array): Float32Array {
  return Float32Array.from(
    pixels,
    (byte, index) => (byte / 255 - FACTS.mean[index % 3]!) / FACTS.std[index % 3]!,
  );
}

describe('the content of a batch', () => {
  test('an image is decoded, augmented by its own random numbers, and normalized', async () => {
    const table = await pictureTable(tests.folder, { count: 5 });
    const pipeline = await tests.open(table, { seed: 3 });
    const order = Uint32Array.of(4, 2, 0, 1, 3);
    const [batch] = await epochOf(pipeline.split('train').batches('training', 4), order, 7);
    expect([...batch!.labels]).toEqual([0, 0, 0, 1]);
    for (const [position, image] of [4, 2, 0, 1].entries()) {
      const bytes = await readFile(join(table.root, nameAt(table.names, image)));
      const decoded = await decodeImage({ kind: 'encoded', bytes }, 3);
      const random = imageRandom(3, { epoch: 7, image, repeat: 0 });
      const augmented = augmentImage(decoded, CROP, IMAGES, () => random.uniform());
      const values = 24 * 24 * 3;
      expect(batch!.images.subarray(position * values, (position + 1) * values)).toEqual(
        normalized(augmented.pixels),
      );
    }
  });

  test('an evaluation uses the central view of each image, including the last partial batch', async () => {
    const table = await pictureTable(tests.folder, { count: 5 });
    const pipeline = await tests.open(table);
    const batches = await epochOf(pipeline.split('validation').batches('evaluation', 4), ascending(5));
    expect(batches.map(({ labels }) => [...labels])).toEqual([[0, 1, 0, 1], [0]]);
    const bytes = await readFile(join(table.root, nameAt(table.names, 4)));
    const view = evaluationView(await decodeImage({ kind: 'encoded', bytes }, 3), IMAGES);
    expect(batches[1]!.images).toEqual(normalized(view.pixels));
  });

  test('a training drops the last partial batch', async () => {
    const pipeline = await tests.open(await pictureTable(tests.folder, { count: 5 }));
    expect(pipeline.split('train').batches('training', 4).count).toBe(1);
    expect(pipeline.split('train').batches('training', 2).count).toBe(2);
  });

  test('gray images for one channel', async () => {
    const pipeline = await tests.open(await pictureTable(tests.folder, { count: 2 }), {
      facts: { ...FACTS, channels: 1, mean: [0], std: [1] },
    });
    const { images } = await pipeline.split('train').batches('evaluation', 2).fill(ascending(2), 0, 0);
    expect(images.length).toBe(2 * 24 * 24);
    expect(Math.max(...images)).toBeGreaterThan(0.5);
    expect(Math.max(...images)).toBeLessThanOrEqual(1);
  });
});

describe('random numbers', () => {
  test('are the same on any number of threads', async () => {
    const table = await pictureTable(tests.folder, { count: 33 });
    const one = await imagesOf(await tests.open(table, { workers: 1 }));
    expect(one.length).toBe(32 * 24 * 24 * 3 * 4);
    for (const workers of [2, 3]) {
      expect((await imagesOf(await tests.open(table, { workers }))).equals(one)).toBe(true);
    }
  });

  test('are the same for a training that resumes in the middle of an epoch', async () => {
    const table = await pictureTable(tests.folder, { count: 16 });
    const order = Uint32Array.from({ length: 16 }, (_, index) => (5 * index) % 16);
    const source = (await tests.open(table)).split('train').batches('training', 4);
    const whole = await epochOf(source, order, 2);
    const other = (await tests.open(table, { workers: 2 })).split('train').batches('training', 4);
    expect(await epochOf(other, order, 2, 2)).toEqual(whole.slice(2));
  });

  test('differ by epoch, image and seed, and between two uses of an image in one epoch', async () => {
    const picture = await pictureTable(tests.folder, { count: 1 });
    // One image under four numbers.
    const table = {
      ...picture,
      names: nameTable(Array<string>(4).fill(nameAt(picture.names, 0))),
      labels: new Uint32Array(new SharedArrayBuffer(16)),
    };
    const draw = async (seed: number, order: readonly number[], epoch: number) => {
      const source = (await tests.open(table, { seed })).split('train').batches('training', 4);
      const [batch] = await epochOf(source, Uint32Array.from(order), epoch);
      const values = 24 * 24 * 3;
      return order.map((_, position) =>
        Buffer.from(batch!.images.slice(position * values, (position + 1) * values).buffer).toString('hex'),
      );
    };
    const first = await draw(0, [0, 1, 2, 3], 0);
    expect(new Set(first).size).toBe(4);
    expect(await draw(0, [3, 2, 1, 0], 0)).toEqual([...first].reverse());
    const all = [
      ...first,
      ...(await draw(0, [0, 1, 2, 3], 1)),
      ...(await draw(1, [0, 1, 2, 3], 0)),
      // The first is the same as before, the others are drawn again.
      ...(await draw(0, [0, 0, 0, 0], 0)).slice(1),
    ];
    expect(new Set(all).size).toBe(15);
  });
});

describe('an abandoned epoch', () => {
  test.each([1, 2])('makes room for another, on the slots of %i threads', async (workers) => {
    const table = await pictureTable(tests.folder, { count: 40 });
    const pipeline = await tests.open(table, { workers });
    const order = ascending(40);
    const train = pipeline.split('train').batches('training', 4);
    const validation = pipeline.split('validation').batches('evaluation', 4);
    const [firstTrain, firstValidation] = [await epochOf(train, order), await epochOf(validation, order)];
    for (let turn = 0; turn < 8; turn++) {
      const { images } = await train.fill(order, turn, 0);
      expect(images).toEqual(firstTrain[turn]!.images);
      const shown = await validation.fill(order, 9 - turn, 0);
      expect(shown.images).toEqual(firstValidation[9 - turn]!.images);
    }
  });

  test('refuses batches that do not exist, and orders of another split', async () => {
    const pipeline = await tests.open(await pictureTable(tests.folder, { count: 4 }));
    const source = pipeline.split('train').batches('training', 4);
    await expect(source.fill(ascending(4), 1, 0)).rejects.toThrow(RangeError);
    await expect(source.fill(ascending(5), 0, 0)).rejects.toThrow(RangeError);
    expect(() => pipeline.split('train').batches('training', 5)).toThrow(RangeError);
  });
});

test('a thread that exits is a failure with a remedy, also for batches that nobody awaits yet', async () => {
  const table = await pictureTable(tests.folder, { count: 8 });
  const path = join(tests.folder, 'ends.cjs');
  await writeFile(path, "require('node:worker_threads').parentPort.on('message', () => process.exit(3));");
  const source = (await tests.open(table, { path })).split('train').batches('training', 4);
  const order = ascending(8);
  for (const index of [0, 1]) {
    const failure = {
      what: expect.stringContaining('exited with code 3'),
      remedy: expect.stringContaining('Resume the run'),
    };
    await expect(source.fill(order, index, 0)).rejects.toMatchObject({ failure });
  }
});

test('a shuffled epoch of images in several archives reads them one by one', async () => {
  // More images than a shuffle buffer holds.
  const [files, count] = [5, 10_000];
  const table: SplitTable = {
    ...{ kind: 'ranges', files: Array.from({ length: files }, (_, file) => `${file}.tar`) },
    file: Uint32Array.from({ length: count }, (_, image) => image % files),
    ...{ offset: new Float64Array(count), length: new Uint32Array(count) },
    ...{ names: nameTable(Array<string>(count).fill('')), labels: new Uint32Array(count) },
  };
  const split = (await tests.open(table)).split('train');
  const orderOf = (seed: number) =>
    epochOrder({ shuffle: true, sampling: 'uniform' }, split, Random.seeded(seed, 'dataOrder'));
  const order = orderOf(0);
  expect(new Set(order).size).toBe(count);
  expect(orderOf(0)).toEqual(order);
  expect(orderOf(1)).not.toEqual(order);
  // All files occur in any 500 images of an order that ignores files.
  const begun = new Set([...order.subarray(0, 500)].map((image) => image % files));
  expect(begun.size).toBeLessThanOrEqual(2);
  const plain = epochOrder({ shuffle: false, sampling: 'uniform' }, split, Random.seeded(0, 'dataOrder'));
  expect(plain).toEqual(ascending(count));
});
