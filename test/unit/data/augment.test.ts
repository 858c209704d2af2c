import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawPlacement, type Placement, placeImage } from '../../../src/training/data/augment';

const SIZE = { height: 3, width: 3, channels: 1 };
const IMAGE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
const STILL: Placement = { down: 0, right: 0, mirrored: false };

function placed(placement: Partial<Placement>, image = IMAGE, size = SIZE): number[] {
  const target = new Uint8Array(image.length).fill(255);
  placeImage(image, target, size, { ...STILL, ...placement });
  return [...target];
}

/** A random source that returns exactly these numbers. */
function numbers(...values: number[]) {
  return () => {
    const value = values.shift();
    if (value === undefined) throw new Error('No more numbers.');
    return value;
  };
}

describe('placeImage', () => {
  it('mirrors left to right', () => {
    expect(placed({ mirrored: true })).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7]);
  });

  it('shifts down and right, and fills with zeros', () => {
    expect(placed({ down: 1, right: 1 })).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
    expect(placed({ down: -1, right: -2 })).toEqual([6, 0, 0, 9, 0, 0, 0, 0, 0]);
  });

  it('shifts first, then mirrors the result', () => {
    expect(placed({ right: 1, mirrored: true })).toEqual([2, 1, 0, 5, 4, 0, 8, 7, 0]);
  });

  it('keeps the channels of a pixel together', () => {
    const size = { height: 1, width: 2, channels: 3 };
    expect(placed({ mirrored: true }, Uint8Array.of(1, 2, 3, 4, 5, 6), size)).toEqual([4, 5, 6, 1, 2, 3]);
  });

  it('is undone by mirroring twice, and adds no pixel values, for any image', () => {
    const sized = fc
      .record({
        height: fc.integer({ min: 1, max: 9 }),
        width: fc.integer({ min: 1, max: 9 }),
        channels: fc.integer({ min: 1, max: 3 }),
      })
      .chain((size) => {
        const length = size.height * size.width * size.channels;
        return fc.tuple(fc.constant(size), fc.uint8Array({ minLength: length, maxLength: length }));
      });
    const shift = fc.integer({ min: -9, max: 9 });
    fc.assert(
      fc.property(sized, shift, shift, ([size, image], down, right) => {
        const once = Uint8Array.from(placed({ mirrored: true }, image, size));
        expect(placed({ mirrored: true }, once, size)).toEqual([...image]);
        const known = new Set([0, ...image]);
        expect(placed({ down, right }, image, size).every((pixel) => known.has(pixel))).toBe(true);
      }),
    );
  });
});

describe('drawPlacement', () => {
  const size = { height: 28, width: 16, channels: 1 };

  it('draws no number without augmentation', () => {
    expect(drawPlacement('none', size, numbers())).toEqual(STILL);
  });

  it('mirrors below one half', () => {
    expect(drawPlacement('flip', size, numbers(0.49)).mirrored).toBe(true);
    expect(drawPlacement('flip', size, numbers(0.5)).mirrored).toBe(false);
  });

  it('shifts by up to an eighth of each side, rounded', () => {
    expect(drawPlacement('crop_flip', size, numbers(0, 0, 0))).toEqual({
      down: -4,
      right: -2,
      mirrored: true,
    });
    expect(drawPlacement('crop_flip', size, numbers(0.999, 0.999, 0.999))).toEqual({
      down: 4,
      right: 2,
      mirrored: false,
    });
  });

  it('reaches each shift equally often over an even grid of numbers', () => {
    const counts = new Map<number, number>();
    for (let n = 0; n < 900; n++) {
      const { down } = drawPlacement('crop_flip', size, numbers(n / 900, 0, 0));
      counts.set(down, (counts.get(down) ?? 0) + 1);
    }
    expect([...counts].sort(([a], [b]) => a - b)).toEqual(
      [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((down) => [down, 100]),
    );
  });
});
