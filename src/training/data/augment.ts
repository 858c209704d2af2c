import type { Placing } from '../../recipe/augmentation';
import { assertNever } from '../../shared/assertNever';

/** A random source. Each call returns a number in [0, 1). */
export type Uniform = () => number;

export interface ImageSize {
  /** Size in pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How to place an image on its canvas: shifted down and right by some pixels, then flipped if requested. */
export interface Placement {
  readonly down: number;
  readonly right: number;
  readonly mirrored: boolean;
}

/**
 * Draws the random placement of one training image. `flip` flips every other image left to right. `crop_flip` first
 * pads each side by an eighth and crops the original size at a random position: a random shift with zeros moving in (He
 * et al. 2016, section 4.2: 4 pixels on 32). Takes 0, 1 and 3 numbers from `uniform`.
 */
export function drawPlacement(augmentation: Placing, size: ImageSize, uniform: Uniform): Placement {
  switch (augmentation) {
    case 'none':
      return { down: 0, right: 0, mirrored: false };
    case 'flip':
      return { down: 0, right: 0, mirrored: uniform() < 0.5 };
    case 'crop_flip':
      return {
        down: drawShift(size.height, uniform),
        right: drawShift(size.width, uniform),
        mirrored: uniform() < 0.5,
      };
    default:
      return assertNever(augmentation);
  }
}

function drawShift(side: number, uniform: Uniform): number {
  const padding = Math.round(side / 8);
  return Math.floor(uniform() * (2 * padding + 1)) - padding;
}

/** Writes `source`, bytes [height, width, channels], to `target` as placed. Uncovered pixels are 0. */
export function placeImage(
  source: Uint8Array,
  target: Uint8Array,
  size: ImageSize,
  placement: Placement,
): void {
  const { height, width, channels } = size;
  const { down, right, mirrored } = placement;
  target.fill(0);
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    for (let x = Math.max(0, right); x < Math.min(width, width + right); x++) {
      const from = ((y - down) * width + x - right) * channels;
      const to = (y * width + (mirrored ? width - 1 - x : x)) * channels;
      for (let channel = 0; channel < channels; channel++) target[to + channel] = source[from + channel]!;
    }
  }
}
