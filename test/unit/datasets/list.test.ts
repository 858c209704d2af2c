import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listDataset } from '../../../src/datasets/list';
import type { OwnDatasetRequest } from '../../../src/recipe/datasets';
import { temporaryFolder } from '../data/files';
import { FIXTURES, SPLIT } from './listingHere';

const split = SPLIT;

describe('listDataset', () => {
  it.each<[OwnDatasetRequest, number, number]>([
    [{ dataset: 'cifar10', path: 'cifar/cifar-10-binary.tar.gz', split }, 15, 4],
    [{ dataset: 'cifar100', path: 'cifar/cifar-100-python.tar.gz', split }, 15, 4],
    [{ dataset: 'idx', path: 'idx', split }, 6, 2],
    [{ dataset: 'npz', path: 'npz/medmnist.npz', split }, 8, 2],
    [{ dataset: 'parquet', path: 'parquet/hf', image_column: 'image', label_column: 'label', split }, 10, 0],
    [{ dataset: 'webdataset', train: 'shards/train-{000..002}.tar', split }, 12, 0],
  ])('lists $dataset', async (request, images, testImages) => {
    const cacheFolder = await temporaryFolder();
    const { train, validation, test } = await listDataset(request, { folder: FIXTURES, cacheFolder });
    expect(train.labels.length + validation.labels.length).toBe(images);
    expect(test?.labels.length ?? 0).toBe(testImages);
  });

  it('explains a missing data set', async () => {
    const request = { dataset: 'npz', path: 'none.npz', split } as const;
    const work = listDataset(request, { folder: FIXTURES, cacheFolder: join(FIXTURES, 'none') });
    await expect(work).rejects.toHaveProperty('name', 'UserError');
  });
});
