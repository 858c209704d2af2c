import type { AugmentationStep, Interpolation } from '../../recipe/augmentation';
import type { PixelImage } from '../../shared/pixelImage';
import { drawBelow, drawIn, type Uniform } from './draws';
import { type Box, resizeCrop, type Size } from './resize';
import { roundHalfToEven } from './rounding';

type Options = Omit<Extract<AugmentationStep, { readonly step: 'random_resized_crop' }>, 'step'>;

const TRIES = 10;

/**
 * Draws a random box of an image, in whole pixels, like torchvision's RandomResizedCrop. After 10 boxes that do not fit
 * the image, it falls back to the largest central box with an aspect ratio in range.
 *
 * Takes 2 numbers per try (area, aspect), and 2 more for a box that fits (top, left).
 */
export function drawBox({ height, width }: Size, { area, aspect }: Options, uniform: Uniform): Box {
  const logAspect = [Math.log(aspect[0]), Math.log(aspect[1])] as const;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const boxArea = height * width * drawIn(area, uniform);
    const boxAspect = Math.exp(drawIn(logAspect, uniform));
    const boxWidth = roundHalfToEven(Math.sqrt(boxArea * boxAspect));
    const boxHeight = roundHalfToEven(Math.sqrt(boxArea / boxAspect));
    if (boxWidth > 0 && boxWidth <= width && boxHeight > 0 && boxHeight <= height) {
      const top = drawBelow(height - boxHeight + 1, uniform);
      const left = drawBelow(width - boxWidth + 1, uniform);
      return { top, left, height: boxHeight, width: boxWidth };
    }
  }
  return centralBox({ height, width }, aspect);
}

function centralBox({ height, width }: Size, [narrowest, widest]: Options['aspect']): Box {
  const aspect = width / height;
  const box = {
    height: aspect < narrowest ? Math.max(1, roundHalfToEven(width / narrowest)) : height,
    width: aspect > widest ? Math.max(1, roundHalfToEven(height * widest)) : width,
  };
  return { top: Math.floor((height - box.height) / 2), left: Math.floor((width - box.width) / 2), ...box };
}

/** Crops a random box and resizes it to [size, size, channels]. Takes the same numbers as `drawBox`. */
export function randomResizedCrop(
  image: PixelImage,
  options: Options,
  { size, interpolation }: { readonly size: number; readonly interpolation: Interpolation },
  uniform: Uniform,
): PixelImage {
  return resizeCrop(image, drawBox(image, options, uniform), { height: size, width: size }, interpolation);
}
