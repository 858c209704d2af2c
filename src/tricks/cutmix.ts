import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount } from './elsewhere/mapping';
import { augment } from './elsewhere/mmpretrain';
import { timmMixing } from './elsewhere/timm';
import { timmCutmix } from './elsewhere/timmAugment';
import { torchvisionMixing } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** Yun et al. 2019 (arXiv 1905.04899). Together with mixup, each batch draws one of the two, as in timm. */
export const cutmix = defineTrick({
  name: 'cutmix',
  aliases: [
    { name: 'cutmix_alpha', system: 'torchvision', option: 'alpha' },
    { name: 'cutmix_prob', system: "CutMix's authors", option: 'probability' },
  ],
  title: () => l10n.t('CutMix'),
  setting: ({ alpha }) => l10n.t('alpha {0}', formatNumber(alpha)),
  brief: () => l10n.t('swaps rectangles between images and mixes their labels'),
  summary: () =>
    l10n.t(
      'A rectangle of each image is replaced with one from another image, and the labels are mixed in proportion to the areas. The network learns from parts of objects, and no pixel is wasted.',
    ),
  formula: 'area of the patch = 1 − λ, y = λ yᵢ + (1 − λ) yⱼ, λ ~ Beta(α, α)',
  source: 'Yun et al. 2019',
  url: 'https://arxiv.org/abs/1905.04899',
  evidence: [{ setting: 'ResNet-50, 300 epochs', without: 76.32, with: 78.6 }],
  options: z.strictObject({
    alpha: z
      .number()
      .positive()
      .default(1)
      .describe('Parameter of Beta(alpha, alpha), the distribution of the area kept.'),
    probability: z.number().positive().max(1).default(1).describe('Probability that a batch is mixed.'),
  }),
  anchor: ['data', 'augment'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, options) =>
    changed(draft, { data: { mixing: { mixup: draft.data.mixing?.mixup ?? null, cutmix: options } } }),
  effect: ({ data }, { alpha, probability }) =>
    data.mixing?.mixup
      ? l10n.t('every batch mixed, with mixup or CutMix')
      : l10n.t(
          '{0}% of batches patched, λ from Beta({1}, {1})',
          formatNumber(100 * probability),
          formatNumber(alpha),
        ),
  systems: {
    timm: { file: timmCutmix, command: timmMixing },
    torchvision: { file: amount('cutmix-alpha', 'alpha', { off: 0 }), command: torchvisionMixing },
    mmpretrain: { file: augment('CutMix') },
  },
});
