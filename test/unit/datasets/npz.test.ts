import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listNpz } from '../../../src/datasets/sources/npz';
import type { SplitTable } from '../../../src/datasets/table';
import { datasetErrorOf, temporaryFolder } from '../data/files';
import { expected, FIXTURES, imagesOf, listingIn, pixelsOf, SPLIT } from './listingHere';

const NPZ = join(FIXTURES, 'npz');
const list = (path: string, folder = NPZ) =>
  listNpz({ dataset: 'npz', path, split: SPLIT }, listingIn(folder));

/** Returns Python's images `from` to `to` in the format of `imagesOf`. */
function expectedImages(name: 'npz colour' | 'npz grey', from: number, to: number): string[] {
  const pixels = expected<number[][]>(name);
  const labels = expected<number[]>('npz labels');
  return labels
    .map((label, index) => `${label}: ${pixels[index]}`)
    .slice(from, to)
    .sort();
}

const shapeOf = (table: SplitTable | null) => {
  const { height, width, channels } = pixelsOf(table);
  return [height, width, channels];
};

describe('listNpz', () => {
  it.each([
    ['medmnist.npz', 'npz colour', 3],
    ['medmnist-grey-stored.npz', 'npz grey', 1],
  ] as const)(
    "reads MedMNIST's layout with its own validation images: %s",
    async (file, images, channels) => {
      const listed = await list(file);
      expect(listed.classNames).toEqual(['0', '1', '2']);
      expect(imagesOf(listed.train)).toEqual(expectedImages(images, 0, 6));
      expect(imagesOf(listed.validation)).toEqual(expectedImages(images, 6, 8));
      expect(imagesOf(listed.test!)).toEqual(expectedImages(images, 8, 10));
      for (const table of [listed.train, listed.validation, listed.test]) {
        expect(shapeOf(table)).toEqual([4, 5, channels]);
        expect(pixelsOf(table).pixels.buffer).toBeInstanceOf(SharedArrayBuffer);
        expect(pixelsOf(table).labels.buffer).toBeInstanceOf(SharedArrayBuffer);
      }
    },
  );

  it.each([
    ['keras.npz', 'npz grey'],
    ['keras-floats.npz', 'npz colour'],
  ] as const)("splits validation from train in Keras' layout: %s", async (file, images) => {
    const listed = await list(file);
    expect(imagesOf(listed.train, listed.validation)).toEqual(expectedImages(images, 0, 8));
    expect(listed.validation.labels.length).toBeGreaterThan(0);
    expect(imagesOf(listed.test!)).toEqual(expectedImages(images, 8, 10));
  });

  it('has no test split if the file has none', async () => {
    const listed = await list('train-only.npz');
    expect(listed.test).toBeNull();
    expect(shapeOf(listed.train)).toEqual([4, 5, 1]);
    expect(imagesOf(listed.train, listed.validation)).toEqual(expectedImages('npz grey', 0, 10));
  });

  it('reads the class names of classes.txt next to it', async () => {
    const folder = await temporaryFolder();
    await copyFile(join(NPZ, 'keras.npz'), join(folder, 'mine.npz'));
    await writeFile(join(folder, 'classes.txt'), 'cat\ndog\ncow\n');
    expect((await list('mine.npz', folder)).classNames).toEqual(['cat', 'dog', 'cow']);
  });

  it.each([
    ['unit-floats', 'x_train', /^Value \d+ is 0\.\d+, but pixels must be/, '* 255'],
    ['unit-whole-floats', 'x_train', 'Its values are from 0 to 1', '* 255'],
    ['past-bytes', 'x_train', /^Value \d+ is \d{3}, but pixels must be whole numbers/, 'uint8'],
    ['objects', 'y_train', "Its type is '|O'", 'plain numbers'],
    [
      'several-labels',
      'train_labels',
      'Its shape is [6, 4]: each image has several labels',
      'y.argmax(axis=1)',
    ],
    ['channels-first', 'x_train', 'Its shape is [8, 3, 4, 5], but images must be', 'x.transpose(0, 2, 3, 1)'],
    ['volumes', 'x_train', 'Its shape is [8, 4, 4, 4]', 'two-dimensional'],
    ['fortran', 'x_train', 'Fortran order', 'np.ascontiguousarray'],
    ['negative-label', 'y_train', 'Label 0 is -1, but class numbers', 'without a label'],
    ['fewer-labels', 'y_train', 'It has 5 labels, but x_train has 8 images.', 'per image'],
    ['empty', 'x_train', 'Its shape is [0, 4, 5]', 'one or more'],
  ])('explains %s, with the array', async (file, array, what, remedy) => {
    const error = await datasetErrorOf(list(`${file}.npz`));
    expect(error.where).toBe(`${join(NPZ, `${file}.npz`)}, ${array}`);
    if (typeof what === 'string') expect(error.what).toContain(what);
    else expect(error.what).toMatch(what);
    expect(error.remedy).toContain(remedy);
  });

  it.each([
    ['no-labels', 'It has x_train, but no y_train.'],
    ['other-names', 'It has no training images. Its arrays: arr_0, arr_1.'],
    ['other-size', 'Images have different sizes: 4 x 5 x 1 in x_train, but 3 x 5 x 1 in another split.'],
  ])('explains %s', async (file, what) => {
    expect((await datasetErrorOf(list(`${file}.npz`))).what).toBe(what);
  });

  /** Copies a fixture and changes some of its bytes. */
  async function changed(file: string, change: (content: Buffer) => Buffer): Promise<string> {
    const folder = await temporaryFolder();
    await writeFile(join(folder, file), change(await readFile(join(NPZ, file))));
    return folder;
  }
  /** Returns the offset of an array's values in an uncompressed archive. */
  const valuesOf = (content: Buffer, array: string) =>
    content.indexOf('\x93NUMPY', content.indexOf(`${array}.npy`), 'latin1') + 128;

  it.each<[string, string, (content: Buffer) => Buffer, RegExp]>([
    ['a cut file', 'keras.npz', (content) => content.subarray(0, -40), /This is not a readable \.npz file/],
    ['text', 'keras.npz', () => Buffer.from('x'.repeat(200)), /\.npz file: .* file is truncated\. Specify /],
    ['an empty file', 'keras.npz', () => Buffer.alloc(0), /This is not a readable \.npz file/],
    [
      'a flipped bit in the images',
      'medmnist-grey-stored.npz',
      (content) => {
        content[valuesOf(content, 'train_images')]! ^= 1;
        return content;
      },
      /train_images: The array cannot be read: its checksum is wrong/,
    ],
    [
      'a flipped bit in the labels',
      'medmnist-grey-stored.npz',
      (content) => {
        content[valuesOf(content, 'train_labels')]! ^= 1;
        return content;
      },
      /train_labels: The array cannot be read: its checksum is wrong/,
    ],
    [
      'a shape that lies',
      'medmnist-grey-stored.npz',
      (content) => {
        const start = valuesOf(content, 'train_images') - 118;
        const header = content.toString('latin1', start, start + 118);
        content.write(header.replace('(6,', '(9999999,').replace(/ {6}\n$/, '\n'), start, 'latin1');
        return content;
      },
      /train_images: It has 248 bytes, but uint8 of shape \[9999999, 4, 5\] needs 200000108/,
    ],
    [
      'a size that lies',
      'medmnist.npz',
      (content) => {
        const at = content.lastIndexOf('train_images.npy') - 46;
        content.writeUInt32LE(0xf0000000, at + 24);
        return content;
      },
      /The archive is damaged: train_images would have 4026531840 bytes/,
    ],
  ])('explains %s', async (_, file, change, what) => {
    const work = list(file, await changed(file, change));
    await expect(work).rejects.toThrow(what);
    await expect(work).rejects.toHaveProperty('name', 'UserError');
  });

  it('explains a missing file, and a folder', async () => {
    await expect(list('none.npz')).rejects.toThrow("Specify a file written by NumPy's savez.");
    expect((await datasetErrorOf(list('.'))).what).toBe('This is not a file.');
  });

  it('reports progress, and ends with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: string[] = [];
    const work = listNpz(
      { dataset: 'npz', path: 'medmnist.npz', split: SPLIT },
      listingIn(NPZ, {
        signal: controller.signal,
        onProgress: (what) => {
          seen.push(what);
          controller.abort(reason);
        },
      }),
    );
    await expect(work).rejects.toBe(reason);
    expect(seen).toEqual(['train_images']);
  });
});
