import { expect, test } from 'vitest';
import { dataWaitText } from '../../../src/protocol/dataWait';
import type { ImagesRecipe } from '../../../src/recipe/recipe';

const images: ImagesRecipe = {
  ...{ size: 224, interpolation: 'bilinear', cropPct: 0.875, presize: null, onBadImage: 'fail' },
};
const folder = { dataset: 'image_folder', path: 'photos', split: { validation: 0.1, seed: 0 } } as const;

test('a short wait, and one for images in memory, is not reported', () => {
  expect(dataWaitText({ dataWaitShare: 0.1 }, { images, source: folder })).toBeNull();
  expect(dataWaitText({}, { images, source: folder })).toBeNull();
  const known = { images: null, source: { dataset: 'fashion-mnist' } } as const;
  expect(dataWaitText({ dataWaitShare: 0.9 }, known)).toBeNull();
});

test('a long wait names what would help', () => {
  const text = dataWaitText({ dataWaitShare: 0.344 }, { images, source: folder });
  expect(text).toContain('waited for images 34% of the time');
  expect(text).toContain('data.presize: 258');
  expect(text).toContain('BAG_OF_TRICKS_DATA_WORKERS');
});

test('only threads help if images are resized once, or are in memory', () => {
  const presized = { images: { ...images, presize: 256 }, source: folder };
  const inMemory = { images, source: { dataset: 'cifar10', split: folder.split } } as const;
  for (const data of [presized, inMemory]) {
    const text = dataWaitText({ dataWaitShare: 0.5 }, data);
    expect(text).not.toContain('presize');
    expect(text).toContain('BAG_OF_TRICKS_DATA_WORKERS');
  }
});
