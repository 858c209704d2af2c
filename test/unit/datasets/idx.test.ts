import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { listIdx } from '../../../src/datasets/sources/idx';
import { datasetErrorOf, idxBytes, SMALL, smallFolder, temporaryFolder } from '../data/files';
import { expected, FIXTURES, imagesOf, listingIn, pixelsOf, SPLIT } from './listingHere';

const list = (path: string, folder = '/nowhere', validation = SPLIT.validation) =>
  listIdx({ dataset: 'idx', path, split: { seed: 0, validation } }, listingIn(folder));

const EMNIST = join(FIXTURES, 'idx');

describe('listIdx', () => {
  it("reads EMNIST's files and mapping as torchvision does", async () => {
    const listed = await list(EMNIST);
    expect(listed.classNames).toEqual(['0', 'A', 'a']);
    const test = pixelsOf(listed.test);
    expect([test.height, test.width, test.channels]).toEqual([3, 2, 1]);
    expect([...test.pixels]).toEqual(expected<number[]>('idx test images-idx3'));
    expect([...test.labels]).toEqual(expected<number[]>('idx test labels-idx1'));
    const pixels = expected<number[]>('idx train images-idx3');
    const labels = expected<number[]>('idx train labels-idx1');
    expect(imagesOf(listed.train, listed.validation)).toEqual(
      labels.map((label, i) => `${label}: ${pixels.slice(i * 6, i * 6 + 6)}`).sort(),
    );
    expect(listed.validation.labels.length).toBeGreaterThan(0);
    expect(listed.train.labels.length).toBeGreaterThan(0);
  });

  it('splits only by image number and seed, and keeps the published test images out of it', async () => {
    const listed = await list(await smallFolder());
    const again = await list(await smallFolder());
    expect(pixelsOf(again.validation).labels).toEqual(pixelsOf(listed.validation).labels);
    expect(imagesOf(listed.test!)).toEqual(['8: 249,248,247,246,245,244', '9: 255,254,253,252,251,250']);
    expect(pixelsOf(listed.train).pixels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(pixelsOf(listed.validation).pixels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(listed.train.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each([
    ['with dots, plain', (name: string) => name.replace('-idx', '.idx'), (bytes: Buffer) => bytes],
    ['gzipped, with capitals', (name: string) => `MNIST-${name}.gz`, gzipSync],
  ])('finds files named %s', async (_, nameOf, pack) => {
    const folder = await temporaryFolder();
    for (const [name, bytes] of Object.entries(SMALL))
      await writeFile(join(folder, nameOf(name)), pack(bytes));
    expect((await list('.', folder)).test?.labels).toEqual(Uint32Array.of(9, 8));
  });

  it("finds files in torchvision's folder raw", async () => {
    const folder = await temporaryFolder();
    await cp(await smallFolder(), join(folder, 'raw'), { recursive: true });
    expect((await list('.', folder)).test?.labels).toEqual(Uint32Array.of(9, 8));
  });

  it('selects one of several data sets in a folder by its prefix, and lists them if none is given', async () => {
    const folder = await temporaryFolder();
    await cp(EMNIST, folder, { recursive: true });
    for (const [name, bytes] of Object.entries(SMALL)) {
      await writeFile(join(folder, `emnist-small-${name.replace('t10k', 'test')}`), bytes);
    }
    const error = await datasetErrorOf(list('.', folder));
    expect(error.what).toBe('The folder has 2 data sets: emnist-balanced, emnist-small.');
    expect(error.remedy).toBe(
      `End the path with the prefix of one, such as ${join(folder, 'emnist-balanced')}.`,
    );
    expect((await list('emnist-small', folder)).test?.labels).toEqual(Uint32Array.of(9, 8));
    const byFile = 'emnist-balanced-train-labels-idx1-ubyte.gz';
    expect((await list(byFile, folder)).classNames).toEqual(['0', 'A', 'a']);
  });

  it('reads the class names of classes.txt, and warns about classes without images', async () => {
    const folder = await smallFolder();
    const names = Array.from({ length: 10 }, (_, label) => `kind ${label}`);
    await writeFile(join(folder, 'classes.txt'), `${names.join('\r\n')}\r\n`);
    const listed = await list(folder);
    expect(listed.classNames).toEqual(names);
    const empty = listed.problems.find(({ kind }) => kind === 'empty_class');
    expect(empty?.where).toEqual(expect.arrayContaining(['kind 6', 'kind 7', 'kind 8', 'kind 9']));
  });

  it('refuses too few or repeated class names', async () => {
    const folder = await smallFolder();
    await writeFile(join(folder, 'classes.txt'), 'a\nb\n');
    expect((await datasetErrorOf(list(folder))).what).toMatch(/^The file names 2 classes, but .* label 9/);
    await writeFile(join(folder, 'classes.txt'), 'a\nb\na\n');
    expect((await datasetErrorOf(list(folder))).what).toBe('Classes 0 and 2 are both called a.');
  });

  const IMAGES = 'train-images-idx3-ubyte.gz';
  const LABELS = 'train-labels-idx1-ubyte.gz';
  const images = SMALL['train-images-idx3-ubyte'];
  const huge = Buffer.from(images);
  huge.writeUInt32BE(0xffffffff, 4);

  it.each([
    [
      'a wrong magic number',
      IMAGES,
      gzipSync(Buffer.alloc(64, 1)),
      'This is not an IDX file of unsigned bytes.',
    ],
    [
      'labels in place of images',
      IMAGES,
      gzipSync(idxBytes([12], new Uint8Array(12))),
      'has 1 dimensions, not 3',
    ],
    [
      'cut gzip data',
      IMAGES,
      gzipSync(images).subarray(0, -12),
      'The file is truncated: its gzip data ends early.',
    ],
    ['damaged gzip data', IMAGES, damaged(gzipSync(images)), 'The gzip data is damaged'],
    ['a cut file', IMAGES, images.subarray(0, -5), 'The file is truncated: 47 of 52 bytes.'],
    ['cut content in whole gzip data', IMAGES, gzipSync(images.subarray(0, -5)), 'truncated: 47 of 52 bytes'],
    [
      'content too long',
      IMAGES,
      Buffer.concat([images, images]),
      'The file is too long: 104 bytes instead of 52.',
    ],
    ['gzipped content too long', IMAGES, gzipSync(Buffer.concat([images, images])), 'The file is too long'],
    ['a length that lies past any memory', IMAGES, huge, 'The file is truncated'],
    ['such a length in gzip data', IMAGES, gzipSync(huge), 'The file is truncated'],
    ['an empty file', IMAGES, Buffer.alloc(0), 'The file is truncated: 0 of at least 16 bytes.'],
    ['more labels than images', LABELS, idxBytes([7], new Uint8Array(7)), 'has 7 labels'],
  ])('explains %s, with the file', async (_, file, content, what) => {
    const folder = await smallFolder();
    await writeFile(join(folder, file), content);
    const error = await datasetErrorOf(list(folder));
    expect(error.where).toBe(join(folder, file));
    expect(error.what).toContain(what);
    expect(error.remedy).not.toBe('');
  });

  it('explains a folder with missing files, without any, or that does not exist', async () => {
    const folder = await smallFolder();
    await rm(join(folder, LABELS));
    expect((await datasetErrorOf(list(folder))).what).toBe('The training labels are missing.');
    const empty = join(folder, 'empty');
    await mkdir(empty);
    expect((await datasetErrorOf(list(empty))).what).toMatch(/^There are no IDX files/);
    expect((await datasetErrorOf(list(join(folder, 'none', 'here')))).what).toMatch(
      /^There are no IDX files/,
    );
  });

  it('explains a folder in place of a file', async () => {
    const folder = await smallFolder();
    await rm(join(folder, LABELS));
    await mkdir(join(folder, LABELS));
    expect((await datasetErrorOf(list(folder))).what).toBe('This is not a file.');
  });

  it('refuses groups, which numbered images do not have', async () => {
    const split = { ...SPLIT, group_by: 'patient' };
    const work = listIdx({ dataset: 'idx', path: EMNIST, split }, listingIn('/nowhere'));
    await expect(work).rejects.toThrow('data.split.group_by needs paths or columns');
  });

  it('ends with the reason of the abort', async () => {
    const reason = new Error('enough');
    const work = listIdx(
      { dataset: 'idx', path: EMNIST, split: SPLIT },
      listingIn('/nowhere', { signal: AbortSignal.abort(reason) }),
    );
    await expect(work).rejects.toBe(reason);
  });

  it('refuses test images of another size', async () => {
    const folder = await temporaryFolder();
    await cp(EMNIST, folder, { recursive: true });
    const file = join(folder, 'emnist-balanced-test-images-idx3-ubyte.gz');
    const content = gunzipSync(await readFile(file));
    content.writeUInt32BE(2, 8);
    content.writeUInt32BE(3, 12);
    await writeFile(file, gzipSync(content));
    expect((await datasetErrorOf(list(folder))).what).toBe(
      'Its images are 2 x 3, but the training images are 3 x 2.',
    );
  });
});

/** Flips bytes in the middle of the compressed data. */
function damaged(bytes: Buffer): Buffer {
  for (let at = 12; at < 20; at++) bytes[at]! ^= 0xff;
  return bytes;
}
