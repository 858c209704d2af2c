import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listDataset } from '../../../src/datasets/list';
import { SplitSides } from '../../../src/datasets/split';
import type { SplitOptions } from '../../../src/recipe/datasets';
import { imagesOf, makeFiles, numbered, testFolder } from './folders';

const folder = testFolder();

/** Returns the fold in which each image is a validation image, in image order. */
function foldsOf(
  images: readonly { readonly key: string; readonly label: number }[],
  of: number,
  seed: number,
  isGroup = false,
): number[] {
  const all = Array.from({ length: of }, (_, index) => {
    const sides = new SplitSides({ validation: 0.1, seed, fold: { index, of } });
    return images.map(({ key, label }) => sides.isValidation(key, label, isGroup));
  });
  return images.map((_, image) => {
    const folds = all.flatMap((isValidation, fold) => (isValidation[image] ? [fold] : []));
    expect(folds).toHaveLength(1);
    return folds[0] as number;
  });
}

describe('folds', () => {
  test('divide the images, each class evenly and each image once', () => {
    const images = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 200 });
    fc.assert(
      fc.property(images, fc.integer({ min: 2, max: 9 }), fc.nat(1000), (labels, of, seed) => {
        const folds = foldsOf(
          labels.map((label, index) => ({ key: `${index}`, label })),
          of,
          seed,
        );
        for (const label of new Set(labels)) {
          const counts = Array<number>(of).fill(0);
          for (const [image, fold] of folds.entries()) if (labels[image] === label) counts[fold]! += 1;
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('keep the images of a group together', () => {
    const images = Array.from({ length: 60 }, (_, index) => ({
      key: `group ${index % 12}`,
      label: index % 3,
    }));
    const folds = foldsOf(images, 4, 7, true);
    for (const [image, fold] of folds.entries()) expect(fold).toBe(folds[image % 12]);
    expect(new Set(folds).size).toBe(4);
  });

  test('differ with another seed', () => {
    const images = Array.from({ length: 50 }, (_, index) => ({ key: `${index}`, label: 0 }));
    expect(foldsOf(images, 5, 0)).toEqual(foldsOf(images, 5, 0));
    expect(foldsOf(images, 5, 0)).not.toEqual(foldsOf(images, 5, 1));
  });

  test('replace the validation share of a data set, and each image is validated in one of them', async () => {
    await makeFiles(folder.path, [...numbered(['cat'], 10), ...numbered(['dog'], 7)]);
    const splitBy = (split: SplitOptions) =>
      listDataset(
        { dataset: 'image_folder', path: '.', split },
        { folder: folder.path, cacheFolder: join(folder.path, '.cache') },
      );
    const seen: string[] = [];
    for (const index of [0, 1, 2]) {
      const listed = await splitBy({ validation: 0.9, seed: 3, fold: { index, of: 3 } });
      const [train, validation] = [imagesOf(listed, listed.train), imagesOf(listed, listed.validation)];
      expect(train.filter((image) => validation.includes(image))).toEqual([]);
      expect(train.length + validation.length).toBe(17);
      for (const [name, count] of [
        ['cat', 10],
        ['dog', 7],
      ] as const) {
        const inFold = validation.filter((image) => image.endsWith(name)).length;
        expect(Math.abs(inFold - count / 3)).toBeLessThan(1);
      }
      seen.push(...validation);
    }
    expect(new Set(seen).size).toBe(17);
  });
});
