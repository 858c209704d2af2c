import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { datasetFacts } from '../../../src/recipe/datasets';
import { openIdxFolder } from '../../../src/training/data/idxFolder';
import { datasetErrorOf, idxBytes, SMALL, SMALL_FILES, smallFolder } from './files';

const facts = datasetFacts({ dataset: 'fashion-mnist' });
const open = (folder: string, signal?: AbortSignal) =>
  openIdxFolder(folder, SMALL_FILES, facts, 'Replace it.', signal);
const IMAGES = 'train-images-idx3-ubyte';

describe('openIdxFolder', () => {
  it('draws each image and label of both splits', async () => {
    const { train, validation } = await open(await smallFolder());
    expect([train.count, validation.count]).toEqual([6, 2]);
    expect([0, 5].map((index) => train.label(index))).toEqual([5, 0]);
    const image = new Uint8Array(6);
    train.draw(2, image);
    expect([...image]).toEqual([84, 91, 98, 105, 112, 119]);
    validation.draw(1, image);
    expect([...image]).toEqual([249, 248, 247, 246, 245, 244]);
  });

  it('takes a plain or a gzipped file, under either name', async () => {
    const folder = await smallFolder();
    await rm(join(folder, `${IMAGES}.gz`));
    await writeFile(join(folder, IMAGES), SMALL[IMAGES]);
    await rename(join(folder, 't10k-labels-idx1-ubyte.gz'), join(folder, 't10k-labels-idx1-ubyte'));
    const { train, validation } = await open(folder);
    expect([train.count, validation.label(0)]).toEqual([6, 9]);
  });

  it.each([
    ['an empty file', Buffer.alloc(0), /truncated: 0 of at least 16 bytes/],
    [
      'a gzip file cut short',
      gzipSync(SMALL[IMAGES]).subarray(0, 30),
      /truncated: its gzip data ends early, after 30/,
    ],
    ['a plain file cut short', SMALL[IMAGES].subarray(0, 40), /truncated: 40 of 52 bytes/],
    ['gzip data with a flipped bit', flipped(gzipSync(SMALL[IMAGES]), 20), /gzip data is damaged/],
    [
      'content longer than it should be',
      gzipSync(Buffer.alloc(60)),
      /content is too large: more than 52 bytes/,
    ],
    [
      'a file longer than any gzip of it',
      Buffer.alloc(70_000),
      /too large: 70000 bytes\. At most 65588 are allowed/,
    ],
    [
      'other images of the same shape',
      gzipSync(idxBytes([6, 2, 3], new Uint8Array(36))),
      /wrong checksum: SHA-256/,
    ],
    ['a web page', Buffer.from('<!doctype html><title>Sign in</title>'), /not an IDX file/],
  ])('refuses %s', async (_, bytes, what) => {
    const folder = await smallFolder();
    const where = join(folder, `${IMAGES}.gz`);
    await writeFile(where, bytes);
    const error = await datasetErrorOf(open(folder));
    expect(error).toMatchObject({ where, remedy: 'Replace it.' });
    expect(error.what).toMatch(what);
  });

  it('refuses a file that is truncated anywhere', async () => {
    const folder = await smallFolder();
    const path = join(folder, `${IMAGES}.gz`);
    for (let bytes = gzipSync(SMALL[IMAGES]).length - 1; bytes >= 0; bytes--) {
      await truncate(path, bytes);
      expect((await datasetErrorOf(open(folder))).where).toBe(path);
    }
  });

  it('names a missing file', async () => {
    const folder = await smallFolder();
    await rm(join(folder, 't10k-labels-idx1-ubyte.gz'));
    expect(await datasetErrorOf(open(folder))).toMatchObject({
      where: join(folder, 't10k-labels-idx1-ubyte.gz'),
      what: 'The file is missing.',
    });
  });

  it('refuses a folder in place of a file', async () => {
    const folder = await smallFolder();
    await rm(join(folder, `${IMAGES}.gz`));
    await mkdir(join(folder, `${IMAGES}.gz`));
    expect(await datasetErrorOf(open(folder))).toMatchObject({
      what: 'This is not a file.',
    });
  });

  it('stops with the reason of the aborted signal', async () => {
    const reason = new Error('stopped by hand');
    await expect(open(await smallFolder(), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 0x10;
  return bytes;
}
