import type { PixelImage } from '../../shared/pixelImage';
import { drawNormal, type Uniform } from './draws';

/** Standard deviations of ImageNet's colors along their principal components, in levels of 0 to 255. */
const EIGENVALUES = [55.46, 4.794, 1.148] as const;
/** Rows: red, green, blue. Columns: the components. */
const EIGENVECTORS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.814],
  [-0.5836, -0.6948, 0.4203],
] as const;

/**
 * Adds the same random color to all pixels, along the principal components of ImageNet's colors (Krizhevsky et al.
 * 2012, section 4.1; constants as in fb.resnet.torch and MXNet). A grayscale image does not change. Takes 6 numbers: 2
 * per component.
 */
export function pcaNoise(image: PixelImage, std: number, uniform: Uniform): PixelImage {
  const coefficients = EIGENVALUES.map(() => std * drawNormal(uniform));
  return image.channels === 3 ? addComponents(image, coefficients) : image;
}

/** Adds each component times its coefficient and its standard deviation, rounded to whole levels. */
export function addComponents(image: PixelImage, coefficients: readonly number[]): PixelImage {
  const { pixels: source } = image;
  const [red, green, blue] = EIGENVECTORS.map((vector) => {
    const parts = vector.map((part, index) => part * coefficients[index]! * EIGENVALUES[index]!);
    return Math.round(parts[0]! + parts[1]! + parts[2]!);
  }) as [number, number, number];
  // A clamped array, so that sums below 0 or above 255 need no comparison.
  const pixels = new Uint8ClampedArray(source.length);
  for (let index = 0; index < source.length; index += 3) {
    pixels[index] = source[index]! + red;
    pixels[index + 1] = source[index + 1]! + green;
    pixels[index + 2] = source[index + 2]! + blue;
  }
  return { ...image, pixels: new Uint8Array(pixels.buffer) };
}
