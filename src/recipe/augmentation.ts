/** A recipe's resizing and augmentation of images. `src/training/augmentation` implements them. */

export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
/** Downscaling is antialiased, as in Pillow, except with `nearest`, which picks one pixel for each. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** [min, max]. */
export type Range = readonly [number, number];

/** One random transform of a training image. Steps apply in list order. */
export type AugmentationStep =
  /** Crops a random box and resizes it to the image size (Szegedy et al. 2015). */
  | {
      readonly step: 'random_resized_crop';
      /** Fraction of the image's area that the box covers, 0 to 1. */
      readonly area: Range;
      /** Width / height of the box, drawn uniformly on a log scale. */
      readonly aspect: Range;
    }
  /** Pads each side with zeros and crops the image size at a random position (He et al. 2016, section 4.2). */
  | {
      readonly step: 'padded_crop';
      /** In pixels. */
      readonly padding: number;
    }
  /** Mirrors left to right. */
  | { readonly step: 'flip'; readonly probability: number }
  /** Mirrors top to bottom. */
  | { readonly step: 'vertical_flip'; readonly probability: number }
  /**
   * Scales colors by factors drawn uniformly from these ranges, in a random order, as torchvision's ColorJitter does.
   */
  | {
      readonly step: 'color_jitter';
      /** Factors; [1, 1] is a no-op. */
      readonly brightness: Range;
      readonly contrast: Range;
      readonly saturation: Range;
      /** Hue shift in turns of the color circle, -0.5 to 0.5; [0, 0] is a no-op. */
      readonly hue: Range;
    }
  /** Adds noise along the principal components of ImageNet's colors (Krizhevsky et al. 2012, section 4.1). */
  | {
      readonly step: 'pca_noise';
      /** Standard deviation of each component's coefficient; 0.1 in the paper. */
      readonly std: number;
    }
  /** Applies operations drawn from a list of 14, all at the same magnitude (Cubuk et al. 2020). */
  | {
      readonly step: 'randaugment';
      readonly operations: number;
      /** Integer, 0 to 30; torchvision's default is 9. */
      readonly magnitude: number;
    }
  /** Applies one operation at a magnitude drawn from 31 levels (Mueller and Hutter 2021, the wide search space). */
  | { readonly step: 'trivialaugment' };

/** Augmentations for images stored at the network's input size. They draw from one random stream. */
export type Placing = 'none' | 'flip' | 'crop_flip';

/** A recipe's augmentation. Steps if images are resized to a common size. */
export type Augmentation = Placing | readonly AugmentationStep[];

/** Formats an augmentation as the names of its steps. */
export function augmentationText(augmentation: Augmentation): string {
  if (typeof augmentation === 'string') return augmentation;
  return augmentation.map(({ step }) => step).join(', ') || 'none';
}

export type AugmentationStepName = AugmentationStep['step'];

/** RandAugment magnitudes are 0 to 30. */
export const RANDAUGMENT_MAX_MAGNITUDE = 30;

const RANDOM_RESIZED_CROP: AugmentationStep = {
  step: 'random_resized_crop',
  area: [0.08, 1],
  aspect: [3 / 4, 4 / 3],
};
const FLIP: AugmentationStep = { step: 'flip', probability: 0.5 };

/** Settings of each step if it is given by name alone. */
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
 * Named lists of steps. `imagenet` is the training augmentation of He et al. 2019 (arXiv 1812.01187, section 2.1),
 * `cifar` that of He et al. 2016 (4 pixels on 32). `randaugment` and `trivialaugment` are from torchvision's reference
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
