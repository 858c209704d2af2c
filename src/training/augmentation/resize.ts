import type { Interpolation } from '../../recipe/augmentation';
import { type Axis, axisWeights, nearestPositions } from './axisWeights';
import { copyPixel, type PixelImage } from './image';
import { resample } from './resample';

/** Pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A part of an image, in pixels from its top left corner; fractions of pixels are allowed where it is resized. */
export interface Box extends Size {
  readonly top: number;
  readonly left: number;
}

/** The whole of an image or size. */
export function wholeOf({ height, width }: Size): Box {
  return { top: 0, left: 0, height, width };
}

/**
 * Resizes a box of an image, byte for byte as Pillow's `Image.resize(size, resample, box)` does: antialiased, columns
 * first, each pass rounded to bytes. Weights pixels outside the box too, where the kernel reaches them.
 *
 * @throws RangeError where the box is empty or leaves the image.
 */
export function resize(image: PixelImage, box: Box, size: Size, interpolation: Interpolation): PixelImage {
  return resizeRegion(image, box, size, wholeOf(size), interpolation);
}

/** A region, in whole pixels, of what `resize` makes; the rest is not computed. */
export function resizeRegion(
  image: PixelImage,
  box: Box,
  size: Size,
  region: Box,
  interpolation: Interpolation,
): PixelImage {
  const { height, width } = image;
  const [bottom, right] = [box.top + box.height, box.left + box.width];
  if (
    !(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0 && bottom <= height && right <= width)
  )
    throw new RangeError(`Box ${JSON.stringify(box)} is not inside an image of ${width}x${height} pixels`);
  if (!(region.height > 0 && region.width > 0))
    throw new RangeError(`Region ${JSON.stringify(region)} is empty`);
  if (Number.isInteger(box.top) && Number.isInteger(box.left) && isSize(box, size)) {
    return crop(image, { ...region, top: box.top + region.top, left: box.left + region.left });
  }
  const vertical = {
    ...{ inputSize: height, from: box.top, to: bottom, outputSize: size.height },
    ...{ first: region.top, count: region.height },
  };
  const horizontal = {
    ...{ inputSize: width, from: box.left, to: right, outputSize: size.width },
    ...{ first: region.left, count: region.width },
  };
  if (interpolation === 'nearest') return takeNearest(image, vertical, horizontal);
  return resample(image, axisWeights(vertical, interpolation), axisWeights(horizontal, interpolation));
}

/** Copies a box of whole pixels; what lies outside the image is 0. */
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

function takeNearest(image: PixelImage, vertical: Axis, horizontal: Axis): PixelImage {
  const { channels } = image;
  const rows = nearestPositions(vertical);
  const columns = nearestPositions(horizontal);
  const pixels = new Uint8Array(rows.length * columns.length * channels);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      copyPixel(image.pixels, (row * image.width + column) * channels, pixels, to, channels);
      to += channels;
    }
  }
  return { pixels, height: rows.length, width: columns.length, channels };
}
