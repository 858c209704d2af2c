/** Random changes to training images, as plain data. What each does is `src/training/augmentation`'s. */

export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
/** How an image is resized, antialiased as in Pillow. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** The least and the most of what is drawn. */
export type Span = readonly [number, number];

export type AugmentationStep =
  /** A crop of a share of the area and of a width / height drawn from these, resized (Szegedy et al. 2015). */
  | { readonly step: 'random_resized_crop'; readonly area: Span; readonly aspect: Span }
  /** A random shift: zeros of so many pixels around, and a crop of the size (He et al. 2016, section 4.2). */
  | { readonly step: 'padded_crop'; readonly padding: number }
  | { readonly step: 'flip' | 'vertical_flip'; readonly probability: number }
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
