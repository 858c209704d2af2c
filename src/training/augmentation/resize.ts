import type { Interpolation } from '../../recipe/augmentation';
import type { PixelImage } from '../../shared/pixelImage';
import { type Axis, axisWeights, nearestPositions } from './axisWeights';
import { copyPixel } from './copyPixel';
import { resample } from './resample';

/** Size in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A part of an image, in pixels from its top left corner. May be fractional if it is resized. */
export interface Box extends Size {
  readonly top: number;
  readonly left: number;
}

/** Returns the box of a whole image. */
export function wholeOf({ height, width }: Size): Box {
  return { top: 0, left: 0, height, width };
}

/**
 * Resizes a box of an image, byte for byte like Pillow's `Image.resize(size, resample, box)`: antialiased, each pass
 * rounded to bytes. Also reads pixels outside the box if the kernel reaches them.
 *
 * @throws RangeError if the box is empty or extends outside the image.
 */
export function resize(image: PixelImage, box: Box, size: Size, interpolation: Interpolation): PixelImage {
  return resizePart(image, wholeOf(image), box, size, wholeOf(size), interpolation);
}

/**
 * Crops a box of whole pixels and resizes it, like torchvision's `resized_crop`. Unlike `resize`, it reads nothing
 * outside the box.
 *
 * @throws RangeError if the box is empty or extends outside the image.
 */
export function resizeCrop(
  image: PixelImage,
  box: Box,
  size: Size,
  interpolation: Interpolation,
): PixelImage {
  return resizePart(image, box, wholeOf(box), size, wholeOf(size), interpolation);
}

/** Returns a region, in whole pixels, of the resized image. Does not compute the rest. */
export function resizeRegion(
  image: PixelImage,
  size: Size,
  region: Box,
  interpolation: Interpolation,
): PixelImage {
  return resizePart(image, wholeOf(image), wholeOf(image), size, region, interpolation);
}

/**
 * Resizes a box of a part of the image, and computes only a region of the result. The part and the region are in whole
 * pixels.
 */
function resizePart(
  image: PixelImage,
  part: Box,
  box: Box,
  size: Size,
  region: Box,
  interpolation: Interpolation,
): PixelImage {
  if (!isInside(part, image) || !isInside(box, part))
    throw new RangeError(`Box ${JSON.stringify({ part, box })} is not inside ${image.width}x${image.height}`);
  if (!isInside(region, size))
    throw new RangeError(`Region ${JSON.stringify(region)} is not inside the result`);
  if (Number.isInteger(box.top) && Number.isInteger(box.left) && isSize(box, size)) {
    const top = part.top + box.top + region.top;
    const left = part.left + box.left + region.left;
    return crop(image, { ...region, top, left });
  }
  const vertical = {
    ...{ inputSize: part.height, from: box.top, to: box.top + box.height, outputSize: size.height },
    ...{ first: region.top, count: region.height },
  };
  const horizontal = {
    ...{ inputSize: part.width, from: box.left, to: box.left + box.width, outputSize: size.width },
    ...{ first: region.left, count: region.width },
  };
  if (interpolation === 'nearest') return takeNearest(image, part, vertical, horizontal);
  const lost = { height: part.height - size.height, width: part.width - size.width };
  return resample(image, {
    ...{ top: part.top, left: part.left },
    vertical: axisWeights(vertical, interpolation),
    horizontal: axisWeights(horizontal, interpolation),
    // The order of Pillow from version 13 on. Earlier versions always begin with the horizontal pass.
    verticalFirst: lost.height > 0 && lost.height > 2 * lost.width,
  });
}

function isInside({ top, left, height, width }: Box, size: Size): boolean {
  const inHeight = top >= 0 && height > 0 && top + height <= size.height;
  return inHeight && left >= 0 && width > 0 && left + width <= size.width;
}

/** Copies a box of whole pixels. Pixels outside the image are 0. */
export function crop(image: PixelImage, box: Box): PixelImage {
  const { height, width, channels } = image;
  const pixels = new Uint8Array(box.height * box.width * channels);
  const left = Math.max(0, box.left);
  const right = Math.min(width, box.left + box.width);
  for (let y = Math.max(0, box.top); left < right && y < Math.min(height, box.top + box.height); y++) {
    const row = image.pixels.subarray((y * width + left) * channels, (y * width + right) * channels);
    pixels.set(row, ((y - box.top) * box.width + left - box.left) * channels);
  }
  return { pixels, height: box.height, width: box.width, channels };
}

export function isSize(size: Size, other: Size): boolean {
  return size.height === other.height && size.width === other.width;
}

function takeNearest(image: PixelImage, { top, left }: Box, vertical: Axis, horizontal: Axis): PixelImage {
  const { channels } = image;
  const rows = nearestPositions(vertical);
  const columns = nearestPositions(horizontal);
  const pixels = new Uint8Array(rows.length * columns.length * channels);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      copyPixel(image.pixels, ((top + row) * image.width + left + column) * channels, pixels, to, channels);
      to += channels;
    }
  }
  return { pixels, height: rows.length, width: columns.length, channels };
}
