import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AUGMENTATION_PRESETS,
  AUGMENTATION_STEP_DEFAULTS,
  type AugmentationPreset,
  type AugmentationStep,
  INTERPOLATIONS,
} from '../../../src/recipe/augmentation';
import type { PixelImage } from '../../../src/shared/pixelImage';
import { augmentImage } from '../../../src/training/augmentation/augmentImage';
import type { Uniform } from '../../../src/training/augmentation/draws';
import { adjustBrightness, adjustContrast } from '../../../src/training/augmentation/enhance';
import { adjustHue } from '../../../src/training/augmentation/hue';
import {
  applyOperation,
  magnitudeOf,
  OPERATION_NAMES,
  randAugmentSpace,
  trivialAugmentSpace,
} from '../../../src/training/augmentation/operations';
import { drawBox } from '../../../src/training/augmentation/randomResizedCrop';
import { resize, wholeOf } from '../../../src/training/augmentation/resize';
import { Random } from '../../../src/training/random';
import { picture, type Shape } from './pictures';

const STEPS: readonly AugmentationStep[] = Object.values(AUGMENTATION_STEP_DEFAULTS);
const PRESETS = Object.keys(AUGMENTATION_PRESETS) as AugmentationPreset[];

function seeded(seed: number): Uniform {
  const random = Random.seeded(seed, 'augmentation');
  return () => random.uniform();
}

/** A source that returns exactly these numbers. */
function numbers(...values: number[]): Uniform & { readonly left: () => number } {
  const uniform = () => {
    const value = values.shift();
    if (value === undefined) throw new Error('No number is left');
    return value;
  };
  return Object.assign(uniform, { left: () => values.length });
}

const augment = (
  image: PixelImage,
  steps: readonly AugmentationStep[],
  uniform: Uniform,
  size = image.height,
) => augmentImage(image, steps, { size, interpolation: 'bilinear' }, uniform);

const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 300));
const steps = fc.oneof(
  fc.constantFrom(...PRESETS.map((preset) => AUGMENTATION_PRESETS[preset])),
  fc.array(fc.constantFrom(...STEPS), { maxLength: 4 }),
);

describe('augmentImage', () => {
  test('returns the requested size, and the same bytes for the same seed, for images of any size and aspect', () => {
    fc.assert(
      fc.property(
        ...[fc.tuple(side, side, fc.constantFrom(1, 3)), steps, fc.integer({ min: 1, max: 40 }), fc.nat()],
        fc.constantFrom(...INTERPOLATIONS),
        (shape, list, size, seed, interpolation) => {
          const image = picture(shape);
          const result = augmentImage(image, list, { size, interpolation }, seeded(seed));
          expect([result.height, result.width, result.channels]).toEqual([size, size, shape[2]]);
          expect(result.pixels).toHaveLength(size * size * shape[2]);
          expect(image.pixels).toEqual(picture(shape).pixels);
          expect(augmentImage(image, list, { size, interpolation }, seeded(seed))).toEqual(result);
        },
      ),
    );
  });

  test.each(STEPS)('$step changes images depending on the random numbers', (step) => {
    const image = picture([32, 32, 3]);
    const results = Array.from({ length: 20 }, (_, seed) => augment(image, [step], seeded(seed)));
    const different = new Set(results.map(({ pixels }) => pixels.join()));
    expect(different.size).toBeGreaterThan(step.step.endsWith('flip') ? 1 : 10);
  });

  test('a gray image changes like three equal channels, except for PCA noise', () => {
    const listed = fc.array(fc.constantFrom(...STEPS.filter(({ step }) => step !== 'pca_noise')), {
      maxLength: 5,
    });
    const hued = { ...AUGMENTATION_STEP_DEFAULTS.color_jitter, hue: [-0.5, 0.5] } as const;
    fc.assert(
      fc.property(side, side, listed, fc.nat(), (height, width, list, seed) => {
        const gray = picture([height, width, 1]);
        const pixels = Uint8Array.from(
          { length: gray.pixels.length * 3 },
          (_, index) => gray.pixels[Math.floor(index / 3)]!,
        );
        const one = augment(gray, [...list, hued], seeded(seed), 24);
        const three = augment({ ...gray, pixels, channels: 3 }, [...list, hued], seeded(seed), 24);
        for (const channel of [0, 1, 2]) {
          expect(three.pixels.filter((_, index) => index % 3 === channel)).toEqual(one.pixels);
        }
      }),
    );
  });

  test('ignores the aspect ratio when it resizes before a padded crop', () => {
    const image = picture([20, 50, 3]);
    const result = augment(image, [{ step: 'padded_crop', padding: 0 }], seeded(0), 16);
    expect(result).toEqual(resize(image, wholeOf(image), { height: 16, width: 16 }, 'bilinear'));
  });

  test('does nothing to an image of its size without steps', () => {
    const image = picture([16, 16, 3]);
    expect(augment(image, AUGMENTATION_PRESETS.none, numbers())).toEqual(image);
  });
});

describe('the random numbers of a step', () => {
  const shapes: readonly Shape[] = [
    [16, 16, 1],
    [16, 16, 3],
  ];
  const counts: readonly (readonly [AugmentationStep, number])[] = [
    [AUGMENTATION_STEP_DEFAULTS.padded_crop, 2],
    [AUGMENTATION_STEP_DEFAULTS.flip, 1],
    [AUGMENTATION_STEP_DEFAULTS.vertical_flip, 1],
    [AUGMENTATION_STEP_DEFAULTS.color_jitter, 7],
    [AUGMENTATION_STEP_DEFAULTS.pca_noise, 6],
    [{ step: 'randaugment', operations: 3, magnitude: 30 }, 6],
    [AUGMENTATION_STEP_DEFAULTS.trivialaugment, 3],
  ];
  test.each(
    counts.flatMap(([step, count]) => shapes.map((shape) => [step.step, shape, step, count] as const)),
  )('%s of %j', (_, shape, step, count) => {
    const random = seeded(count);
    for (let round = 0; round < 50; round++) {
      const source = numbers(...Array.from({ length: count }, random));
      augment(picture(shape), [step], source);
      expect(source.left()).toBe(0);
    }
  });

  test('random_resized_crop takes 2 per attempt and 2 for the position', () => {
    const options = AUGMENTATION_STEP_DEFAULTS.random_resized_crop;
    // The widest box with the whole area does not fit a square. The square box with a quarter of the area does.
    const source = numbers(...[1, 1], ...[1, 0], ...[(0.25 - 0.08) / 0.92, 0.5], ...[0.999, 0]);
    expect(drawBox({ height: 100, width: 100 }, options, source)).toEqual({
      top: 50,
      left: 0,
      height: 50,
      width: 50,
    });
    expect(source.left()).toBe(0);
  });
});

describe('random_resized_crop', () => {
  test('draws boxes inside the image, with area and aspect in range', () => {
    const options = AUGMENTATION_STEP_DEFAULTS.random_resized_crop;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 600 }),
        fc.nat(),
        (height, width, seed) => {
          const box = drawBox({ height, width }, options, seeded(seed));
          expect(Math.min(box.top, box.left)).toBeGreaterThanOrEqual(0);
          expect(Math.min(box.height, box.width)).toBeGreaterThanOrEqual(1);
          expect(box.top + box.height).toBeLessThanOrEqual(height);
          expect(box.left + box.width).toBeLessThanOrEqual(width);
          // Rounding moves each side by at most half a pixel.
          const [least, most] = [-0.5, 0.5].map((half) => (box.width + half) / (box.height - half));
          expect(most).toBeGreaterThanOrEqual(options.aspect[0] - 1e-9);
          expect(least).toBeLessThanOrEqual(options.aspect[1] + 1e-9);
          const fallback = Math.min(width / height, height / width) < 3 / 4;
          if (!fallback)
            expect((box.height + 0.5) * (box.width + 0.5)).toBeGreaterThanOrEqual(
              options.area[0] * height * width,
            );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('draws area and log aspect uniformly, at any position', () => {
    const options = { area: [0.1, 0.5], aspect: [3 / 4, 4 / 3] } as const;
    const side = 1000;
    const uniform = seeded(1);
    const boxes = Array.from({ length: 5000 }, () =>
      drawBox({ height: side, width: side }, options, uniform),
    );
    const shares = {
      area: boxes.map(({ height, width }) => ((height * width) / side ** 2 - 0.1) / 0.4),
      aspect: boxes.map(
        ({ height, width }) => (Math.log(width / height) - Math.log(3 / 4)) / Math.log(16 / 9),
      ),
      top: boxes.map(({ top, height }) => (top + 0.5) / (side - height + 1)),
      left: boxes.map(({ left, width }) => (left + 0.5) / (side - width + 1)),
    };
    for (const values of Object.values(shares)) {
      // Kolmogorov-Smirnov: exceeds 1.95 / sqrt(n) once in a thousand. Rounding to pixels adds up to 0.005.
      const sorted = [...values].sort((a, b) => a - b);
      const distance = Math.max(
        ...sorted.map((value, index) => Math.abs(value - (index + 0.5) / sorted.length)),
      );
      expect(distance).toBeLessThan(1.95 / Math.sqrt(values.length) + 0.005);
    }
  });
});

describe('flips', () => {
  test('occur with their probability', () => {
    const image = picture([1, 2, 1]);
    for (const probability of [0, 0.25, 1]) {
      const uniform = seeded(3);
      const results = Array.from({ length: 2000 }, () =>
        augmentImage(
          image,
          [
            { step: 'random_resized_crop', area: [1, 1], aspect: [2, 2] },
            { step: 'flip', probability },
          ],
          { size: 2, interpolation: 'nearest' },
          uniform,
        ),
      );
      const flipped = results.filter(({ pixels }) => pixels[0] === image.pixels[1]).length / results.length;
      // Four standard deviations.
      expect(Math.abs(flipped - probability)).toBeLessThanOrEqual(
        4 * Math.sqrt((probability * (1 - probability)) / 2000),
      );
    }
  });
});

describe('color_jitter', () => {
  const image = picture([16, 16, 3]);
  const step = {
    step: 'color_jitter',
    brightness: [0.5, 1.5],
    contrast: [0.5, 1.5],
    saturation: [1, 1],
    hue: [-0.5, 0.5],
  } as const;

  test('applies the changes in the drawn order, each by its factor', () => {
    // In Fisher-Yates, always choosing the last keeps 0, 1, 2, 3 in order.
    const inOrder = [0.99, 0.99, 0.99];
    expect(augment(image, [step], numbers(...inOrder, 0.1, 0.9, 0.3, 0.8))).toEqual(
      adjustHue(adjustContrast(adjustBrightness(image, 0.6), 1.4), 0.3),
    );
    // Here the choices give 1, 2, 3, 0: brightness comes last.
    expect(augment(image, [step], numbers(0, 0, 0, 0.1, 0.9, 0.3, 0.8))).toEqual(
      adjustBrightness(adjustHue(adjustContrast(image, 1.4), 0.3), 0.6),
    );
  });

  test('changes nothing with neutral ranges', () => {
    const neutral = { ...step, brightness: [1, 1], contrast: [1, 1], hue: [0, 0] } as const;
    expect(augment(image, [neutral], seeded(1))).toEqual(image);
  });
});

describe('pca_noise', () => {
  test('adds one color to all pixels, with the variance along the components', () => {
    const gray: PixelImage = { pixels: new Uint8Array(12).fill(128), height: 2, width: 2, channels: 3 };
    const uniform = seeded(2);
    const shifts = Array.from({ length: 4000 }, () => {
      const { pixels } = augment(gray, [{ step: 'pca_noise', std: 0.1 }], uniform);
      for (let index = 3; index < 12; index++) expect(pixels[index]).toBe(pixels[index % 3]);
      return [...pixels.subarray(0, 3)].map((level) => level - 128);
    });
    const variance = (channel: number) =>
      shifts.reduce((sum, shift) => sum + shift[channel]! ** 2, 0) / shifts.length;
    // Red's variance: 0.01 ((0.5675 x 55.46)^2 + (0.7192 x 4.794)^2 + (0.4009 x 1.148)^2), plus 1/12 from rounding.
    expect(variance(0)).toBeGreaterThan(10.03 * 0.9);
    expect(variance(0)).toBeLessThan(10.03 * 1.1 + 1 / 12);
  });

  test('leaves a gray image unchanged', () => {
    const image = picture([8, 8, 1]);
    expect(augment(image, [{ step: 'pca_noise', std: 1 }], seeded(1))).toEqual(image);
  });
});

describe('drawn operations', () => {
  const image = picture([20, 20, 3]);
  const index = (name: (typeof OPERATION_NAMES)[number]) =>
    (OPERATION_NAMES.indexOf(name) + 0.5) / OPERATION_NAMES.length;

  test('randaugment applies them one after another at its magnitude', () => {
    const strength = (name: 'rotate' | 'solarize') => magnitudeOf(name, randAugmentSpace(name, image)!, 12);
    const expected = applyOperation(
      applyOperation(image, 'rotate', -strength('rotate')),
      'solarize',
      strength('solarize'),
    );
    const step = { step: 'randaugment', operations: 2, magnitude: 12 } as const;
    expect(augment(image, [step], numbers(index('rotate'), 0.2, index('solarize'), 0.2))).toEqual(expected);
  });

  test('trivialaugment applies one at the drawn magnitude', () => {
    const strength = magnitudeOf('shear_x', trivialAugmentSpace('shear_x', image)!, 30);
    const expected = applyOperation(image, 'shear_x', strength);
    expect(augment(image, [{ step: 'trivialaugment' }], numbers(index('shear_x'), 0.99, 0.7))).toEqual(
      expected,
    );
  });
});
