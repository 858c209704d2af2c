/** Images are byte-for-byte equal to those from Pillow and torchvision (bench/parity/augmentation.py). */
import { expect, test } from 'vitest';
import type { Interpolation } from '../../../src/recipe/augmentation';
import type { PixelImage } from '../../../src/shared/pixelImage';
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
} from '../../../src/training/augmentation/enhance';
import { evaluationView } from '../../../src/training/augmentation/evaluationView';
import { flip, verticalFlip } from '../../../src/training/augmentation/flip';
import { adjustHue } from '../../../src/training/augmentation/hue';
import {
  applyOperation,
  MAGNITUDE_BINS,
  magnitudeOf,
  OPERATION_NAMES,
  type OperationName,
  randAugmentSpace,
  trivialAugmentSpace,
} from '../../../src/training/augmentation/operations';
import { paddedCrop } from '../../../src/training/augmentation/paddedCrop';
import { addComponents } from '../../../src/training/augmentation/pcaNoise';
import { drawBox } from '../../../src/training/augmentation/randomResizedCrop';
import { resize, resizeCrop } from '../../../src/training/augmentation/resize';
import { digest, picture, readFixture, type Shape } from './pictures';

interface ResizeGolden {
  readonly image: Shape;
  readonly box: readonly [number, number, number, number];
  readonly size: readonly [number, number];
  readonly interpolation: Interpolation;
  readonly pixels: string;
}

interface Goldens {
  readonly picture: string;
  readonly resizedCrops: readonly (Omit<ResizeGolden, 'size' | 'pixels'> & {
    readonly size: number;
    readonly digest: string;
  })[];
  readonly evaluationViews: readonly {
    readonly image: Shape;
    readonly size: number;
    readonly cropPct: number;
    readonly interpolation: Interpolation;
    readonly digest: string;
  }[];
  readonly magnitudes: readonly {
    readonly space: 'randaugment' | 'trivialaugment';
    readonly size: readonly [number, number];
    readonly magnitudes: Readonly<Record<OperationName, readonly number[]>>;
  }[];
  readonly operations: readonly (readonly [Shape, OperationName, number, string])[];
  readonly adjustments: readonly (readonly [Shape, keyof typeof ADJUSTMENTS, number, string])[];
  readonly lighting: readonly { readonly coefficients: readonly number[]; readonly digest: string }[];
  readonly paddedCrops: readonly {
    readonly image: Shape;
    readonly padding: number;
    readonly top: number;
    readonly left: number;
    readonly digest: string;
  }[];
  readonly flips: readonly { readonly image: Shape; readonly flip: string; readonly vertical_flip: string }[];
  readonly centralCrops: readonly {
    readonly image: readonly [number, number];
    readonly box: readonly [number, number, number, number];
  }[];
  readonly hueOfAllColors: string;
}

const ADJUSTMENTS = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
} as const;

const goldens = readFixture('goldens.json') as Goldens;
const resized = readFixture('resize.json') as readonly ResizeGolden[];

test('the picture is the one that the goldens were computed from', () => {
  expect(digest(picture([37, 53, 3]))).toBe(goldens.picture);
});

test.each(resized)('resize $image from $box to $size, $interpolation', (golden) => {
  const [top, left, height, width] = golden.box;
  const [outputHeight, outputWidth] = golden.size;
  const result = resize(
    picture(golden.image),
    { top, left, height, width },
    { height: outputHeight, width: outputWidth },
    golden.interpolation,
  );
  expect([result.height, result.width, result.channels]).toEqual([...golden.size, golden.image[2]]);
  expect([...result.pixels]).toEqual([...Buffer.from(golden.pixels, 'base64')]);
});

test.each(goldens.resizedCrops)('crop $box of $image resized to $size, $interpolation', (golden) => {
  const [top, left, height, width] = golden.box;
  const size = { height: golden.size, width: golden.size };
  const result = resizeCrop(picture(golden.image), { top, left, height, width }, size, golden.interpolation);
  expect(digest(result)).toBe(golden.digest);
});

test.each(goldens.evaluationViews)(
  'evaluation view of $image at $size, $cropPct, $interpolation',
  (golden) => {
    const result = evaluationView(picture(golden.image), golden);
    expect([result.height, result.width, result.channels]).toEqual([
      golden.size,
      golden.size,
      golden.image[2],
    ]);
    expect(digest(result)).toBe(golden.digest);
  },
);

test.each(goldens.magnitudes)(
  'magnitudes of $space at $size',
  ({ space, size: [height, width], magnitudes }) => {
    const spaceOf = space === 'randaugment' ? randAugmentSpace : trivialAugmentSpace;
    const ours = OPERATION_NAMES.map((name) => {
      const range = spaceOf(name, { height, width });
      const bins = Array.from({ length: range ? MAGNITUDE_BINS : 0 }, (_, bin) => bin);
      return [name, range ? bins.map((bin) => magnitudeOf(name, range, bin)) : []];
    });
    expect(Object.fromEntries(ours)).toEqual(magnitudes);
  },
);

test.each(OPERATION_NAMES)('operation %s', (name) => {
  const cases = goldens.operations.filter(([, operation]) => operation === name);
  expect(cases.length).toBeGreaterThanOrEqual(5);
  const wrong = cases.filter(
    ([shape, , magnitude, expected]) => digest(applyOperation(picture(shape), name, magnitude)) !== expected,
  );
  expect(wrong).toEqual([]);
});

test.each(goldens.adjustments)('%j: %s by %d', (shape, name, factor, expected) => {
  expect(digest(ADJUSTMENTS[name](picture(shape), factor))).toBe(expected);
});

test('hue of every fifth level of each channel', () => {
  const side = 52;
  const pixels = Uint8Array.from({ length: side ** 3 * 3 }, (_, index) => {
    const color = Math.floor(index / 3);
    return 5 * (Math.floor(color / side ** (2 - (index % 3))) % side);
  });
  const colors: PixelImage = { pixels, height: side ** 2, width: side, channels: 3 };
  expect(digest(adjustHue(colors, 0.1))).toBe(goldens.hueOfAllColors);
});

test.each(goldens.lighting)('PCA noise of $coefficients', ({ coefficients, digest: expected }) => {
  expect(digest(addComponents(picture([37, 53, 3]), coefficients))).toBe(expected);
});

test.each(goldens.paddedCrops)('padded crop of $image at $top, $left', (golden) => {
  const places = 2 * golden.padding + 1;
  const numbers = [(golden.top + 0.5) / places, (golden.left + 0.5) / places];
  const result = paddedCrop(picture(golden.image), golden.padding, () => numbers.shift()!);
  expect(digest(result)).toBe(golden.digest);
});

test.each(goldens.flips)('flips of $image', (golden) => {
  expect(digest(flip(picture(golden.image)))).toBe(golden.flip);
  expect(digest(verticalFlip(picture(golden.image)))).toBe(golden.vertical_flip);
});

test.each(goldens.centralCrops)('box of $image if none fits', ({ image: [height, width], box }) => {
  const options = { area: [4, 4], aspect: [3 / 4, 4 / 3] } as const;
  const drawn = drawBox({ height, width }, options, () => 0.5);
  expect([drawn.top, drawn.left, drawn.height, drawn.width]).toEqual(box);
});
