import type { PixelImage } from '../../shared/pixelImage';
import { copyPixel } from './copyPixel';

/** Output (x, y) samples the input at (a x + b y + c, d x + e y + f): [a, b, c, d, e, f], in pixels from the corner. */
type Matrix = readonly [number, number, number, number, number, number];

/** Shears rows: each moves left by `slope` times its distance from the top. */
export function shearX(image: PixelImage, slope: number): PixelImage {
  return transform(image, [1, slopeByAngle(slope), 0, 0, 1, 0]);
}

/** Shears columns: each moves up by `slope` times its distance from the left. */
export function shearY(image: PixelImage, slope: number): PixelImage {
  return transform(image, [1, 0, 0, slopeByAngle(slope), 1, 0]);
}

/** Shifts an image right and down by whole pixels. */
export function translate(image: PixelImage, right: number, down: number): PixelImage {
  return transform(image, [1, 0, -right, 0, 1, -down]);
}

/** Rotates an image about its center, counterclockwise. */
export function rotate(image: PixelImage, degrees: number): PixelImage {
  const angle = -degrees * (Math.PI / 180);
  // Rounded like Pillow, so that rotations by 90 degrees are exact.
  const [cos, sin] = [round15(Math.cos(angle)), round15(Math.sin(angle))];
  const [centerX, centerY] = [image.width / 2, image.height / 2];
  return transform(image, [
    ...([cos, sin, cos * -centerX + sin * -centerY + centerX] as const),
    ...([-sin, cos, -sin * -centerX + cos * -centerY + centerY] as const),
  ]);
}

function round15(value: number): number {
  return Number(value.toFixed(15));
}

/**
 * Converts the slope to an angle and back, because torchvision takes shears as angles and its last digits depend on
 * that.
 */
function slopeByAngle(slope: number): number {
  return Math.tan(Math.atan(slope) * (180 / Math.PI) * (Math.PI / 180));
}

const FIXED_ONE = 2 ** 16;

/**
 * Takes the nearest input pixel for each output pixel, or 0 outside the image, in 16-bit fixed point like Pillow's
 * Geometry.c.
 */
function transform(image: PixelImage, [a, b, c, d, e, f]: Matrix): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = new Uint8Array(source.length);
  const [stepX, stepY, rowStepX, rowStepY] = [toFixed(a), toFixed(d), toFixed(b), toFixed(e)];
  const [firstX, firstY] = [toFixed(c + a * 0.5 + b * 0.5), toFixed(f + d * 0.5 + e * 0.5)];
  let to = 0;
  for (let row = 0; row < height; row++) {
    let fixedX = firstX + row * rowStepX;
    let fixedY = firstY + row * rowStepY;
    for (let column = 0; column < width; column++) {
      const x = Math.floor(fixedX / FIXED_ONE);
      const y = Math.floor(fixedY / FIXED_ONE);
      if (x >= 0 && x < width && y >= 0 && y < height) {
        copyPixel(source, (y * width + x) * channels, pixels, to, channels);
      }
      to += channels;
      fixedX += stepX;
      fixedY += stepY;
    }
  }
  return { ...image, pixels };
}

function toFixed(value: number): number {
  return Math.floor(value * FIXED_ONE + 0.5);
}
