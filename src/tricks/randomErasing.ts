import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import type { ErasingRecipe } from '../recipe/recipe';
import { formatNumber } from '../shared/format';
import { cannotErase } from './elsewhere/commandParts';
import { amount, type TrickMapping } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { unlessNoAugmentation } from './elsewhere/timmAugment';
import { nothing, option, together } from './elsewhere/translation';
import { defineTrick } from './trick';

/** The fixed settings of other systems. */
type Areas = Pick<ErasingRecipe, 'minArea' | 'maxArea' | 'minAspect'>;
const TIMMS: Areas = { minArea: 0.02, maxArea: 1 / 3, minAspect: 0.3 };
const TORCHVISIONS: Areas = { minArea: 0.02, maxArea: 0.33, minAspect: 0.3 };

/**
 * Zhong et al. 2020 (arXiv 1708.04896). Erased pixels are set to the mean, 0 after normalization, as in torchvision.
 */
export const randomErasing = defineTrick({
  name: 'random_erasing',
  aliases: [
    { name: 'reprob', system: 'timm', option: 'probability' },
    { name: 'random_erase', system: 'torchvision', option: 'probability' },
  ],
  title: () => l10n.t('Random erasing'),
  setting: ({ probability }) => l10n.t('of {0}%', formatNumber(100 * probability)),
  brief: () => l10n.t('erases a rectangle of training images'),
  summary: () =>
    l10n.t(
      'A rectangle of random position, size and aspect ratio is erased from training images, so the network does not rely on any single part of an object.',
    ),
  formula: 'with probability p, erase a share of the area from [min_area, max_area]',
  source: 'Zhong et al. 2020',
  url: 'https://arxiv.org/abs/1708.04896',
  evidence: [],
  options: z.strictObject({
    probability: z
      .number()
      .positive()
      .max(1)
      .default(0.5)
      .describe('Probability that an image gets a rectangle erased.'),
    min_area: z.number().positive().max(1).default(0.02).describe('Minimum fraction of the image erased.'),
    max_area: z.number().positive().max(1).default(0.4).describe('Maximum fraction of the image erased.'),
    min_aspect: z
      .number()
      .positive()
      .max(1)
      .default(0.3)
      .describe('Minimum height / width of the rectangle; the maximum is its inverse.'),
  }),
  anchor: ['data', 'augment'],
  insertion: () => true,
  problems: (_, options) =>
    options.min_area > options.max_area
      ? [
          {
            path: ['min_area'],
            what: l10n.t('min_area {0} is greater than max_area {1}.', options.min_area, options.max_area),
            remedy: l10n.t('Use at most {0}.', options.max_area),
          },
        ]
      : [],
  apply: (draft, options) =>
    changed(draft, {
      data: {
        erasing: {
          probability: options.probability,
          minArea: options.min_area,
          maxArea: options.max_area,
          minAspect: options.min_aspect,
        },
      },
    }),
  effect: (_, options) =>
    l10n.t(
      '{0}% of images lose {1}% to {2}% of their area',
      formatNumber(100 * options.probability),
      formatNumber(100 * options.min_area),
      formatNumber(100 * options.max_area),
    ),
  systems: {
    timm: {
      file: unlessNoAugmentation(erasing('reprob', TIMMS)),
      command: ({ data: { erasing: recipe } }) =>
        recipe === null
          ? nothing
          : together(
              option('--reprob', recipe.probability),
              option('--remode', 'const'),
              cannotErase(recipe, TIMMS),
            ),
    },
    torchvision: {
      file: erasing('random-erase', TORCHVISIONS),
      command: ({ data: { erasing: recipe } }) =>
        recipe === null
          ? nothing
          : together(option('--random-erase', recipe.probability), cannotErase(recipe, TORCHVISIONS)),
    },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});

/** Maps a setting with the probability, for a system with fixed areas. */
function erasing(setting: string, { minArea, maxArea, minAspect }: Areas): TrickMapping {
  const mapping = amount(setting, 'probability', { off: 0 });
  return {
    ...mapping,
    read: (settings) => {
      const read = mapping.read(settings);
      return read && { ...read, min_area: minArea, max_area: maxArea, min_aspect: minAspect };
    },
    settable: ['probability'],
  };
}
