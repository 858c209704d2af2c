/** Random changes to training images, as plain data. What each does is `src/training/augmentation`'s. */

export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
/** How an image is resized, antialiased as in Pillow. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** The least and the most of what is drawn. */
export type Span = readonly [number, number];
export type Range = Span;

export type AugmentationStep =
  /** A crop of a share of the area and of a width / height drawn from these, resized (Szegedy et al. 2015). */
  | { readonly step: 'random_resized_crop'; readonly area: Span; readonly aspect: Span }
  /** A random shift: zeros of so many pixels around, and a crop of the size (He et al. 2016, section 4.2). */
  | { readonly step: 'padded_crop'; readonly padding: number }
  | { readonly step: 'flip'; readonly probability: number }
  | { readonly step: 'vertical_flip'; readonly probability: number }
  /** Factors for brightness, contrast and saturation, and turns of the hue in [-0.5, 0.5]. */
  | {
      readonly step: 'color_jitter';
      readonly brightness: Span;
      readonly contrast: Span;
      readonly saturation: Span;
      readonly hue: Span;
    }
  /** Noise along the principal components of ImageNet's colours (Krizhevsky et al. 2012). */
  | { readonly step: 'pca_noise'; readonly std: number }
  /** Cubuk et al. 2019 (arXiv 1909.13719). */
  | { readonly step: 'randaugment'; readonly operations: number; readonly magnitude: number }
  /** Müller and Hutter 2021 (arXiv 2103.10158). */
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
