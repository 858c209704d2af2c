import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INTERPOLATIONS } from '../../../src/recipe/augmentation';
import type { PixelImage } from '../../../src/shared/pixelImage';
import { evaluationView } from '../../../src/training/augmentation/evaluationView';
import { crop, resize, resizeRegion, wholeOf } from '../../../src/training/augmentation/resize';
import { picture } from './pictures';

const side = fc.integer({ min: 1, max: 40 });
const shape = fc.tuple(side, side, fc.constantFrom(1, 3));
const interpolation = fc.constantFrom(...INTERPOLATIONS);
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
/** Picks an interval of a side. Its start and its length are given as values from 0 to 1. */
const stretch = (length: number, start: number, share: number) => {
  const from = start * length * 0.9;
  return { from, length: Math.max(0.05, share * (length - from)) };
};

describe('resize', () => {
  test('returns the requested size, and does not change its input', () => {
    fc.assert(
      fc.property(
        ...[shape, fc.tuple(fraction, fraction, fraction, fraction), side, side, interpolation],
        (from, [top, left, tall, wide], height, width, filter) => {
          const image = picture(from);
          const [rows, columns] = [stretch(image.height, top, tall), stretch(image.width, left, wide)];
          const box = { top: rows.from, left: columns.from, height: rows.length, width: columns.length };
          const result = resize(image, box, { height, width }, filter);
          expect([result.height, result.width, result.channels]).toEqual([height, width, from[2]]);
          expect(result.pixels).toHaveLength(height * width * from[2]);
          expect(image.pixels).toEqual(picture(from).pixels);
        },
      ),
    );
  });

  test('keeps a constant color', () => {
    fc.assert(
      fc.property(
        ...[shape, fc.integer({ min: 0, max: 255 }), side, side, interpolation],
        ([height, width, channels], color, toHeight, toWidth, filter) => {
          const pixels = new Uint8Array(height * width * channels).fill(color);
          const image: PixelImage = { pixels, height, width, channels };
          const result = resize(image, wholeOf(image), { height: toHeight, width: toWidth }, filter);
          expect(new Set(result.pixels)).toEqual(new Set([color]));
        },
      ),
    );
  });

  test('of a region equals that part of the whole', () => {
    fc.assert(
      fc.property(
        ...[shape, side, side, fc.tuple(fraction, fraction, fraction, fraction), interpolation],
        (from, height, width, [top, left, tall, wide], filter) => {
          const image = picture(from);
          const region = {
            top: Math.floor(top * (height - 1)),
            left: Math.floor(left * (width - 1)),
            height: 1 + Math.floor(tall * (height - 1 - Math.floor(top * (height - 1)))),
            width: 1 + Math.floor(wide * (width - 1 - Math.floor(left * (width - 1)))),
          };
          const whole = resize(image, wholeOf(image), { height, width }, filter);
          const part = resizeRegion(image, { height, width }, region, filter);
          expect(part).toEqual(crop(whole, region));
        },
      ),
    );
  });

  test('resizes each of three channels like a single one', () => {
    fc.assert(
      fc.property(side, side, side, side, interpolation, (height, width, toHeight, toWidth, filter) => {
        const image = picture([height, width, 3]);
        const result = resize(image, wholeOf(image), { height: toHeight, width: toWidth }, filter);
        for (const channel of [0, 1, 2]) {
          const one = {
            ...image,
            pixels: image.pixels.filter((_, index) => index % 3 === channel),
            channels: 1,
          };
          const resized = resize(one, wholeOf(one), { height: toHeight, width: toWidth }, filter);
          expect(result.pixels.filter((_, index) => index % 3 === channel)).toEqual(resized.pixels);
        }
      }),
    );
  });

  test.each([
    { top: -1, left: 0, height: 5, width: 5 },
    { top: 0, left: 4.5, height: 5, width: 6 },
    { top: 0, left: 0, height: 0, width: 5 },
    { top: 0, left: 0, height: Number.NaN, width: 5 },
  ])('refuses a box outside the image: $top, $left, $height, $width', (box) => {
    expect(() => resize(picture([10, 10, 3]), box, { height: 4, width: 4 }, 'bilinear')).toThrow(RangeError);
  });
});

describe('crop', () => {
  test('fills the area outside the image with zeros', () => {
    const image: PixelImage = { pixels: Uint8Array.of(1, 2, 3, 4), height: 2, width: 2, channels: 1 };
    expect([...crop(image, { top: -1, left: 1, height: 3, width: 3 }).pixels]).toEqual([
      ...[0, 0, 0],
      ...[2, 0, 0],
      ...[4, 0, 0],
    ]);
    expect([...crop(image, { top: 5, left: -9, height: 1, width: 2 }).pixels]).toEqual([0, 0]);
  });
});

describe('evaluation view', () => {
  test('has the requested size for images of any size and aspect', () => {
    fc.assert(
      fc.property(
        ...[fc.tuple(side, side, fc.constantFrom(1, 3)), side, fc.double({ min: 0.3, max: 2, noNaN: true })],
        (from, size, cropPct) => {
          const view = evaluationView(picture(from), { size, cropPct, interpolation: 'bilinear' });
          expect([view.height, view.width, view.channels]).toEqual([size, size, from[2]]);
          expect(view.pixels).toHaveLength(size * size * from[2]);
        },
      ),
    );
  });

  test.each([
    [1, 20_000],
    [20_000, 1],
  ])('of an image of %d by %d computes only the center', (height, width) => {
    const view = evaluationView(picture([height, width, 1]), {
      ...{ size: 224, cropPct: 0.875, interpolation: 'bicubic' },
    });
    expect(view.pixels).toHaveLength(224 * 224);
  });

  test('of an image that already has its size is the image itself', () => {
    const image = picture([28, 28, 1]);
    expect(evaluationView(image, { size: 28, cropPct: 1, interpolation: 'bicubic' })).toEqual(image);
  });
});
