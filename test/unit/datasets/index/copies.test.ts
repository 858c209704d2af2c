import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactCopies, nearCopies } from '../../../../src/datasets/index/copies';
import { NEAR_FREQUENCIES, NEAR_STEPS } from '../../../../src/datasets/index/perceptual';
import { newLooks, SEEN, type SeenSplit, SPLIT_NAMES } from '../../../../src/datasets/index/tables';
import { nameTable } from '../../../../src/datasets/table';

interface Image {
  readonly content: number;
  readonly label: number;
  readonly isBad: boolean;
  /** Four words. */
  readonly hash: readonly number[];
}

/** Returns splits of images that were scanned. */
function splitsOfImages(splits: readonly (readonly Image[])[]): SeenSplit[] {
  return splits.map((images, index) => {
    const detailed = Uint32Array.from(images, (_, image) => image);
    const looks = newLooks(images.length, detailed);
    for (const [image, { content, isBad, hash }] of images.entries()) {
      looks.hash.set(createHash('sha256').update(`${content}`).digest().subarray(0, 16), image * 16);
      looks.flags[image] = isBad ? SEEN.looked | SEEN.bad : SEEN.looked | SEEN.decoded | SEEN.hashed;
      looks.details.perceptual.set(hash, image * 4);
    }
    return {
      name: SPLIT_NAMES[index]!,
      looks,
      table: {
        kind: 'files',
        root: `/${SPLIT_NAMES[index]}`,
        names: nameTable(images.map((_, image) => `${image}`)),
        labels: Uint32Array.from(images, ({ label }) => label),
      },
    };
  });
}

const bits = (word: number) => (word >>> 0).toString(2).replaceAll('0', '').length;

/** Few contents, and hashes that differ from one of a few by some bits, so that all kinds of copies occur. */
const image = fc.record({
  content: fc.nat(12),
  label: fc.nat(2),
  isBad: fc.constant(false),
  hash: fc
    .record({ base: fc.nat(3), flips: fc.array(fc.tuple(fc.nat(3), fc.nat(31)), { maxLength: 8 }) })
    .map(({ base, flips }) => {
      const words = [0, 1, 2, 3].map((word) => Math.imul(base * 4 + word + 1, 0x9e3779b1) >>> 0);
      for (const [word, bit] of flips) words[word] = (words[word]! ^ (1 << bit)) >>> 0;
      return words;
    }),
});
const splits = fc.array(fc.array(image, { maxLength: 12 }), { minLength: 1, maxLength: 3 });

test('copies equal those of a comparison of all pairs', () => {
  fc.assert(
    fc.property(splits, (images) => {
      const { copiesWithin, copiesAcross, copiesMislabelled } = exactCopies(splitsOfImages(images));
      const all = images.flatMap((split, index) => split.map((each) => ({ ...each, split: index })));
      let [within, across, mislabeled] = [0, 0, 0];
      for (const [index, each] of all.entries()) {
        const first = all.slice(0, index).find(({ content }) => content === each.content);
        if (!first) continue;
        if (first.split === each.split) within++;
        else across++;
        if (first.label !== each.label) mislabeled++;
      }
      expect([copiesWithin.count, copiesAcross.count, copiesMislabelled.count]).toEqual([
        within,
        across,
        mislabeled,
      ]);
    }),
  );
});

test('near copies equal those of a comparison of all pairs', () => {
  fc.assert(
    fc.property(splits, (images) => {
      const seen = splitsOfImages(images);
      const { isAcross } = exactCopies(seen);
      const { count, compared } = nearCopies(seen, isAcross);
      const isNear = (one: Image, other: Image) => {
        const distance = (word: number) => bits(one.hash[word]! ^ other.hash[word]!);
        return distance(0) + distance(1) <= NEAR_FREQUENCIES && distance(2) + distance(3) <= NEAR_STEPS;
      };
      const before = (index: number) => images.slice(0, index).flat();
      const expected = images.flatMap((split, index) =>
        split.filter(
          (each) =>
            !before(index).some(({ content }) => content === each.content) &&
            before(index).some((other) => isNear(other, each)),
        ),
      );
      expect(count).toBe(expected.length);
      expect(compared).toBe(images.flat().length);
    }),
  );
});

test('unreadable images are copies of none', () => {
  const bad = { content: 1, label: 0, isBad: true, hash: [0, 0, 0, 0] };
  const seen = splitsOfImages([[bad, bad], [bad]]);
  const { copiesWithin, copiesAcross, isAcross } = exactCopies(seen);
  expect([copiesWithin.count, copiesAcross.count, nearCopies(seen, isAcross).count]).toEqual([0, 0, 0]);
});

test('the first few pairs of many copies are named, and all are counted', () => {
  const one = { content: 1, label: 0, isBad: false, hash: [1, 2, 3, 4] };
  const { copiesWithin } = exactCopies(splitsOfImages([Array.from({ length: 100 }, () => one)]));
  expect(copiesWithin.count).toBe(99);
  expect(copiesWithin.pairs).toHaveLength(10);
  expect(copiesWithin.pairs[0]).toEqual(['/train/0', '/train/1']);
});
