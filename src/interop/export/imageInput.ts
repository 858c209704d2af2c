import type { Recipe } from '../../recipe/recipe';

/** How a validation image is resized: the short edge to `size / cropPct`, then a center crop. */
export interface Resizing {
  /** The name in PIL and timm. */
  readonly interpolation: string;
  readonly cropPct: number;
}

/** How an image becomes a network's input, and the meaning of the outputs. */
export interface ImageInput extends Resizing {
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  /** 3 for RGB, 1 for grayscale. */
  readonly channels: number;
  /** Per channel, for pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** By label. */
  readonly classNames: readonly string[];
}

/** For data sets whose images have the network's size. */
const AS_THEY_ARE: Resizing = { interpolation: 'bilinear', cropPct: 1 };

/** Returns the input of a recipe's network. */
export function imageInputOf({ data: { dataset, images } }: Recipe): ImageInput {
  const { height, width, channels, mean, std, classNames } = dataset;
  const { interpolation, cropPct } = images ?? AS_THEY_ARE;
  return { height, width, channels, mean, std, classNames, interpolation, cropPct };
}
