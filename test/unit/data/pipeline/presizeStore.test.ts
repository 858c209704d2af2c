import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameTable, type SplitTable } from '../../../../src/datasets/table';
import { claimLease } from '../../../../src/runs/lease/lease';
import { resize } from '../../../../src/training/augmentation/resize';
import type { ImagePipeline } from '../../../../src/training/data/pipeline/imagePipeline';
import { presized } from '../../../../src/training/data/pipeline/preparer';
import {
  checksumOf,
  decodeRecords,
  encodeRecords,
  type StoredPixels,
} from '../../../../src/training/data/pipeline/presizeIndex';
import { presizeKey } from '../../../../src/training/data/pipeline/presizeStore';
import { pictureTable } from './pictures';
import { IMAGES, imagesOf, pipelineTests } from './pipelines';

const tests = pipelineTests();
const COUNT = 16;
const PRESIZED = { ...IMAGES, presize: 32 };

/** Writes pictures for a pipeline that resizes each of them once. */
async function pictures(): Promise<SplitTable & { kind: 'files' }> {
  return pictureTable(join(tests.folder, 'pictures'), { count: COUNT });
}

function openStored(table: SplitTable, freeBytes?: number): Promise<ImagePipeline> {
  const store = {
    folder: join(tests.folder, 'stores'),
    key: 'key',
    ...(freeBytes !== undefined && { freeBytes }),
  };
  return tests.open(table, { images: PRESIZED, store, workers: 2 });
}

const storeFile = (name: string) => join(tests.folder, 'stores', 'key', name);

/** Returns the images of two epochs, computed without a store. */
async function expectedEpochs(table: SplitTable): Promise<[Buffer, Buffer]> {
  const pipeline = await tests.open(table, { images: PRESIZED });
  return [await imagesOf(pipeline), await imagesOf(pipeline, { epoch: 1 })];
}

async function deletePictures(): Promise<void> {
  await rm(join(tests.folder, 'pictures'), { recursive: true });
}

describe('a store of resized images', () => {
  test('returns the images of the first epoch, which filled it', async () => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const pipeline = await openStored(table);
    expect((await imagesOf(pipeline)).equals(first)).toBe(true);
    await deletePictures();
    expect((await imagesOf(pipeline)).equals(first)).toBe(true);
    expect((await imagesOf(pipeline, { epoch: 1 })).equals(second)).toBe(true);
    expect(tests.notes).toEqual([]);
  });

  test('differs from images that are not resized once', async () => {
    const table = await pictures();
    const [first] = await expectedEpochs(table);
    expect((await imagesOf(await tests.open(table))).equals(first)).toBe(false);
  });

  test('serves later runs, and is not written twice', async () => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const pipeline = await openStored(table);
    await imagesOf(pipeline);
    await pipeline.close();
    const { size } = await stat(storeFile('pixels'));
    const index = await readFile(storeFile('index'));
    expect((await readdir(join(tests.folder, 'stores', 'key'))).sort()).toEqual([
      ...['index', 'lease.1', 'pixels'],
    ]);
    await deletePictures();
    const later = await openStored(table);
    expect((await imagesOf(later)).equals(first)).toBe(true);
    expect((await imagesOf(later, { epoch: 1 })).equals(second)).toBe(true);
    await later.close();
    expect((await stat(storeFile('pixels'))).size).toBe(size);
    expect(await readFile(storeFile('index'))).toEqual(index);
  });

  test('is read by others while one process writes it, and continued once that process is gone', async () => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const writer = await openStored(table);
    await imagesOf(writer, {
      count: COUNT,
      order: Uint32Array.from({ length: COUNT }, (_, index) => index % 8),
    });
    await writer.close();
    const half = await readFile(storeFile('index'));
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    expect((await claimLease(join(tests.folder, 'stores', 'key'), 'training', other.pid)).ok).toBe(true);
    const reader = await openStored(table);
    expect((await imagesOf(reader)).equals(first)).toBe(true);
    expect(await readFile(storeFile('index'))).toEqual(half);
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect((await imagesOf(reader, { epoch: 1 })).equals(second)).toBe(true);
    await reader.close();
    const { stored } = decodeRecords((await readFile(storeFile('index'))).subarray(25), COUNT);
    const before = (half.length - 25) / 20;
    const added = stored.slice(before).map(({ image }) => image);
    expect(added.sort((a, b) => a - b)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });

  test.each<[string, () => Promise<void>]>([
    ['a half written record', () => appendFile(storeFile('index'), Buffer.alloc(11, 7))],
    ['a record that is none', () => appendFile(storeFile('index'), Buffer.alloc(40, 7))],
    ['pixels that are cut short', () => truncate(storeFile('pixels'), 9000)],
    ['pixels of another', () => damage(storeFile('pixels'))],
    ['an index of another kind', () => writeFile(storeFile('index'), 'another version')],
    ['an index without its pixels', () => rm(storeFile('pixels'))],
  ])('left by a crash with %s costs only time', async (_, crash) => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const pipeline = await openStored(table);
    await imagesOf(pipeline);
    await pipeline.close();
    await crash();
    for (let run = 0; run < 2; run++) {
      const later = await openStored(table);
      expect((await imagesOf(later)).equals(first)).toBe(true);
      expect((await imagesOf(later, { epoch: 1 })).equals(second)).toBe(true);
      await later.close();
    }
  });

  test('leaves free space on its disk, and says so once', async () => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const pipeline = await openStored(table, 2 ** 60);
    expect((await imagesOf(pipeline)).equals(first)).toBe(true);
    expect((await imagesOf(pipeline, { epoch: 1 })).equals(second)).toBe(true);
    expect(tests.notes).toEqual([
      expect.stringMatching(/no longer stored in .* \(no space left on the disk\)/),
    ]);
  });

  test('that disappears costs only time, and says so', async () => {
    const table = await pictures();
    const [first, second] = await expectedEpochs(table);
    const pipeline = await openStored(table);
    await rm(join(tests.folder, 'stores'), { recursive: true });
    expect((await imagesOf(pipeline)).equals(first)).toBe(true);
    expect((await imagesOf(pipeline, { epoch: 1 })).equals(second)).toBe(true);
    expect(tests.notes).toEqual([expect.stringContaining('are decoded in every epoch')]);
  });

  test('that cannot be created costs only time, and says so', async () => {
    const table = await pictures();
    const [first] = await expectedEpochs(table);
    await writeFile(join(tests.folder, 'stores'), 'a file in its place');
    expect((await imagesOf(await openStored(table))).equals(first)).toBe(true);
    expect(tests.notes).toHaveLength(1);
  });
});

async function damage(path: string): Promise<void> {
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at += 1000) bytes[at] = bytes[at]! ^ 0x10;
  await writeFile(path, bytes);
}

describe('the key of a store', () => {
  const table = (names: readonly string[]): SplitTable => ({
    ...{ kind: 'files', root: '/', names: nameTable(names), labels: new Uint32Array(names.length) },
  });
  const resizing = { presize: 256, interpolation: 'bilinear', channels: 3 } as const;
  const key = presizeKey('f00d', [table(['a', 'b']), table(['c'])], resizing);

  test('is the same for the same images', () => {
    expect(presizeKey('f00d', [table(['a', 'b']), table(['c'])], { ...resizing })).toBe(key);
    expect(key).toMatch(/^[0-9a-f]{16}-presize-256$/);
  });

  test('differs for other images, another order, or another way to resize', () => {
    const others = [
      presizeKey('beef', [table(['a', 'b']), table(['c'])], resizing),
      presizeKey('f00d', [table(['b', 'a']), table(['c'])], resizing),
      presizeKey('f00d', [table(['a']), table(['b', 'c'])], resizing),
      presizeKey('f00d', [table(['a', 'b']), table(['c'])], { ...resizing, presize: 128 }),
      presizeKey('f00d', [table(['a', 'b']), table(['c'])], { ...resizing, interpolation: 'bicubic' }),
      presizeKey('f00d', [table(['a', 'b']), table(['c'])], { ...resizing, channels: 1 }),
    ];
    expect(new Set([key, ...others]).size).toBe(7);
  });
});

describe('resizing once', () => {
  const image = (height: number, width: number) => ({
    ...{ pixels: Uint8Array.from({ length: height * width }, (_, index) => (index * 37) % 256) },
    ...{ height, width, channels: 1 },
  });

  test('scales the short edge to the size, and the long one in proportion', () => {
    const photo = image(30, 45);
    const box = { top: 0, left: 0, height: 30, width: 45 };
    expect(presized(photo, 10, 'bilinear')).toEqual(
      resize(photo, box, { height: 10, width: 15 }, 'bilinear'),
    );
    expect(presized(image(46, 31), 10, 'bilinear')).toMatchObject({ height: 14, width: 10 });
  });

  test('does not change smaller images', () => {
    const small = image(10, 45);
    expect(presized(small, 10, 'bilinear')).toBe(small);
  });
});

describe('the records of an index', () => {
  const integer = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const side = fc.integer({ min: 1, max: 0xffff });
  const record = fc.record({
    ...{
      image: fc.integer({ min: 0, max: 99 }),
      block: integer,
      height: side,
      width: side,
      checksum: integer,
    },
  });

  test('are read as written, up to the first damaged one', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 9 }),
        fc.nat(),
        fc.nat(7),
        (records, at, bit) => {
          const bytes = encodeRecords(records);
          expect(decodeRecords(bytes, 100)).toEqual({ stored: records, end: bytes.length });
          const place = at % bytes.length;
          bytes[place] = bytes[place]! ^ (1 << bit);
          const good = Math.floor(place / 20);
          expect(decodeRecords(bytes, 100)).toEqual({ stored: records.slice(0, good), end: 20 * good });
          expect(decodeRecords(bytes.subarray(0, place), 100).stored).toEqual(records.slice(0, good));
        },
      ),
    );
  });

  test('of images that do not exist are none', () => {
    const stored: StoredPixels = { image: 5, block: 0, height: 1, width: 1, checksum: 0 };
    expect(decodeRecords(encodeRecords([stored]), 5).stored).toEqual([]);
  });

  test('the checksum of pixels detects any changed byte, and depends only on the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.nat(), (pixels, at) => {
        const checksum = checksumOf(pixels);
        const shifted = new Uint8Array(pixels.length + 1);
        shifted.set(pixels, 1);
        expect(checksumOf(shifted.subarray(1))).toBe(checksum);
        const changed = pixels.slice();
        changed[at % pixels.length] = changed[at % pixels.length]! ^ 1;
        expect(checksumOf(changed)).not.toBe(checksum);
      }),
    );
  });
});
