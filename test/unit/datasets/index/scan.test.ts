import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { openIndexed } from '../../../../src/datasets/index/openIndexed';
import { indexDataset, type ScanOptions } from '../../../../src/datasets/index/scan';
import {
  datasetKey,
  factsLookup,
  indexesFolder,
  indexPath,
  readIndex,
} from '../../../../src/datasets/index/store';
import { nameAt } from '../../../../src/datasets/table';
import type { OwnDatasetRequest } from '../../../../src/recipe/datasets';
import { unprivileged } from '../../support/unprivileged';
import { age, catsAndDogs, damage, imageFolder, photo, testFolder, writeTree } from '../photos';

const csv = (path: string) =>
  ({ dataset: 'csv', path, image_column: 'path', label_column: 'label' }) as const;

/** A store with photos, and functions to index and open them. */
async function place(
  files?: Readonly<Record<string, Uint8Array | string>>,
  request: OwnDatasetRequest = imageFolder(),
) {
  const root = await testFolder();
  const photos = join(root, 'photos');
  await writeTree(photos, files ?? (await catsAndDogs()));
  const options = { root, folder: root, cacheFolder: join(root, 'cache'), workers: 0 };
  return {
    root,
    photos,
    request,
    index: (changes: Partial<ScanOptions> = {}) => indexDataset(request, { ...options, ...changes }),
    open: (onBadImage: 'fail' | 'skip' = 'fail', fingerprint?: string) =>
      openIndexed(root, request, root, { onBadImage, cacheFolder: options.cacheFolder, fingerprint }),
  };
}

describe('indexing a folder of images', () => {
  test('computes counts, sizes, mean and deviation, and stores them', async () => {
    const files = await catsAndDogs(4, { format: 'png' });
    const { index, root, request } = await place(files);
    const { facts, report } = await index();
    expect(facts).toMatchObject({
      dataset: 'image_folder',
      trainImages: 8,
      validationImages: 4,
      testImages: 0,
      classNames: ['cat', 'dog'],
      trainCounts: [4, 4],
      channels: 3,
      height: { min: 72, median: 72, max: 72 },
      width: { min: 80, median: 80, max: 80 },
      shortEdge: { min: 72, max: 72 },
    });
    expect(report).toMatchObject({
      validationCounts: [2, 2],
      testCounts: [],
      decoded: 12,
      imbalance: 1,
      unreadable: { count: 0 },
      copiesWithin: { count: 0 },
      copiesAcross: { count: 0 },
      nearCopiesAcross: { count: 0, compared: 12 },
      problems: [],
    });
    const pixels = await Promise.all(
      Object.entries(files)
        .filter(([path]) => path.startsWith('train'))
        .map(async ([, bytes]) => sharp(bytes).raw().toBuffer()),
    );
    for (let channel = 0; channel < 3; channel++) {
      const values = pixels
        .flatMap((image) => [...image].filter((_, at) => at % 3 === channel))
        .map((v) => v / 255);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
      expect(facts.mean[channel]).toBeCloseTo(mean, 6);
      expect(facts.std[channel]).toBeCloseTo(std, 6);
    }
    expect(await readIndex(root, request, root)).toMatchObject({ facts, report, request, folder: root });
    expect(factsLookup(root, root)(request)).toEqual(facts);
  });

  test('weights each image equally in mean and deviation, whatever its size', async () => {
    const flat = (level: number, width: number) =>
      sharp({ create: { width, height: 10, channels: 3, background: { r: level, g: level, b: level } } })
        .png()
        .toBuffer();
    const { index } = await place({
      'train/a/small.png': await flat(0, 10),
      'train/b/large.png': await flat(255, 1000),
      'val/a/other.png': await flat(100, 10),
      'val/b/other.png': await flat(101, 10),
    });
    const { facts } = await index();
    expect(facts.mean).toEqual([0.5, 0.5, 0.5]);
    expect(facts.std).toEqual([0.5, 0.5, 0.5]);
    expect(facts.width).toEqual({ min: 10, p05: 10, median: 1000, p95: 1000, max: 1000 });
  });

  test('has one channel if all images are gray, and three otherwise', async () => {
    const files = await catsAndDogs(2, { isGray: true, format: 'png' });
    const { index, photos } = await place(files);
    const gray = await index();
    expect(gray.facts).toMatchObject({ channels: 1, mean: [expect.any(Number)], std: [expect.any(Number)] });
    await writeTree(photos, { 'val/cat/color.jpg': await photo(50) });
    const mixed = await index();
    expect(mixed.facts.channels).toBe(3);
    expect(mixed.facts.mean).toEqual([0, 1, 2].map(() => expect.closeTo(gray.facts.mean[0]!, 6)));
  });

  test('reports copies within and across splits, and those with two labels', async () => {
    const one = await photo(100);
    const two = await photo(101);
    const { index, photos } = await place({
      ...(await catsAndDogs()),
      'train/cat/one.jpg': one,
      'train/cat/one again.jpg': one,
      'train/dog/one as dog.jpg': one,
      'train/dog/two.jpg': two,
      'val/dog/two.jpg': two,
    });
    const { report } = await index();
    const path = (name: string) => join(photos, name);
    expect(report.copiesWithin).toEqual({
      count: 2,
      pairs: [
        [path('train/cat/one again.jpg'), path('train/cat/one.jpg')],
        [path('train/cat/one again.jpg'), path('train/dog/one as dog.jpg')],
      ],
    });
    expect(report.copiesAcross).toEqual({
      count: 1,
      pairs: [[path('train/dog/two.jpg'), path('val/dog/two.jpg')]],
    });
    expect(report.copiesMislabelled.pairs).toEqual([
      [path('train/cat/one again.jpg'), path('train/dog/one as dog.jpg')],
    ]);
    expect(report.nearCopiesAcross.count).toBe(0);
    expect(report.problems.map(({ kind, count }) => [kind, count])).toEqual([
      ['leak', 1],
      ['duplicate', 1],
      ['duplicate', 2],
    ]);
  });

  test('reports images that look like one of another split: recompressed, resized, brightened', async () => {
    const files = await catsAndDogs(8, { width: 200, height: 160 });
    const original = sharp(files['train/cat/0.jpg']);
    const { index, photos } = await place({
      ...files,
      'val/cat/recompressed.webp': await original.clone().webp({ quality: 50 }).toBuffer(),
      'val/cat/smaller.png': await original.clone().resize(100, 80).png().toBuffer(),
      'val/dog/brighter.jpg': await original.clone().linear(0.9, 15).jpeg().toBuffer(),
      'val/dog/mirrored.jpg': await original.clone().flop().jpeg().toBuffer(),
    });
    const { report } = await index();
    expect(report.copiesAcross.count).toBe(0);
    expect(report.nearCopiesAcross).toEqual({
      count: 3,
      compared: 28,
      pairs: ['val/cat/recompressed.webp', 'val/cat/smaller.png', 'val/dog/brighter.jpg'].map((copy) => [
        join(photos, 'train/cat/0.jpg'),
        join(photos, copy),
      ]),
    });
  });
});

describe('an image that cannot be read', () => {
  /** Broken images, each placed next to good photos. */
  async function badImages(): Promise<Record<string, Buffer | string>> {
    const whole = await photo(200, { width: 300, height: 300 });
    const png = await photo(201, { format: 'png' });
    return {
      'train/cat/empty.jpg': '',
      'train/cat/truncated.jpg': whole.subarray(0, whole.length >> 1),
      'train/cat/truncated.png': png.subarray(0, png.length >> 1),
      'train/dog/text.jpg': 'not a picture',
      'val/dog/noise.png': Buffer.concat([png.subarray(0, 60), Buffer.alloc(500, 7)]),
      'val/dog/bomb.png': await readFile('test/fixtures/images/bomb.png'),
    };
  }

  test('is counted, named with its reason, and left out of facts and fingerprint', async () => {
    const bad = await badImages();
    const good = await catsAndDogs();
    const { index, photos } = await place({ ...good, ...bad });
    const { facts, report } = await index();
    expect(report.unreadable.count).toBe(6);
    expect(report.unreadable.images.map(({ name }) => relative(photos, name)).sort()).toEqual(
      Object.keys(bad).sort(),
    );
    for (const { reason } of report.unreadable.images) expect(reason).toMatch(/^\S.*[.]$/);
    expect(report.unreadable.images.find(({ name }) => name.endsWith('empty.jpg'))?.reason).toBe(
      'The file is empty.',
    );
    expect(report.unreadable.images.find(({ name }) => name.endsWith('bomb.png'))?.reason).toContain(
      'pixels',
    );
    // Empty files are not copies of each other.
    expect(report.copiesWithin.count).toBe(0);
    const clean = await place(good);
    const { facts: without } = await clean.index();
    expect(facts).toEqual(without);
  });

  test('of a large data set is found by its end or its header, without decoding all', async () => {
    const bad = await badImages();
    const { index } = await place({ ...(await catsAndDogs(8)), ...bad });
    const { report } = await index({ decodedImages: 0 });
    expect(report.decoded).toBe(0);
    expect(report.unreadable.count).toBe(6);
    expect(report.nearCopiesAcross.compared).toBe(0);
  });

  test('with a wrong extension is used as what it is', async () => {
    const { index } = await place({
      ...(await catsAndDogs()),
      'train/cat/lying.jpg': await photo(9, { format: 'png' }),
    });
    const { facts, report } = await index();
    expect(report.unreadable.count).toBe(0);
    expect(facts.trainCounts).toEqual([5, 4]);
  });

  test('that disappears during indexing is counted and named', async () => {
    const { index, photos } = await place();
    const { facts, report } = await index({ check: () => rm(join(photos, 'train/cat/2.jpg')) });
    expect(facts.trainCounts).toEqual([3, 4]);
    expect(report.unreadable.images).toEqual([
      { name: join(photos, 'train/cat/2.jpg'), reason: 'The file does not exist.' },
    ]);
  });

  test('without read permission is counted and named', async () => {
    const { index, photos, root } = await place();
    await chmod(join(photos, 'train/cat/2.jpg'), 0);
    const { report } = await unprivileged(root, () => index());
    expect(report.unreadable.images).toEqual([
      { name: join(photos, 'train/cat/2.jpg'), reason: 'You do not have permission to read the file.' },
    ]);
  });

  test('is checked again once it is replaced', async () => {
    const { index, photos } = await place({ ...(await catsAndDogs()), 'train/cat/bad.jpg': 'bad' });
    expect((await index()).report.unreadable.count).toBe(1);
    await writeTree(photos, { 'train/cat/bad.jpg': await photo(300) });
    const { facts, report } = await index();
    expect(report.unreadable.count).toBe(0);
    expect(facts.trainCounts).toEqual([5, 4]);
  });

  test('of a table may not exist at all, or have an impossible file name', async () => {
    const { root, index } = await place(
      { 'cat.jpg': await photo(1), 'dog.jpg': await photo(2) },
      { ...csv('labels.csv'), split: { validation: 1e-9, seed: 0 } },
    );
    const rows = [
      'path,label',
      'photos/cat.jpg,cat',
      'photos/dog.jpg,dog',
      'photos/gone.jpg,dog',
      'a\0b.jpg,cat',
    ];
    await writeFile(join(root, 'labels.csv'), `${rows.join('\n')}\n`);
    const { report } = await index();
    expect(report.unreadable.images).toEqual([
      { name: join(root, 'photos/gone.jpg'), reason: 'The file does not exist.' },
      { name: join(root, 'a\0b.jpg'), reason: 'Its name contains a null byte.' },
    ]);
  });

  test('may be missed where the split has taken all images for validation', async () => {
    const { index } = await place(
      { 'cat/1.jpg': await photo(1), 'dog/1.jpg': await photo(2) },
      { dataset: 'image_folder', path: 'photos', split: { validation: 1 - 1e-9, seed: 0 } },
    );
    await expect(index()).rejects.toMatchObject({
      failure: {
        what: 'The data set has no training images.',
        remedy: 'Lower data.split.validation, or check data.path.',
      },
    });
  });

  test('is an error if no training image can be read', async () => {
    const { index, photos, root } = await place({
      'train/a/x.jpg': '',
      'train/b/y.jpg': '',
      'val/a/z.jpg': await photo(1),
    });
    await expect(index()).rejects.toMatchObject({
      failure: {
        what: `No training image can be read. For example, ${join(photos, 'train/a/x.jpg')}: The file is empty.`,
      },
    });
    expect(await readdir(indexesFolder(root)).catch(() => [])).toEqual([]);
  });
});

describe('indexing again', () => {
  test('reads only new and changed files, and gives the same result as a first pass', async () => {
    const { index, photos, root, request } = await place();
    await age(photos);
    await index();
    await damage(join(photos, 'train/cat/0.jpg'));
    const same = await index();
    expect(same.report.unreadable.count).toBe(0);
    // Nothing changed, so the index stays the same.
    expect(await index()).toEqual(same);
    await writeTree(photos, { 'train/dog/new.jpg': await photo(400), 'train/cat/1.jpg': await photo(401) });
    const again = await index();
    expect(again.facts.trainCounts).toEqual([4, 5]);
    await writeTree(photos, { 'train/cat/0.jpg': await photo(402) });
    const changed = await index();
    await rm(indexesFolder(root), { recursive: true });
    const fresh = await index();
    expect({ ...fresh, scannedAt: 0, table: null }).toEqual({ ...changed, scannedAt: 0, table: null });
    expect(await readdir(indexesFolder(root))).toHaveLength(2);
    expect(datasetKey(request, root)).toHaveLength(16);
  });

  test('under another split reuses what is known, though images change sides', async () => {
    const files = Object.fromEntries(
      await Promise.all(
        Array.from({ length: 40 }, async (_, image) => [
          `${image % 2 ? 'cat' : 'dog'}/${image}.jpg`,
          await photo(image),
        ]),
      ),
    );
    const { root, photos, index } = await place(files);
    await age(photos);
    const first = await index();
    const other: typeof first.request = { ...first.request, split: { validation: 0.4, seed: 7 } };
    const scan = { root, folder: root, cacheFolder: root, workers: 0 };
    // Files already in the index are not read.
    for (const name of Object.keys(files)) await damage(join(photos, name));
    const second = await indexDataset(other, scan);
    expect(second.report.unreadable.count).toBe(0);
    expect(second.facts.trainImages + second.facts.validationImages).toBe(40);
    expect(second.facts.validationImages).not.toBe(first.facts.validationImages);
    expect(second.facts.fingerprint).not.toBe(first.facts.fingerprint);
  });

  test('that is aborted, or cannot write, keeps the old index', async () => {
    const { index, photos, root, request } = await place();
    const before = await index();
    await writeTree(photos, { 'train/cat/new.jpg': await photo(500) });
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = index({
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(aborted).rejects.toBe(reason);
    expect(await readIndex(root, request, root)).toEqual(JSON.parse(JSON.stringify(before)));
    await chmod(indexesFolder(root), 0o555);
    await expect(unprivileged(root, () => index())).rejects.toMatchObject({ code: 'EACCES' });
    await chmod(indexesFolder(root), 0o755);
    expect(await readIndex(root, request, root)).toEqual(JSON.parse(JSON.stringify(before)));
    expect(await readdir(indexesFolder(root))).toHaveLength(2);
  });
});

describe('the fingerprint', () => {
  test('covers names, classes, splits and content, wherever the files are', async () => {
    const files = await catsAndDogs();
    const fingerprint = async (changed: Record<string, Uint8Array | string>) => {
      const { index } = await place(changed);
      return (await index()).facts.fingerprint;
    };
    const first = await fingerprint(files);
    expect(await fingerprint(files)).toBe(first);
    const { 'train/cat/0.jpg': moved, ...rest } = files;
    const others = [
      await fingerprint({ ...rest, 'train/cat/0.jpg': await photo(600) }),
      await fingerprint({ ...rest, 'train/cat/zero.jpg': moved! }),
      await fingerprint({ ...rest, 'train/dog/cat.jpg': moved! }),
      await fingerprint({ ...rest, 'val/cat/cat.jpg': moved! }),
      await fingerprint(rest),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });
});

describe('opening', () => {
  test('returns the tables as they were indexed', async () => {
    const { index, open, photos } = await place();
    const { facts } = await index();
    const { dataset, index: opened } = await open('fail', facts.fingerprint);
    expect(opened.facts).toEqual(facts);
    expect(dataset.classNames).toEqual(['cat', 'dog']);
    expect(dataset.test).toBeNull();
    const { train, validation } = dataset;
    if (train.kind !== 'files' || validation.kind !== 'files') throw new Error(train.kind);
    expect(train.root).toBe(photos);
    expect(train.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...train.labels]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(Array.from(train.labels, (_, image) => nameAt(train.names, image))).toEqual(
      ['cat', 'dog'].flatMap((name) => [0, 1, 2, 3].map((image) => `train/${name}/${image}.jpg`)),
    );
    expect(validation.labels).toHaveLength(4);
  });

  test('refuses unreadable images or skips them', async () => {
    const { index, open, photos } = await place({ ...(await catsAndDogs()), 'train/cat/1.jpg': 'bad' });
    const { facts } = await index();
    await expect(open('fail')).rejects.toMatchObject({
      failure: { what: `${join(photos, 'train/cat/1.jpg')} cannot be read. The file is not an image.` },
    });
    const { dataset } = await open('skip');
    expect(dataset.train.labels).toHaveLength(facts.trainImages);
    const { train } = dataset;
    if (train.kind !== 'files') throw new Error(train.kind);
    expect(Array.from(train.labels, (_, image) => nameAt(train.names, image))).not.toContain(
      'train/cat/1.jpg',
    );
  });

  test.each<[string, (photos: string) => Promise<unknown>]>([
    ['changed', async (photos) => writeFile(join(photos, 'val/cat/0.jpg'), await photo(700))],
    ['was deleted', (photos) => rm(join(photos, 'train/dog/3.jpg'))],
    ['came', async (photos) => writeFile(join(photos, 'train/dog/9.jpg'), await photo(701))],
    [
      'came in a new folder',
      async (photos) => writeTree(photos, { 'train/dog/more/9.jpg': await photo(702) }),
    ],
    ['was renamed', (photos) => rename(join(photos, 'train/cat/0.jpg'), join(photos, 'train/cat/a.jpg'))],
    [
      'changed its class',
      (photos) => rename(join(photos, 'train/cat/0.jpg'), join(photos, 'train/dog/a.jpg')),
    ],
    ['of another class came', async (photos) => writeTree(photos, { 'train/bird/9.jpg': await photo(703) })],
  ])('refuses, when an image %s', async (_, change) => {
    const { index, open, photos } = await place();
    await index();
    await open();
    await change(photos);
    await expect(open()).rejects.toMatchObject({
      failure: {
        what: expect.stringMatching(/since the data set was indexed[.]$/),
        remedy: 'Index the data set: tricks data FILE',
      },
    });
    await index();
    await open();
  });

  test('ignores what is not an image, and a touched folder', async () => {
    const { index, open, photos } = await place();
    await index();
    await writeTree(photos, { 'train/cat/.DS_Store': 'x', 'train/.ipynb_checkpoints/a.txt': 'x' });
    await open();
  });

  test('refuses a fingerprint other than that of the run', async () => {
    const { index, open } = await place();
    await index();
    await expect(open('fail', 'other')).rejects.toMatchObject({
      failure: { what: expect.stringContaining('not those this run was created for') },
    });
  });

  test('refuses errors of the listing', async () => {
    const { index, open } = await place({
      'train/one/a.jpg': await photo(1),
      'val/one/b.jpg': await photo(2),
    });
    const { report } = await index();
    expect(report.problems[0]).toMatchObject({ severity: 'error', kind: 'single_class' });
    await expect(open()).rejects.toMatchObject({ failure: { what: report.problems[0]!.what } });
  });

  test('refuses an index that is missing, damaged or cut short', async () => {
    const { index, open, root, request } = await place();
    await expect(open()).rejects.toMatchObject({ failure: { what: 'The data set has not been indexed.' } });
    const { table } = await index();
    const path = join(indexesFolder(root), table.file);
    const whole = await readFile(path);
    for (const at of [3, 20, whole.length >> 1, whole.length - 9]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      await writeFile(path, damaged);
      await expect(open()).rejects.toMatchObject({
        failure: { what: 'The index of the data set is damaged.' },
      });
    }
    for (const bytes of [0, 10, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, bytes));
      await expect(open()).rejects.toMatchObject({
        failure: { what: 'The index of the data set is damaged.' },
      });
    }
    await rm(path);
    await expect(open()).rejects.toMatchObject({
      failure: { what: 'The index of the data set is damaged.' },
    });
    await writeFile(indexPath(root, datasetKey(request, root)), '{');
    expect(factsLookup(root, root)(request)).toBeNull();
    await index();
    await open();
  });
});
