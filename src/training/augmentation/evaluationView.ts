import type { Interpolation } from '../../recipe/augmentation';
import type { PixelImage } from '../../shared/pixelImage';
import { crop, isSize, resizeRegion, type Size } from './resize';
import { roundHalfToEven } from './rounding';

export interface EvaluationViewOptions {
  /** Side length of the result in pixels. */
  readonly size: number;
  /** The result's fraction of the resized image's short edge. 0.875 of ImageNet's 256 pixels is 224. */
  readonly cropPct: number;
  readonly interpolation: Interpolation;
}

/**
 * Returns the network's input for evaluation, [size, size, channels]: resizes the image until its short edge has
 * floor(size / cropPct) pixels, then crops its center. The bytes equal those of torchvision's `Resize` and
 * `CenterCrop`. If `cropPct` is above 1, the image is smaller than the crop and is padded with zeros.
 */
export function evaluationView(
  image: PixelImage,
  { size, cropPct, interpolation }: EvaluationViewOptions,
): PixelImage {
  const resized = sizeByShortEdge(image, Math.max(1, Math.floor(size / cropPct)));
  const [vertical, horizontal] = [centerOf(resized.height, size), centerOf(resized.width, size)];
  const region = {
    ...{ top: vertical.first, left: horizontal.first },
    ...{ height: vertical.count, width: horizontal.count },
  };
  const center = resizeRegion(image, resized, region, interpolation);
  if (isSize(center, { height: size, width: size })) return center;
  return crop(center, { top: -vertical.padding, left: -horizontal.padding, height: size, width: size });
}

/** Returns an image's size after its short edge is resized to `shortEdge`. The long edge is rounded down. */
function sizeByShortEdge({ height, width }: Size, shortEdge: number): Size {
  return width <= height
    ? { height: Math.trunc((shortEdge * height) / width), width: shortEdge }
    : { height: shortEdge, width: Math.trunc((shortEdge * width) / height) };
}

/** Returns, along one side, the pixels in the center crop and the zeros before them. */
function centerOf(side: number, size: number): { first: number; count: number; padding: number } {
  if (side < size) return { first: 0, count: side, padding: Math.floor((size - side) / 2) };
  return { first: roundHalfToEven((side - size) / 2), count: size, padding: 0 };
}
