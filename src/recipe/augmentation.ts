/** How images are resized and augmented, as a recipe says it. `src/training/augmentation` computes it. */

export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
/** Antialiased when reducing, as in Pillow; apart from `nearest`, which takes one pixel for each. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** From least to most. */
export type Range = readonly [number, number];

/** One random change of a training image. Steps apply in their order in the list. */
export type AugmentationStep =
  /** Crops a random box and resizes it to the image size (Szegedy et al. 2015). */
  | {
      readonly step: 'random_resized_crop';
      /** The box's share of the image's area, 0 to 1. */
      readonly area: Range;
      /** The box's width over its height, drawn uniformly on a log scale. */
      readonly aspect: Range;
    }
  /** Pads each side with zeros and crops the image size at a random place (He et al. 2016, section 4.2). */
  | {
      readonly step: 'padded_crop';
      /** Pixels. */
      readonly padding: number;
    }
  /** Mirrors left to right. */
  | { readonly step: 'flip'; readonly probability: number }
  /** Mirrors top to bottom. */
  | { readonly step: 'vertical_flip'; readonly probability: number }
  /** Changes colors by factors drawn uniformly from these ranges, in a random order, as torchvision's ColorJitter does. */
  | {
      readonly step: 'color_jitter';
      /** Factors; [1, 1] changes nothing. */
      readonly brightness: Range;
      readonly contrast: Range;
      readonly saturation: Range;
      /** Shift of the hue in turns of the color circle, -0.5 to 0.5; [0, 0] changes nothing. */
      readonly hue: Range;
    }
  /** Adds noise along the principal components of ImageNet's colors (Krizhevsky et al. 2012, section 4.1). */
  | {
      readonly step: 'pca_noise';
      /** Standard deviation of each component's coefficient; the paper's is 0.1. */
      readonly std: number;
    }
  /** Applies operations drawn from a list of 14, all at one magnitude (Cubuk et al. 2020). */
  | {
      readonly step: 'randaugment';
      readonly operations: number;
      /** A whole number, 0 to 30; torchvision's default is 9. */
      readonly magnitude: number;
    }
  /** Applies one operation at a magnitude drawn from 31 (Mueller and Hutter 2021, the wide search space). */
  | { readonly step: 'trivialaugment' };

/** The augmentations of images that are stored as the network sees them. Their random numbers come from one stream. */
export type Placing = 'none' | 'flip' | 'crop_flip';

/** As a recipe holds it: steps, where images are brought to one size. */
export type Augmentation = Placing | readonly AugmentationStep[];

/** The steps of an augmentation, named. */
export function augmentationText(augmentation: Augmentation): string {
  if (typeof augmentation === 'string') return augmentation;
  return augmentation.map(({ step }) => step).join(', ') || 'none';
}

export type AugmentationStepName = AugmentationStep['step'];

/** Randaugment's magnitudes are 0 to 30. */
export const RANDAUGMENT_MAX_MAGNITUDE = 30;

const RANDOM_RESIZED_CROP: AugmentationStep = {
  step: 'random_resized_crop',
  area: [0.08, 1],
  aspect: [3 / 4, 4 / 3],
};
const FLIP: AugmentationStep = { step: 'flip', probability: 0.5 };

/** What each step means where a person names it alone. */
export const AUGMENTATION_STEP_DEFAULTS = {
  random_resized_crop: RANDOM_RESIZED_CROP,
  padded_crop: { step: 'padded_crop', padding: 4 },
  flip: FLIP,
  vertical_flip: { step: 'vertical_flip', probability: 0.5 },
  color_jitter: {
    step: 'color_jitter',
    brightness: [0.6, 1.4],
    contrast: [0.6, 1.4],
    saturation: [0.6, 1.4],
    hue: [0, 0],
  },
  pca_noise: { step: 'pca_noise', std: 0.1 },
  randaugment: { step: 'randaugment', operations: 2, magnitude: 9 },
  trivialaugment: { step: 'trivialaugment' },
} as const satisfies {
  readonly [N in AugmentationStepName]: Extract<AugmentationStep, { readonly step: N }>;
};

/**
 * Lists of steps by name. `imagenet` is the training augmentation of He et al. 2019 (arXiv 1812.01187, section 2.1),
 * `cifar` that of He et al. 2016 (4 pixels on 32); `randaugment` and `trivialaugment` are torchvision's reference
 * recipes.
 */
export const AUGMENTATION_PRESETS = {
  none: [],
  imagenet: [
    RANDOM_RESIZED_CROP,
    FLIP,
    AUGMENTATION_STEP_DEFAULTS.color_jitter,
    AUGMENTATION_STEP_DEFAULTS.pca_noise,
  ],
  cifar: [AUGMENTATION_STEP_DEFAULTS.padded_crop, FLIP],
  randaugment: [RANDOM_RESIZED_CROP, FLIP, AUGMENTATION_STEP_DEFAULTS.randaugment],
  trivialaugment: [RANDOM_RESIZED_CROP, FLIP, AUGMENTATION_STEP_DEFAULTS.trivialaugment],
} as const satisfies Readonly<Record<string, readonly AugmentationStep[]>>;

export type AugmentationPreset = keyof typeof AUGMENTATION_PRESETS;
