import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { cannotErase } from './elsewhere/commandParts';
import { amount } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { nothing, option, together } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Zhong et al. 2020 (arXiv 1708.04896); erased pixels take the mean, 0 once normalised, as in torchvision. */
export const randomErasing = defineTrick({
  name: 'random_erasing',
  aliases: [
    { name: 'reprob', system: 'timm', option: 'probability' },
    { name: 'random_erase', system: 'torchvision', option: 'probability' },
  ],
  title: () => l10n.t('Random erasing'),
  brief: () => l10n.t('erases a rectangle of training images'),
  summary: () =>
    l10n.t(
      'A rectangle of random place, size and shape is erased from training images, so that the network does not rest on any one part of an object.',
    ),
  formula: 'with probability p, erase a share of the area from [min_area, max_area]',
  source: 'Zhong et al. 2020',
  url: 'https://arxiv.org/abs/1708.04896',
  evidence: [],
  options: z.strictObject({
    probability: z.number().positive().max(1).default(0.5).describe('Share of the images that are erased.'),
    min_area: z.number().positive().max(1).default(0.02).describe('The least share of the image erased.'),
    max_area: z.number().positive().max(1).default(0.4).describe('The largest share of the image erased.'),
    min_aspect: z
      .number()
      .positive()
      .max(1)
      .default(0.3)
      .describe('The least height / width of the rectangle; the most is its inverse.'),
  }),
  anchor: ['data', 'augment'],
  insertion: () => true,
  problems: (_, options) =>
    options.min_area > options.max_area
      ? [
          {
            path: ['min_area'],
            what: l10n.t('min_area {0} is above max_area {1}.', options.min_area, options.max_area),
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
      '{0}% of images lose {1} to {2}% of their area',
      formatNumber(100 * options.probability),
      formatNumber(100 * options.min_area),
      formatNumber(100 * options.max_area),
    ),
  systems: {
    timm: {
      file: amount('reprob', 'probability'),
      command: ({ data: { erasing: recipe } }) =>
        recipe === null
          ? nothing
          : together(
              option('--reprob', recipe.probability),
              option('--remode', 'const'),
              cannotErase(recipe, { minArea: 0.02, maxArea: 1 / 3, minAspect: 0.3 }),
            ),
    },
    torchvision: {
      file: amount('random-erase', 'probability'),
      command: ({ data: { erasing: recipe } }) =>
        recipe === null
          ? nothing
          : together(
              option('--random-erase', recipe.probability),
              cannotErase(recipe, { minArea: 0.02, maxArea: 0.33, minAspect: 0.3 }),
            ),
    },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
