import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract } from 'tar';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DATA_FOLDER_VARIABLE } from '../../../src/datasets/dataFolder';
import type { ListingOptions } from '../../../src/datasets/listing';
import { cifarLister, listCifar } from '../../../src/datasets/sources/cifar';
import type { SplitTable } from '../../../src/datasets/table';
import { datasetErrorOf, temporaryFolder } from '../data/files';
import { fileServer, give } from '../support/fileServer';
import { expected, FIXTURES, imagesOf, listingIn, pixelsOf, problemsOf, SPLIT } from './listingHere';
import { tarBytes } from './tarBytes';

const CIFAR = join(FIXTURES, 'cifar');
const IMAGE_BYTES = 32 * 32 * 3;

type Name = 'cifar10' | 'cifar100';
const list = (
  path: string | undefined,
  folder: string,
  dataset: Name = 'cifar10',
  more: Partial<ListingOptions> = {},
) => listCifar({ dataset, path, split: SPLIT }, listingIn(folder, more));

/** Unpacks a fixture archive into a folder. */
async function unpacked(archive: string): Promise<string> {
  const folder = await temporaryFolder();
  await extract({ file: join(CIFAR, archive), cwd: folder });
  return folder;
}

/** Returns Python's facts about each image: label, sum of its values, and the pixel in row 7, column 5. */
function summaryOf(...tables: readonly SplitTable[]): string[] {
  return tables
    .map(pixelsOf)
    .flatMap(({ pixels, labels }) =>
      [...labels].map((label, i) => {
        const image = pixels.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES);
        const at = (7 * 32 + 5) * 3;
        return `${label} ${image.reduce((a, b) => a + b, 0)} ${image.subarray(at, at + 3)}`;
      }),
    )
    .sort();
}

function expectedSummary(labels: string): string[] {
  const sums = expected<number[]>('cifar train sums');
  const pixels = expected<number[][]>('cifar train pixels');
  return expected<number[]>(labels)
    .map((label, i) => `${label} ${sums[i]} ${pixels[i]}`)
    .sort();
}

describe('listCifar', () => {
  beforeEach(() => void vi.stubEnv(DATA_FOLDER_VARIABLE, ''));

  it.each<[Name, string, string]>([
    ['cifar10', 'cifar-10-binary.tar.gz', 'cifar train labels'],
    ['cifar10', 'cifar-10-python.tar.gz', 'cifar train labels'],
    ['cifar100', 'cifar-100-binary.tar.gz', 'cifar train fine labels'],
    ['cifar100', 'cifar-100-python.tar.gz', 'cifar train fine labels'],
  ])('reads %s from %s, its folder, and a folder that has either', async (dataset, archive, labels) => {
    const listed = await list(join(CIFAR, archive), '/nowhere', dataset);
    expect(listed.classNames).toHaveLength(dataset === 'cifar10' ? 10 : 100);
    expect(listed.classNames[7]).toBe('class 7');
    expect(summaryOf(listed.train, listed.validation)).toEqual(expectedSummary(labels));
    expect(listed.validation.labels.length).toBeGreaterThan(0);
    const test = pixelsOf(listed.test);
    expect([...test.pixels.subarray(0, IMAGE_BYTES)]).toEqual(expected('cifar test first image'));
    expect([test.height, test.width, test.channels]).toEqual([32, 32, 3]);
    expect([...test.labels]).toEqual(dataset === 'cifar10' ? [3, 1, 4, 1] : [99, 0, 5, 50]);
    for (const { pixels, labels: own } of [listed.train, listed.validation].map(pixelsOf)) {
      expect(pixels.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(own.buffer).toBeInstanceOf(SharedArrayBuffer);
    }

    const parent = await unpacked(archive);
    const [inside] = await readdir(parent);
    const lone = await temporaryFolder();
    await copyFile(join(CIFAR, archive), join(lone, archive));
    for (const path of [parent, join(parent, inside!), lone]) {
      const same = await list(path, '/nowhere', dataset);
      expect(imagesOf(same.train)).toEqual(imagesOf(listed.train));
      expect(imagesOf(same.validation)).toEqual(imagesOf(listed.validation));
      expect(imagesOf(same.test!)).toEqual(imagesOf(listed.test!));
      expect(same.classNames).toEqual(listed.classNames);
    }
  });

  it('reads an archive under another name, and a gunzipped one', async () => {
    const folder = await temporaryFolder();
    const content = await readFile(join(CIFAR, 'cifar-10-python.tar.gz'));
    await writeFile(join(folder, 'mine.tgz'), content);
    await writeFile(join(folder, 'mine.tar'), gunzipSync(content));
    const listed = await list('mine.tgz', folder);
    expect(summaryOf(listed.train, listed.validation)).toEqual(expectedSummary('cifar train labels'));
    expect(imagesOf((await list('mine.tar', folder)).train)).toEqual(imagesOf(listed.train));
  });

  it('warns if there are fewer images than published', async () => {
    const listed = await list(join(CIFAR, 'cifar-10-binary.tar.gz'), '/nowhere');
    expect(problemsOf(listed)[0]).toBe('warning unreadable 59981');
    expect(listed.problems[0]?.what).toContain('There are 15 training and 4 test images');
  });

  it('executes nothing in a pickle', async () => {
    const parent = await unpacked('cifar-10-python.tar.gz');
    const file = join(parent, 'cifar-10-batches-py', 'data_batch_3');
    await copyFile(join(CIFAR, 'evil.pickle'), file);
    const error = await datasetErrorOf(list(parent, '/nowhere'));
    expect(error).toMatchObject({ where: file, what: 'Its data is not an array of 3072 bytes per image.' });
    expect(existsSync('EXECUTED')).toBe(false);
  });

  it('writes nothing through archive paths that lead outside, and follows no links', async () => {
    const folder = await temporaryFolder();
    const inside = join(folder, 'a', 'b');
    await mkdir(inside, { recursive: true });
    const batch = Buffer.alloc(3073);
    const evil = ['../evil', '../../evil', join(folder, 'evil'), 'cifar-10-batches-bin/../../evil'];
    const archive = tarBytes([
      ...evil.map((name) => ({ name, content: 'x' })),
      { name: 'cifar-10-batches-bin/data_batch_1.bin', content: batch },
      { name: 'cifar-10-batches-bin/batches.meta.txt', type: '2' },
    ]);
    await writeFile(join(inside, 'cifar-10-binary.tar.gz'), gzipSync(archive));
    const error = await datasetErrorOf(list('.', inside));
    expect(error.where).toMatch(/batches\.meta\.txt$/);
    expect(error.what).toBe('The file is missing.');
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      'a',
      join('a', 'b'),
      join('a', 'b', 'cifar-10-binary.tar.gz'),
    ]);
  });

  const BIN = 'cifar-10-batches-bin';
  it.each<[string, string, Uint8Array | string | null, string]>([
    ['a missing batch', 'data_batch_4.bin', null, 'The file is missing.'],
    ['a missing test batch', 'test_batch.bin', null, 'The file is missing.'],
    ['a cut batch', 'data_batch_2.bin', new Uint8Array(3073 + 3000), '6073 bytes is not a multiple of 3073'],
    ['an empty batch', 'data_batch_2.bin', '', 'The file is empty.'],
    [
      'a label past the classes',
      'data_batch_2.bin',
      new Uint8Array(3073).fill(10),
      'The label of image 0 is 10',
    ],
    ['too few class names', 'batches.meta.txt', 'a\nb\n\n', 'The file names 2 classes, not 10.'],
  ])('explains %s, with the file', async (_, name, content, what) => {
    const parent = await unpacked('cifar-10-binary.tar.gz');
    const file = join(parent, BIN, name);
    await rm(file);
    if (content !== null) await writeFile(file, content);
    const error = await datasetErrorOf(list(parent, '/nowhere'));
    expect(error.where).toBe(file);
    expect(error.what).toContain(what);
  });

  it('explains damaged pickles, with the file', async () => {
    const parent = await unpacked('cifar-100-python.tar.gz');
    const file = join(parent, 'cifar-100-python', 'train');
    const content = await readFile(file);
    await writeFile(file, content.subarray(0, 20_000));
    expect(await datasetErrorOf(list(parent, '/nowhere', 'cifar100'))).toMatchObject({
      where: file,
      what: expect.stringContaining('The pickle cannot be read'),
    });
    await rename(join(parent, 'cifar-100-python', 'meta'), file);
    await writeFile(join(parent, 'cifar-100-python', 'meta'), content);
    expect(await datasetErrorOf(list(parent, '/nowhere', 'cifar100'))).toMatchObject({
      where: join(parent, 'cifar-100-python', 'meta'),
      what: 'Its fine_label_names is not a list of names.',
    });
  });

  it.each<[string, (archive: Buffer) => Uint8Array, string]>([
    ['a cut archive', (archive) => archive.subarray(0, archive.length - 400), 'The archive cannot be read'],
    ['a cut tar archive', (archive) => gunzipSync(archive).subarray(0, 20_000), 'The archive cannot be read'],
    ['text', () => Buffer.from('<!doctype html>'), 'The archive cannot be read'],
    [
      'another archive',
      () => gzipSync(tarBytes([{ name: 'a', content: 'x' }])),
      'The archive does not contain CIFAR-10.',
    ],
  ])('explains %s', async (_, change, what) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'cifar-10-binary.tar.gz');
    await writeFile(path, change(await readFile(join(CIFAR, 'cifar-10-binary.tar.gz'))));
    const error = await datasetErrorOf(list('.', folder));
    expect(error.where).toBe(path);
    expect(error.what).toContain(what);
  });

  it('explains a path without the data set', async () => {
    const folder = await temporaryFolder();
    expect(await datasetErrorOf(list('.', folder))).toMatchObject({ what: 'There is no CIFAR-10 here.' });
    await expect(list('none', folder)).rejects.toThrow('cifar-10-batches-bin');
    await expect(list(CIFAR, folder, 'cifar10', { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

describe('cifarLister without a path', () => {
  beforeEach(() => void vi.stubEnv(DATA_FOLDER_VARIABLE, ''));

  async function publishedBy(url: string, sha256?: string) {
    const content = await readFile(join(CIFAR, 'cifar-10-binary.tar.gz'));
    const file = {
      urls: [`${url}/cifar-10-binary.tar.gz`],
      sha256: sha256 ?? createHash('sha256').update(content).digest('hex'),
      limitBytes: 1_000_000,
    };
    const lister = cifarLister({ cifar10: file, cifar100: file });
    return (options: ListingOptions) => lister({ dataset: 'cifar10', split: SPLIT }, options);
  }

  it('downloads the archive once, and resumes an earlier attempt', async () => {
    const content = await readFile(join(CIFAR, 'cifar-10-binary.tar.gz'));
    const { url, requests } = await fileServer(give(content));
    const download = await publishedBy(url);
    const folder = await temporaryFolder();
    const cache = join(folder, 'cache', 'cifar10');
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, 'cifar-10-binary.tar.gz.partial'), content.subarray(0, 900));
    const seen: string[] = [];
    const listed = await download(listingIn(folder, { onProgress: (what) => seen.push(what) }));
    expect(summaryOf(listed.train, listed.validation)).toEqual(expectedSummary('cifar train labels'));
    expect(requests).toEqual(['GET /cifar-10-binary.tar.gz bytes=900-']);
    expect(seen).toContain('Downloading cifar-10-binary.tar.gz');
    expect(await readdir(cache)).toEqual(['cifar-10-binary.tar.gz']);
    await download(listingIn(folder));
    expect(requests).toHaveLength(1);
  });

  it('refuses an archive with another checksum, and keeps none of it', async () => {
    const content = await readFile(join(CIFAR, 'cifar-10-binary.tar.gz'));
    const { url } = await fileServer(give(content));
    const download = await publishedBy(url, 'a'.repeat(64));
    const folder = await temporaryFolder();
    await expect(download(listingIn(folder))).rejects.toThrow(`but ${'a'.repeat(64)} is expected`);
    expect(await readdir(join(folder, 'cache', 'cifar10'))).toEqual([]);
  });

  it('can be cancelled, which leaves no archive', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const content = await readFile(join(CIFAR, 'cifar-10-binary.tar.gz'));
    const { url } = await fileServer((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 500));
    });
    const download = await publishedBy(url);
    const folder = await temporaryFolder();
    const onProgress = () => controller.abort(reason);
    await expect(download(listingIn(folder, { signal: controller.signal, onProgress }))).rejects.toBe(reason);
    expect(await readdir(join(folder, 'cache', 'cifar10'))).not.toContain('cifar-10-binary.tar.gz');
  });

  it('looks in the folder of data sets first, and says what to do without a network', async () => {
    const { url, requests } = await fileServer((_, response) => response.writeHead(404).end());
    const download = await publishedBy(url);
    const folder = await temporaryFolder();
    await expect(download(listingIn(folder))).rejects.toThrow(
      'or download the archive yourself and set data.path to it',
    );
    const before = requests.length;
    vi.stubEnv(DATA_FOLDER_VARIABLE, CIFAR);
    expect((await download(listingIn(folder))).test?.labels).toHaveLength(4);
    expect(requests).toHaveLength(before);
  });
});
