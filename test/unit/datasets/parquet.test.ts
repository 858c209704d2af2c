import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ListedDataset, ListingOptions } from '../../../src/datasets/listing';
import { listParquet } from '../../../src/datasets/sources/parquet';
import { imageName, readStored, type SplitTable } from '../../../src/datasets/table';
import type { SplitOptions } from '../../../src/recipe/datasets';
import { datasetErrorOf, temporaryFolder } from '../data/files';
import { canMount } from '../support/mounting';
import { expected, FIXTURES, listingIn, problemsOf } from './listingHere';

const PARQUET = join(FIXTURES, 'parquet');
const SPLIT: SplitOptions = { validation: 0.4, seed: 0 };
const PLAIN = { image_column: 'picture', label_column: 'kind' };

interface Wanted {
  readonly image_column?: string;
  readonly label_column?: string;
  readonly split?: SplitOptions;
}

function list(path: string, options: ListingOptions, wanted: Wanted = {}): Promise<ListedDataset> {
  return listParquet(
    { dataset: 'parquet', path, image_column: 'image', label_column: 'label', split: SPLIT, ...wanted },
    options,
  );
}

/** Options with a separate cache for the test. */
async function fresh(more: Partial<ListingOptions> = {}): Promise<ListingOptions> {
  return { ...listingIn(PARQUET), cacheFolder: await temporaryFolder(), ...more };
}

/** Returns which of Python's images each of a table's images is, with its class. */
async function contents({ classNames }: ListedDataset, table: SplitTable | null): Promise<string[]> {
  const images = expected<string[]>('parquet images');
  const found: string[] = [];
  for (const [index, label] of (table?.labels ?? new Uint32Array()).entries()) {
    const stored = await readStored(table!, index);
    if (stored.kind !== 'encoded') throw new Error('not encoded');
    found.push(`${images.indexOf(Buffer.from(stored.bytes).toString('hex'))}: ${classNames[label]}`);
  }
  return found;
}

const names = (table: SplitTable | null) =>
  Array.from(table?.labels ?? [], (_, index) => imageName(table!, index));

describe('listParquet', () => {
  it("reads Hugging Face's shards, splits and class names", async () => {
    const listed = await list('hf', await fresh());
    expect(listed.classNames).toEqual(['zero', 'one', 'two', 'never']);
    expect(await contents(listed, listed.train)).toEqual(
      ['zero', 'one', 'two', 'zero', 'one', 'two', 'zero', 'one'].map((name, index) => `${index}: ${name}`),
    );
    expect(await contents(listed, listed.validation)).toEqual(['8: two', '9: one']);
    expect(names(listed.train)[5]).toBe('data/train-00001-of-00002.parquet#1/5.png');
    expect(listed.test).toBeNull();
    expect(problemsOf(listed)).toEqual([
      'warning bad_row 2',
      'warning empty_class 1',
      'warning no_validation_image 2',
    ]);
    expect(listed.problems[0]?.where[0]).toBe('data/test-00000-of-00001.parquet#0');
    const { train } = listed;
    if (train.kind !== 'ranges') throw new Error('not ranges');
    for (const array of [train.file, train.offset, train.length, train.labels, train.names.text]) {
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it.each(['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'indexed'])(
    'reads bytes and class names in code point order from a file of compression %s',
    async (codec) => {
      const listed = await list(`${codec}.parquet`, await fresh(), PLAIN);
      expect(listed.classNames).toEqual(['Cow', 'cat', 'dog']);
      const all = [...(await contents(listed, listed.train)), ...(await contents(listed, listed.validation))];
      const kinds = ['cat', 'dog', 'Cow', 'cat'];
      expect(all.sort()).toEqual(Array.from({ length: 12 }, (_, i) => `${i}: ${kinds[i % 4]}`).sort());
      expect(listed.validation.labels.length).toBeGreaterThan(0);
      expect(listed.test).toBeNull();
    },
  );

  it('splits by row, the same whatever the compression, or by the group column', async () => {
    const options = await fresh();
    const rows = (listed: ListedDataset) => names(listed.validation).map((name) => name.split('#')[1]);
    const plain = await list('none.parquet', options, PLAIN);
    const again = await list('none.parquet', options, PLAIN);
    expect(rows(again)).toEqual(rows(plain));
    const split = { validation: 0.5, seed: 1, group_by: 'patient' };
    const grouped = await list('none.parquet', options, { ...PLAIN, split });
    const patients = (table: SplitTable) =>
      new Set(names(table).map((name) => Math.floor(Number(name.split('#')[1]) / 3)));
    const [train, validation] = [patients(grouped.train), patients(grouped.validation)];
    expect(train.size).toBeGreaterThan(0);
    expect(validation.size).toBeGreaterThan(0);
    expect(train.size + validation.size).toBe(4);
    const byPattern = { validation: 0.4, seed: 0, group_by: '{number}.png' };
    const listed = await list('hf/data/train-00000-of-00002.parquet', options, { split: byPattern });
    expect(listed.train.labels.length + listed.validation.labels.length).toBe(4);
  });

  it('takes class names from classes.txt where labels are numbers without names', async () => {
    const folder = await temporaryFolder();
    await cp(join(PARQUET, 'missing.parquet'), join(folder, 'data.parquet'));
    await writeFile(join(folder, 'classes.txt'), 'cat\ndog\n');
    const listed = await list(folder, await fresh());
    expect(listed.classNames).toEqual(['cat', 'dog']);
  });

  it('reports rows without image or label, and skips them', async () => {
    const listed = await list('missing.parquet', await fresh());
    const all = [...(await contents(listed, listed.train)), ...(await contents(listed, listed.validation))];
    expect(all.sort()).toEqual(['0: 0', '1: 1', '4: 1', '7: 1']);
    expect(problemsOf(listed).slice(0, 2)).toEqual(['error bad_row 2', 'error bad_row 2']);
    expect(listed.problems[0]?.where).toEqual(['missing.parquet#3', 'missing.parquet#6']);
    expect(listed.problems[1]?.where).toEqual(['missing.parquet#2', 'missing.parquet#5']);
  });

  it.each(['paths', 'path-texts'])(
    'takes images from the files that %s names, only below its folder',
    async (file) => {
      const folder = await temporaryFolder();
      await mkdir(join(folder, 'pictures'));
      await cp(join(PARQUET, `${file}.parquet`), join(folder, 'train.parquet'));
      for (const [index, hex] of expected<string[]>('parquet images').entries()) {
        await writeFile(join(folder, 'pictures', `${index}.png`), Buffer.from(hex, 'hex'));
      }
      const listed = await list(folder, await fresh());
      const all = [...(await contents(listed, listed.train)), ...(await contents(listed, listed.validation))];
      expect(all.sort()).toEqual(['0: 0', '1: 1', '4: 0']);
      expect(names(listed.train).concat(names(listed.validation)).sort()[1]).toBe('pictures/1.png');
      expect(problemsOf(listed)[0]).toBe('error bad_row 2');
      expect(listed.problems[0]?.where).toEqual(['train.parquet#2: ../2.png', 'train.parquet#3: /3.png']);
    },
  );

  it('copies images once, and again if a file has changed', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'train.parquet');
    await cp(join(PARQUET, 'none.parquet'), file);
    const seen: string[] = [];
    const options = { ...(await fresh()), onProgress: (what: string) => void seen.push(what) };
    const packs = () => readdir(join(options.cacheFolder, 'parquet'));
    const first = await list(file, options, PLAIN);
    expect(seen).toContain('Unpacking train.parquet');
    expect(await packs()).toHaveLength(1);
    seen.length = 0;
    const second = await list(file, options, { ...PLAIN, split: { ...SPLIT, seed: 1 } });
    expect(seen).toEqual([]);
    expect(second.train.labels.length + second.validation.labels.length).toBe(12);
    expect(await contents(second, second.train)).not.toEqual(await contents(first, first.train));
    await utimes(file, new Date(), new Date(2001, 1, 1));
    await list(file, options, PLAIN);
    expect(seen).not.toEqual([]);
    expect(await packs()).toHaveLength(2);
  });

  it.each([
    ['a cut table', 'images.table', (content: Buffer) => content.subarray(0, -8)],
    ['a cut pack', 'images.pack', (content: Buffer) => content.subarray(0, -1)],
    ['another file', 'images.table', () => Buffer.from('x'.repeat(100))],
    ['an empty table', 'images.table', () => Buffer.alloc(0)],
    ['a damaged header', 'images.table', (content: Buffer) => content.fill('{', 16, 40)],
  ])('copies them again if the cache has %s', async (_, name, change) => {
    const options = await fresh();
    const before = await list('none.parquet', options, PLAIN);
    const images = await contents(before, before.train);
    const [pack = ''] = await readdir(join(options.cacheFolder, 'parquet'));
    const path = join(options.cacheFolder, 'parquet', pack, name);
    await writeFile(path, change(await readFile(path)));
    const after = await list('none.parquet', options, PLAIN);
    expect(await contents(after, after.train)).toEqual(images);
    expect(await readdir(join(options.cacheFolder, 'parquet'))).toEqual([pack]);
  });

  it('can be cancelled, which leaves nothing; leftovers of a dead process are removed', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = await fresh({ signal: controller.signal, onProgress: () => controller.abort(reason) });
    // Larger than any process id.
    const left = join(options.cacheFolder, 'parquet', 'key.99999999.x.unfinished');
    await mkdir(left, { recursive: true });
    await expect(list('none.parquet', options, PLAIN)).rejects.toBe(reason);
    expect(await readdir(join(options.cacheFolder, 'parquet'))).toEqual([]);
  });

  it('can be done twice at once', async () => {
    const options = await fresh();
    const [one, two] = await Promise.all([
      list('none.parquet', options, PLAIN),
      list('none.parquet', options, PLAIN),
    ]);
    expect(await contents(one!, one!.train)).toEqual(await contents(two!, two!.train));
    expect(await readdir(join(options.cacheFolder, 'parquet'))).toHaveLength(1);
  });

  it.each([
    [
      'a missing column of images',
      'none',
      {},
      'There is no column image. The columns are: picture, kind, patient, width.',
      'data.image_column',
    ],
    [
      'a missing column of labels',
      'none',
      { image_column: 'picture' },
      'There is no column label',
      'data.label_column',
    ],
    [
      'a missing column of groups',
      'none',
      { ...PLAIN, split: { ...SPLIT, group_by: 'case' } },
      'There is no column case',
      'data.split.group_by',
    ],
    [
      'images that are numbers',
      'numbers',
      {},
      'The column image has neither image bytes nor image paths',
      'Image()',
    ],
    [
      'several labels',
      'several-labels',
      {},
      'The column label has several values for each image',
      'data.label_column',
    ],
    ['no images', 'no-images', {}, 'No row has an image in the column image.', 'data.image_column'],
    ['negative labels', 'negative', {}, '-7 is not a valid class number', 'from 0'],
  ])('explains %s', async (_, file, wanted, what, remedy) => {
    const options = await fresh();
    const error = await datasetErrorOf(list(`${file}.parquet`, options, wanted));
    expect(error.where).toBe(join(PARQUET, `${file}.parquet`));
    expect(error.what).toContain(what);
    expect(error.remedy).toContain(remedy);
    expect(await readdir(join(options.cacheFolder, 'parquet'))).toHaveLength(file === 'negative' ? 1 : 0);
  });

  it.each<[string, (content: Buffer) => Uint8Array]>([
    ['a cut file', (content) => content.subarray(0, -100)],
    [
      'a file cut in its middle, with its end',
      (content) => Buffer.concat([content.subarray(0, 200), content.subarray(-1800)]),
    ],
    ['text', () => Buffer.from('<!doctype html><html></html>')],
    ['an empty file', () => Buffer.alloc(0)],
    ['a length of metadata that lies', (content) => withUint32(content, content.length - 8, 0x7fffffff)],
    ['damaged metadata', (content) => content.fill(0xff, content.length - 600, content.length - 500)],
    ['a damaged page header', (content) => content.fill(0xff, 4, 30)],
  ])('explains %s', async (_, change) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'train.parquet');
    await writeFile(path, change(await readFile(join(PARQUET, 'none.parquet'))));
    const options = await fresh();
    const error = await datasetErrorOf(list(path, options, PLAIN));
    expect(error.where).toBe(path);
    expect(error.what).toContain('The file cannot be read as Parquet');
    expect(await readdir(join(options.cacheFolder, 'parquet'))).toEqual([]);
  });

  async function folderOf(...files: string[]): Promise<string> {
    const folder = await temporaryFolder();
    for (const file of files) {
      await mkdir(join(folder, file, '..'), { recursive: true });
      await cp(join(PARQUET, 'none.parquet'), join(folder, file));
    }
    return folder;
  }

  it.each([
    [
      'a missing shard',
      ['train-00000-of-00003.parquet', 'train-00001-of-00003.parquet'],
      'There are 2 train files, but their names say 3.',
    ],
    [
      'several data sets',
      ['a/train-0.parquet', 'b/train-0.parquet'],
      'The train files are in several folders: a, b.',
    ],
    ['no training files', ['test-0.parquet'], 'There are no training files. Files found: test-0.parquet.'],
    ['no files', ['.hidden/train.parquet'], 'There are no .parquet files here.'],
  ])('explains %s', async (_, files, what) => {
    const folder = await folderOf(...files);
    expect(await datasetErrorOf(list(folder, await fresh(), PLAIN))).toMatchObject({ where: folder, what });
  });

  it('reads one folder per split, and warns about files of no split', async () => {
    const folder = await folderOf(
      'train/0000.parquet',
      'validation/0000.parquet',
      'test/0000.parquet',
      'extra.parquet',
    );
    const listed = await list(folder, await fresh(), PLAIN);
    expect(names(listed.validation)[0]).toBe('validation/0000.parquet#0');
    expect([listed.train, listed.validation, listed.test].map((table) => table?.labels.length)).toEqual([
      12, 12, 12,
    ]);
    expect(listed.problems[0]).toMatchObject({ count: 1, where: ['extra.parquet'] });
  });

  it('refuses shards whose classes differ', async () => {
    const folder = await temporaryFolder();
    await cp(join(PARQUET, 'hf', 'data', 'train-00000-of-00002.parquet'), join(folder, 'train-a.parquet'));
    await cp(join(PARQUET, 'missing.parquet'), join(folder, 'train-b.parquet'));
    const error = await datasetErrorOf(list(folder, await fresh()));
    expect(error.where).toBe(join(folder, 'train-b.parquet'));
    expect(error.what).toContain('Its classes differ from those of');
  });

  it('explains a missing path', async () => {
    expect((await datasetErrorOf(list('none-here', await fresh()))).what).toContain(
      'The file or folder cannot be read',
    );
  });

  it.skipIf(!canMount).each([
    [
      'before it begins, where there is no room for the images',
      1500,
      'The unpacked images need 1.56 KiB, but the disk has 0 bytes free.',
    ],
    ['where the last of it does not fit', 0, 'no space left on the disk'],
  ])('explains a full disk %s', async (_, filler, what) => {
    const disk = await temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', disk]);
    try {
      if (filler > 0) await writeFile(join(disk, 'filler'), Buffer.alloc(filler));
      const options = { ...listingIn(PARQUET), cacheFolder: disk };
      const error = await datasetErrorOf(list('none.parquet', options, PLAIN));
      expect(error.what).toContain(what);
      expect(error.remedy).toContain('BAG_OF_TRICKS_CACHE');
      expect(await readdir(join(disk, 'parquet'))).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});

function withUint32(content: Buffer, at: number, value: number): Buffer {
  content.writeUInt32LE(value, at);
  return content;
}
