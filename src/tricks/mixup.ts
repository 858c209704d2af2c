import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount } from './elsewhere/mapping';
import { augment } from './elsewhere/mmpretrain';
import { timmMixing } from './elsewhere/timm';
import { timmMixup } from './elsewhere/timmAugment';
import { torchvisionMixing } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** Zhang et al. 2018 (arXiv 1710.09412); He et al. 2018, section 5.4. One lambda per batch, as in its authors' code. */
export const mixup = defineTrick({
  name: 'mixup',
  aliases: [{ name: 'mixup_alpha', system: 'torchvision', option: 'alpha' }],
  title: () => l10n.t('Mixup'),
  setting: ({ alpha }) => l10n.t('alpha {0}', formatNumber(alpha)),
  brief: () => l10n.t('trains on weighted sums of two images and their labels'),
  summary: () =>
    l10n.t(
      'The network trains on weighted sums of two images and of their labels. It learns to behave linearly between examples. Needs a longer training: the paper uses 200 epochs instead of 120.',
    ),
  formula: 'x = λ xᵢ + (1 − λ) xⱼ, y = λ yᵢ + (1 − λ) yⱼ, λ ~ Beta(α, α)',
  source: 'He et al. 2018, section 5.4',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'ResNet-50-D, on label smoothing', without: 78.31, with: 79.15 },
    { setting: 'ResNet-50-D, on distillation', without: 78.67, with: 79.29 },
  ],
  options: z.strictObject({
    alpha: z
      .number()
      .positive()
      .default(0.2)
      .describe('Parameter of Beta(alpha, alpha), the distribution of the mixing weight.'),
  }),
  anchor: ['data', 'augment'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, options) =>
    changed(draft, { data: { mixing: { mixup: options, cutmix: draft.data.mixing?.cutmix ?? null } } }),
  effect: ({ data }, { alpha }) =>
    data.mixing?.cutmix
      ? l10n.t('every batch mixed, with mixup or CutMix')
      : l10n.t('every batch mixed, λ from Beta({0}, {0})', formatNumber(alpha)),
  systems: {
    timm: { file: timmMixup, command: timmMixing },
    torchvision: { file: amount('mixup-alpha', 'alpha', { off: 0 }), command: torchvisionMixing },
    mmpretrain: { file: augment('Mixup') },
  },
});
