import sharp, { type Sharp } from 'sharp';
import { expect, test } from 'vitest';
import { momentsOf } from '../../../../src/datasets/index/moments';
import { isNear, perceptualHash } from '../../../../src/datasets/index/perceptual';
import { photoPixels } from '../photos';

const photoOf = (seed: number, width = 200, height = 160) => ({
  pixels: photoPixels(seed, width, height, 3),
  width,
  height,
  channels: 3,
});

/** Returns a photo changed by sharp. */
async function changed(seed: number, change: (image: Sharp) => Sharp) {
  const { pixels, width, height } = photoOf(seed);
  const png = await change(sharp(pixels, { raw: { width, height, channels: 3 } })).toBuffer();
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { pixels: new Uint8Array(data), width: info.width, height: info.height, channels: info.channels };
}

test('different photos are not near, and nearly all changed ones are near their originals', async () => {
  const hashes = Array.from({ length: 40 }, (_, seed) => perceptualHash(photoOf(seed))!);
  for (const [a, one] of hashes.entries()) {
    for (const [b, other] of hashes.entries()) expect(isNear(one, 0, other, 0)).toBe(a === b);
  }
  const changes: ((image: Sharp) => Sharp)[] = [
    (image) => image.jpeg({ quality: 50 }),
    (image) => image.webp({ quality: 30 }),
    (image) => image.resize(100, 80).png(),
    (image) => image.blur(1.5).png(),
    (image) => image.linear(0.9, 10).png(),
    (image) => image.greyscale().toColourspace('b-w').png(),
  ];
  let near = 0;
  for (let seed = 0; seed < 20; seed++) {
    for (const change of changes) {
      if (isNear(hashes[seed]!, 0, perceptualHash(await changed(seed, change))!, 0)) near++;
    }
  }
  expect(near).toBeGreaterThan(0.9 * 20 * changes.length);
});

test('mirrored photos have another hash', async () => {
  expect(
    isNear(
      perceptualHash(photoOf(1))!,
      0,
      perceptualHash(await changed(1, (image) => image.flop().png()))!,
      0,
    ),
  ).toBe(false);
});

test('small and flat images have none', () => {
  expect(perceptualHash(photoOf(1, 63, 200))).toBeNull();
  expect(perceptualHash(photoOf(1, 64, 64))).not.toBeNull();
  expect(
    perceptualHash({ pixels: new Uint8Array(100 * 100 * 3).fill(200), width: 100, height: 100, channels: 3 }),
  ).toBeNull();
});

test('moments are the mean and the mean square of each channel, in 0..1', () => {
  const pixels = Uint8Array.of(0, 255, 51, 255, 255, 102);
  const moments = momentsOf({ pixels, width: 2, height: 1, channels: 3 });
  for (const [at, value] of [0.5, 1, 0.3, 0.5, 1, 0.1].entries()) expect(moments[at]).toBeCloseTo(value, 12);
  const gray = momentsOf({ pixels: Uint8Array.of(0, 255), width: 2, height: 1, channels: 1 });
  expect([...gray]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
});
