import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listDataset } from '../../../src/datasets/list';
import type { OwnDatasetRequest } from '../../../src/recipe/datasets';
import { UserError } from '../../../src/shared/userError';
import { temporaryFolder } from '../data/files';
import { FIXTURES, SPLIT } from './listingHere';

const split = SPLIT;
const parquet = {
  dataset: 'parquet',
  path: 'file',
  image_column: 'picture',
  label_column: 'kind',
  split,
} as const;

// An unhandled rejection fails the run as well.
describe.each<[string, OwnDatasetRequest, (content: Buffer) => Buffer]>([
  ['parquet/none.parquet', parquet, (content) => content],
  ['parquet/snappy.parquet', parquet, (content) => content],
  ['parquet/zstd.parquet', parquet, (content) => content],
  ['cifar/cifar-100-python.tar.gz', { dataset: 'cifar100', path: 'file', split }, gunzipSync],
  ['cifar/cifar-10-binary.tar.gz', { dataset: 'cifar10', path: 'file', split }, (content) => content],
  ['npz/medmnist.npz', { dataset: 'npz', path: 'file', split }, (content) => content],
  ['shards/train-001.tar', { dataset: 'webdataset', train: 'file', split }, (content) => content],
])('%s with some damage', (file, request, unpack) => {
  it('is listed, or refused with a reason', async () => {
    const whole = unpack(await readFile(join(FIXTURES, file)));
    const folder = await temporaryFolder();
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 4 }),
        fc.option(fc.nat(whole.length), { freq: 4 }),
        async (changes, length) => {
          const content = Buffer.from(whole);
          for (const [at, byte] of changes) content[at] = byte;
          await writeFile(join(folder, 'file'), content.subarray(0, length ?? content.length));
          const cacheFolder = join(folder, 'cache');
          try {
            const { classNames, train, validation } = await listDataset(request, { folder, cacheFolder });
            for (const label of [...train.labels, ...validation.labels]) {
              expect(label).toBeLessThan(classNames.length);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          } finally {
            await rm(cacheFolder, { recursive: true, force: true });
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
