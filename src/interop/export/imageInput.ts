import type { Recipe } from '../../recipe/recipe';

/** How a validation image gets its size: the short edge to `size / cropPct`, then a crop from the centre. */
export interface Resizing {
  /** As PIL and timm call it. */
  readonly interpolation: string;
  readonly cropPct: number;
}

/** How an image becomes a network's input, and what the network's outputs stand for. */
export interface ImageInput extends Resizing {
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  /** 3 are red, green and blue, 1 is grey. */
  readonly channels: number;
  /** Per channel, of pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** By label. */
  readonly classNames: readonly string[];
}

/** Of data sets whose images have the network's size. */
const AS_THEY_ARE: Resizing = { interpolation: 'bilinear', cropPct: 1 };

/** What a recipe's network sees. */
export function imageInputOf({ data: { dataset, images } }: Recipe): ImageInput {
  const { height, width, channels, mean, std, classNames } = dataset;
  const { interpolation, cropPct } = images ?? AS_THEY_ARE;
  return { height, width, channels, mean, std, classNames, interpolation, cropPct };
}
