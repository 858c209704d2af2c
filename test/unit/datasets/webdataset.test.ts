import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ListedDataset } from '../../../src/datasets/listing';
import { listWebdataset } from '../../../src/datasets/sources/webdataset';
import { imageName, readStored, type SplitTable } from '../../../src/datasets/table';
import type { SplitOptions } from '../../../src/recipe/datasets';
import { datasetErrorOf, temporaryFolder } from '../data/files';
import { expected, FIXTURES, listingIn, problemsOf } from './listingHere';
import { type TarEntry, tarBytes } from './tarBytes';

const SHARDS = join(FIXTURES, 'shards');
const NO_VALIDATION: SplitOptions = { validation: 1e-9, seed: 0 };

interface Patterns {
  readonly train: string;
  readonly validation?: string;
  readonly test?: string;
}

const list = (folder: string, patterns: Patterns, split = NO_VALIDATION) =>
  listWebdataset({ dataset: 'webdataset', split, ...patterns }, listingIn(folder));

/** Writes a folder of shards, by name. */
async function folderOf(shards: Readonly<Record<string, readonly TarEntry[] | Uint8Array | string>>) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(shards)) {
    const isData = typeof content === 'string' || content instanceof Uint8Array;
    await writeFile(join(folder, name), isData ? content : tarBytes(content as TarEntry[]));
  }
  return folder;
}

/** Returns samples that each consist of an image file and a .cls file. */
function samples(labels: Readonly<Record<string, string | number>>): TarEntry[] {
  return Object.entries(labels).flatMap(([key, label]) => [
    { name: `${key}.jpg`, content: `image ${key}` },
    { name: `${key}.cls`, content: String(label) },
  ]);
}

/** Returns each image's name and class in table order. */
function contents({ classNames }: ListedDataset, table: SplitTable | null): string[] {
  return Array.from(table?.labels ?? [], (label, i) => `${imageName(table!, i)}: ${classNames[label]}`);
}

describe('listWebdataset', () => {
  it("reads the shards of Python's tarfile in its three formats", async () => {
    const listed = await list(SHARDS, { train: 'train-{000..002}.tar' });
    expect(listed.classNames).toEqual(['zero', 'one', 'two']);
    expect([...listed.train.labels]).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(listed.problems.map(({ kind }) => kind)).toEqual(['no_validation_image']);
    const { train } = listed;
    const images = ['000', '001', '002'].flatMap((number) =>
      expected<[string, number, number][]>(`tar ${number}`)
        .filter(([name]) => name.endsWith('.png'))
        .map(([name, start, length]) => ({ number, name, start, length })),
    );
    for (const [index, { number, name, start, length }] of images.entries()) {
      expect(imageName(train, index)).toBe(`train-${number}.tar/${name}`);
      const shard = await readFile(join(SHARDS, `train-${number}.tar`));
      const stored = await readStored(train, index);
      expect(stored).toEqual({ kind: 'encoded', bytes: shard.subarray(start, start + length) });
    }
    if (train.kind !== 'ranges') throw new Error('not ranges');
    for (const array of [train.file, train.offset, train.length, train.labels, train.names.text]) {
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it('splits by key: an image stays on its side wherever it is and whatever is added', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => [`k${index}`, index % 3] as const);
    const split = { validation: 0.2, seed: 0 };
    const few = await folderOf({ 'a.tar': samples(Object.fromEntries(keys.slice(0, 200))) });
    const many = await folderOf({
      'a.tar': samples(Object.fromEntries(keys.slice(150))),
      'b.tar': samples(Object.fromEntries(keys.slice(0, 150))),
    });
    const keysOf = (listed: ListedDataset) =>
      contents(listed, listed.validation).map((name) => name.slice(6));
    const before = keysOf(await list(few, { train: 'a.tar' }, split));
    const after = await list(many, { train: '{a,b}.tar' }, split);
    expect(before.length).toBeGreaterThan(20);
    expect(before.length).toBeLessThan(60);
    expect(keysOf(after)).toEqual(expect.arrayContaining(before));
    expect(after.train.labels.length + after.validation.labels.length).toBe(300);
    const other = await list(few, { train: 'a.tar' }, { validation: 0.2, seed: 1 });
    expect(keysOf(other)).not.toEqual(before);
  });

  it('keeps the groups of a pattern on one side', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => [`p${index % 20}_${index}`, index % 2] as const);
    const folder = await folderOf({ 'a.tar': samples(Object.fromEntries(keys)) });
    const listed = await list(
      folder,
      { train: 'a.tar' },
      { validation: 0.3, seed: 0, group_by: '{patient}_*' },
    );
    const patients = (table: SplitTable) =>
      new Set(contents(listed, table).map((name) => name.split('_')[0]));
    const [train, validation] = [patients(listed.train), patients(listed.validation)];
    expect(validation.size).toBeGreaterThan(0);
    expect([...train].filter((patient) => validation.has(patient))).toEqual([]);
    const unlike = await list(
      folder,
      { train: 'a.tar' },
      { validation: 0.3, seed: 0, group_by: '{patient}-*' },
    );
    expect(problemsOf(unlike)[0]).toBe('warning ungrouped 200');
  });

  it('has its own validation and test shards', async () => {
    const folder = await folderOf({
      'train.tar': samples({ a: 0, b: 1 }),
      'val.tar': samples({ c: 1 }),
      'test.tar': samples({ d: 0 }),
    });
    const listed = await list(folder, { train: 'train.tar', validation: 'val.tar', test: 'test.tar' });
    expect(contents(listed, listed.train)).toEqual(['train.tar/a.jpg: 0', 'train.tar/b.jpg: 1']);
    expect(contents(listed, listed.validation)).toEqual(['val.tar/c.jpg: 1']);
    expect(contents(listed, listed.test)).toEqual(['test.tar/d.jpg: 0']);
    expect(await readStored(listed.validation, 0)).toEqual({
      kind: 'encoded',
      bytes: Buffer.from('image c'),
    });
    expect((await list(folder, { train: 'train.tar' })).test).toBeNull();
  });

  it.each(['label', 'cls', 'class', 'target'])('finds the label under %s of a JSON file', async (key) => {
    const folder = await folderOf({
      'a.tar': [
        { name: 'x.json', content: JSON.stringify({ width: 7, [key]: 1 }) },
        { name: 'x.png', content: 'x' },
        { name: 'y.png', content: 'y' },
        { name: 'y.json', content: JSON.stringify({ [key]: '0' }) },
      ],
    });
    const listed = await list(folder, { train: 'a.tar' });
    expect(contents(listed, listed.train)).toEqual(['a.tar/x.png: 1', 'a.tar/y.png: 0']);
  });

  it('takes the key up to the first dot of the name, and .cls before .json', async () => {
    const folder = await folderOf({
      'a.tar': [
        { name: 'v1.2/x.seg.png', content: 'not this' },
        { name: 'v1.2/x.JPEG', content: 'this' },
        { name: 'v1.2/x.cls', content: '1' },
        { name: 'v1.2/x.json', content: '{"label": 0}' },
        { name: 'v1.2/y.jpg', content: 'y' },
        { name: 'v1.2/y.json', content: '{"label": 1}' },
        { name: 'v1.2/y.cls', content: '0\n' },
      ],
    });
    const listed = await list(folder, { train: 'a.tar' });
    expect(contents(listed, listed.train)).toEqual(['a.tar/v1.2/x.JPEG: 1', 'a.tar/v1.2/y.jpg: 0']);
  });

  it('orders class names by code points, unlike UTF-16', async () => {
    const folder = await folderOf({ 'a.tar': samples({ a: '\u{1f600}', b: '\uff5e', c: 'cat', d: 'Dog' }) });
    const listed = await list(folder, { train: 'a.tar' });
    expect(listed.classNames).toEqual(['Dog', 'cat', '\uff5e', '\u{1f600}']);
    expect([...listed.train.labels]).toEqual([3, 2, 1, 0]);
  });

  it('takes the order of class names from classnames.txt', async () => {
    const shards = { 'a.tar': samples({ a: 'cat', b: 'dog' }), 'classnames.txt': 'dog\nbird\ncat\n' };
    const listed = await list(await folderOf(shards), { train: 'a.tar' });
    expect(listed.classNames).toEqual(['dog', 'bird', 'cat']);
    expect([...listed.train.labels]).toEqual([2, 0]);
    const without = await folderOf({ ...shards, 'classnames.txt': 'dog\nbird\n' });
    expect((await datasetErrorOf(list(without, { train: 'a.tar' }))).what).toMatch(
      /^Labels without a name in .*: cat\.$/,
    );
  });

  it('names the classes of other splits that training shards lack', async () => {
    const folder = await folderOf({
      'a.tar': samples({ a: 'cat', b: 'dog' }),
      'v.tar': samples({ c: 'cow' }),
    });
    const error = await datasetErrorOf(list(folder, { train: 'a.tar', validation: 'v.tar' }));
    expect(error.what).toBe('Classes without training images: cow.');
  });

  it('reports samples without label or image, and skips them', async () => {
    const folder = await folderOf({
      'a.tar': [
        ...samples({ a: 0, b: 1, c: -1 }),
        { name: 'd.jpg', content: 'x' },
        { name: 'e.jpg', content: 'x' },
        { name: 'e.json', content: '{"label": null}' },
        { name: 'f.jpg', content: 'x' },
        { name: 'f.json', content: 'no JSON' },
        { name: 'g.heic', content: 'x' },
        { name: 'g.cls', content: '0' },
        { name: '._a.jpg', content: 'x' },
        { name: '__meta__.json', content: '{}' },
      ],
      't.tar': samples({ x: -1, y: 1 }),
    });
    const listed = await list(folder, { train: 'a.tar', test: 't.tar' });
    expect(contents(listed, listed.train)).toEqual(['a.tar/a.jpg: 0', 'a.tar/b.jpg: 1']);
    expect(contents(listed, listed.test)).toEqual(['t.tar/y.jpg: 1']);
    expect(problemsOf(listed)).toEqual([
      'error bad_row 4',
      'warning bad_row 1',
      'warning unsupported 1',
      'error no_validation_image 2',
    ]);
    const path = join(folder, 'a.tar');
    expect(listed.problems[0]?.where).toEqual([`${path}: c`, `${path}: d`, `${path}: e`, `${path}: f`]);
    expect(listed.problems[2]?.where).toEqual([`${path}: g`]);
  });

  const whole = tarBytes(samples({ a: 0, b: 1 }));
  it.each<[string, Uint8Array | string, string, string]>([
    ['a gzipped shard', gzipSync(whole), 'The shard is compressed', 'gunzip a.tar'],
    ['a shard in zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0), 'The shard is compressed', 'Decompress it'],
    ['a shard cut in a header', whole.subarray(0, 1300), 'truncated in the header at byte 1024', 'again'],
    ['a shard cut in an image', whole.subarray(0, 515), 'The archive is truncated in a.jpg', 'again'],
    ['a text file', 'shards'.padEnd(512), 'This is not a tar archive.', 'again'],
    [
      'no images',
      tarBytes([{ name: 'a.txt', content: 'x' }]),
      'No sample in the shards has both an image and a label',
      '.cls',
    ],
    ['an empty file', '', 'No sample in the shards has both an image and a label', '.cls'],
    ['negative labels', tarBytes(samples({ a: 0, b: -2 })), '-2 is not a valid class number', 'from 0'],
    [
      'labels that are identifiers',
      tarBytes(samples({ a: 0, b: 20210131 })),
      '20210131 is not a valid class number',
      'from 0',
    ],
  ])('explains %s', async (_, content, what, remedy) => {
    const error = await datasetErrorOf(list(await folderOf({ 'a.tar': content }), { train: '*.tar' }));
    expect(error.where).toMatch(/\.tar$/);
    expect(error.what).toContain(what);
    expect(error.remedy).toContain(remedy);
  });

  it('warns about a shard without an end mark', async () => {
    const folder = await folderOf({ 'a.tar': whole.subarray(0, -1024) });
    const listed = await list(folder, { train: 'a.tar' });
    expect(contents(listed, listed.train)).toHaveLength(2);
    expect(problemsOf(listed)).toContain('warning unreadable 1');
  });

  it('refuses a shard that is in two splits', async () => {
    const folder = await folderOf({ 'a.tar': whole, 'b.tar': whole });
    const error = await datasetErrorOf(list(folder, { train: '{a,b}.tar', validation: 'b.tar' }));
    expect(error.where).toBe(join(folder, 'b.tar'));
    expect(error.what).toContain('two splits');
  });

  it('refuses to group by a column', async () => {
    const split = { ...NO_VALIDATION, group_by: 'patient' };
    await expect(list(SHARDS, { train: '*.tar' }, split)).rejects.toThrow('these images have no columns');
  });

  it('reports progress, and ends with the reason of the abort', async () => {
    const shares: (number | null)[] = [];
    const controller = new AbortController();
    const reason = new Error('enough');
    const work = listWebdataset(
      { dataset: 'webdataset', train: 'train-*.tar', split: NO_VALIDATION },
      listingIn(SHARDS, {
        signal: controller.signal,
        onProgress: (_, share) => {
          shares.push(share);
          if (share && share > 0.5) controller.abort(reason);
        },
      }),
    );
    await expect(work).rejects.toBe(reason);
    expect(shares.at(-1)).toBeCloseTo(2 / 3);
  });
});
