import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ParquetFile, type ParquetLimits, type ParquetRow } from '../../../src/datasets/formats/parquetRows';
import { datasetErrorOf } from '../data/files';
import { expected, FIXTURES } from './listingHere';

const PLAIN = { image: 'picture', label: 'kind', group: 'patient' };
const HF = { image: 'image', label: 'label', group: null };

/** Returns a file's rows in the blocks in which they are read. */
async function blocksOf(file: string, columns: typeof PLAIN | typeof HF, limits: ParquetLimits) {
  const opened = await ParquetFile.open(join(FIXTURES, 'parquet', file), columns, limits);
  try {
    const blocks: ParquetRow[][] = [];
    for await (const rows of opened.rows()) blocks.push(rows);
    return blocks;
  } finally {
    await opened.close();
  }
}

const roomy: ParquetLimits = { blockBytes: 1e9, groupBytes: 1e9 };

describe('ParquetFile', () => {
  it.each([
    ['indexed.parquet', PLAIN, 12],
    [join('hf', 'data', 'train-00000-of-00002.parquet'), HF, 4],
  ])('reads %s a few rows at a time if it has a page index', async (file, columns, count) => {
    const [whole, ...more] = await blocksOf(file, columns, roomy);
    expect(more).toEqual([]);
    expect(whole).toHaveLength(count);
    const images = expected<string[]>('parquet images');
    expect(whole!.map(({ bytes }) => Buffer.from(bytes!).toString('hex'))).toEqual(images.slice(0, count));
    for (const blockBytes of [1, 150, 300]) {
      const blocks = await blocksOf(file, columns, { blockBytes, groupBytes: 0 });
      expect(blocks.length).toBeGreaterThan(1);
      expect(blocks.flat()).toEqual(whole);
    }
  });

  it('reads row groups one by one, with labels and groups as texts', async () => {
    const blocks = await blocksOf('zstd.parquet', PLAIN, { blockBytes: 1, groupBytes: 1e9 });
    expect(blocks.map(({ length }) => length)).toEqual([5, 5, 2]);
    expect(blocks[1]?.[0]).toMatchObject({ label: 'dog', group: 'p1', path: null });
    const hf = await blocksOf(join('hf', 'data', 'test-00000-of-00001.parquet'), HF, roomy);
    expect(hf.flat()).toMatchObject([
      { label: '-1', path: '10.png', group: null },
      { label: '-1', path: '11.png', group: null },
    ]);
  });

  it('refuses row groups that are too large to read at once', async () => {
    const error = await datasetErrorOf(blocksOf('none.parquet', PLAIN, { blockBytes: 1, groupBytes: 100 }));
    expect(error.what).toMatch(
      /^A row group has \d+ bytes of images, but at most 100 bytes can be read at once\.$/,
    );
    expect(error.remedy).toContain('row_group_size');
  });
});
