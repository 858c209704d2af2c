import { RANDAUGMENT_MAX_MAGNITUDE } from '../../recipe/augmentation';
import { assertNever } from '../../shared/assertNever';
import type { PixelImage } from '../../shared/pixelImage';
import { rotate, shearX, shearY, translate } from './affine';
import { adjustBrightness, adjustContrast, adjustSaturation, adjustSharpness } from './enhance';
import type { Size } from './resize';
import { autocontrast, equalize, posterize, solarize } from './tones';

/** The operations of RandAugment and TrivialAugment, in torchvision's order. */
export const OPERATION_NAMES = [
  ...(['identity', 'shear_x', 'shear_y', 'translate_x', 'translate_y', 'rotate', 'brightness'] as const),
  ...(['color', 'contrast', 'sharpness', 'posterize', 'solarize', 'autocontrast', 'equalize'] as const),
] as const;
export type OperationName = (typeof OPERATION_NAMES)[number];

/** Number of magnitude bins. */
export const MAGNITUDE_BINS = RANDAUGMENT_MAX_MAGNITUDE + 1;

/** The strength of an operation by magnitude: evenly spaced from the first bin's to the last's. */
interface Magnitudes {
  readonly first: number;
  readonly last: number;
  /** Whether the operation gets a random sign. */
  readonly signed: boolean;
}

/** A set of operations and their magnitudes. Null if an operation has no magnitude. `size` is the image's. */
export type OperationSpace = (name: OperationName, size: Size) => Magnitudes | null;

/** torchvision's RandAugment. */
export const randAugmentSpace: OperationSpace = (name, { height, width }) => {
  switch (name) {
    case 'shear_x':
    case 'shear_y':
      return { first: 0, last: 0.3, signed: true };
    case 'translate_x':
      return { first: 0, last: (150 / 331) * width, signed: true };
    case 'translate_y':
      return { first: 0, last: (150 / 331) * height, signed: true };
    case 'rotate':
      return { first: 0, last: 30, signed: true };
    case 'brightness':
    case 'color':
    case 'contrast':
    case 'sharpness':
      return { first: 0, last: 0.9, signed: true };
    case 'posterize':
      return { first: 8, last: 4, signed: false };
    default:
      return commonMagnitudes(name);
  }
};

/** torchvision's TrivialAugmentWide. */
export const trivialAugmentSpace: OperationSpace = (name) => {
  switch (name) {
    case 'translate_x':
    case 'translate_y':
      return { first: 0, last: 32, signed: true };
    case 'rotate':
      return { first: 0, last: 135, signed: true };
    case 'shear_x':
    case 'shear_y':
    case 'brightness':
    case 'color':
    case 'contrast':
    case 'sharpness':
      return { first: 0, last: 0.99, signed: true };
    case 'posterize':
      return { first: 8, last: 2, signed: false };
    default:
      return commonMagnitudes(name);
  }
};

function commonMagnitudes(name: 'identity' | 'solarize' | 'autocontrast' | 'equalize'): Magnitudes | null {
  return name === 'solarize' ? { first: 255, last: 0, signed: false } : null;
}

/** Returns an operation's magnitude in bin 0 to 30, with the digits of torchvision's float32 table. */
export function magnitudeOf(name: OperationName, { first, last }: Magnitudes, bin: number): number {
  if (name === 'posterize') return 8 - Math.round(bin / ((MAGNITUDE_BINS - 1) / (first - last)));
  const [start, end] = [Math.fround(first), Math.fround(last)];
  const step = Math.fround(Math.fround(end - start) / (MAGNITUDE_BINS - 1));
  const backwards = MAGNITUDE_BINS - 1 - bin;
  return bin < MAGNITUDE_BINS >> 1 ? Math.fround(start + step * bin) : Math.fround(end - step * backwards);
}

/**
 * Applies one operation. The bytes equal torchvision's on a Pillow image: nearest pixels, 0 outside. Factors are 1 plus
 * the magnitude. Color operations do not change grayscale images.
 */
export function applyOperation(image: PixelImage, name: OperationName, magnitude: number): PixelImage {
  switch (name) {
    case 'identity':
      return image;
    case 'shear_x':
      return shearX(image, magnitude);
    case 'shear_y':
      return shearY(image, magnitude);
    case 'translate_x':
      return translate(image, Math.trunc(magnitude), 0);
    case 'translate_y':
      return translate(image, 0, Math.trunc(magnitude));
    case 'rotate':
      return rotate(image, magnitude);
    case 'brightness':
      return adjustBrightness(image, 1 + magnitude);
    case 'color':
      return adjustSaturation(image, 1 + magnitude);
    case 'contrast':
      return adjustContrast(image, 1 + magnitude);
    case 'sharpness':
      return adjustSharpness(image, 1 + magnitude);
    case 'posterize':
      return posterize(image, magnitude);
    case 'solarize':
      return solarize(image, magnitude);
    case 'autocontrast':
      return autocontrast(image);
    case 'equalize':
      return equalize(image);
    default:
      return assertNever(name);
  }
}
