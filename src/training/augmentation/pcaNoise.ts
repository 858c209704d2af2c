import { drawNormal, type Uniform } from './draws';
import type { PixelImage } from './image';
import { mapTones, tones } from './tones';

/** Standard deviations of ImageNet's colors along their principal components, in levels of 0 to 255. */
const EIGENVALUES = [55.46, 4.794, 1.148] as const;
/** Rows: red, green, blue; columns: the components. */
const EIGENVECTORS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.814],
  [-0.5836, -0.6948, 0.4203],
] as const;

/**
 * Adds one random color to all pixels, along the principal components of ImageNet's colors (Krizhevsky et al. 2012,
 * section 4.1; constants as in fb.resnet.torch and MXNet). A grey image stays as it is. Takes 6 numbers: 2 for each
 * component.
 */
export function pcaNoise(image: PixelImage, std: number, uniform: Uniform): PixelImage {
  const coefficients = EIGENVALUES.map(() => std * drawNormal(uniform));
  return image.channels === 3 ? addComponents(image, coefficients) : image;
}

/** Adds each component times its coefficient and its standard deviation, rounded to the nearest byte. */
export function addComponents(image: PixelImage, coefficients: readonly number[]): PixelImage {
  const tables = EIGENVECTORS.map((vector) => {
    const shift = vector.reduce<number>(
      (sum, part, index) => sum + part * (coefficients[index]! * EIGENVALUES[index]!),
      0,
    );
    return tones((tone) => Math.min(255, Math.max(0, Math.floor(tone + shift + 0.5))));
  });
  return mapTones(image, tables);
}
