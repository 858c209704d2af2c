import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, effectiveBatchOf } from '../recipe/draft';
import { numberAt, settingAt } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { timmOptimizer } from './elsewhere/timm';
import { timmOptimizerCalled } from './elsewhere/timmFile';
import { torchvisionOptimizer } from './elsewhere/torchvision';
import { replacesSgd } from './replacesSgd';
import { defineTrick } from './trick';

/** You et al. 2020 (arXiv 1904.00962), algorithm 2. */
export const lamb = defineTrick({
  name: 'lamb',
  aliases: [],
  title: () => l10n.t('LAMB'),
  brief: () => l10n.t('Adam with LARS-style learning rates per layer; replaces SGD'),
  summary: () =>
    l10n.t(
      'Adam with a trust ratio per layer, as in LARS: the update of a layer is proportional to the norm of its weights. Made for large batches on which SGD does not train well.',
    ),
  formula: 'w ← w − lr × ‖w‖ / ‖u‖ × u, u = m̂ / (√v̂ + ε) + weight_decay × w',
  source: 'You et al. 2020',
  url: 'https://arxiv.org/abs/1904.00962',
  evidence: [],
  options: z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the running mean of the gradient.'),
    beta2: z
      .number()
      .min(0)
      .lt(1)
      .default(0.999)
      .describe('Decay of the running mean of the squared gradient.'),
    epsilon: z
      .number()
      .positive()
      .default(1e-6)
      .describe('Added to the denominator for numerical stability.'),
  }),
  anchor: ['optimizer', 'name'],
  excludes: ['lars'],
  insertion: () => true,
  problems: replacesSgd,
  apply: (draft, options) => changed(draft, { optimizer: { name: 'lamb', ...options } }),
  effect: (draft) => l10n.t('Adam with trust ratios, at batch {0}', effectiveBatchOf(draft)),
  systems: {
    timm: {
      file: {
        ...timmOptimizerCalled('lamb'),
        more: (settings) => {
          const betas = settingAt(settings, 'opt_betas');
          const [beta1, beta2]: unknown[] = Array.isArray(betas) ? betas : [];
          return {
            beta1: typeof beta1 === 'number' ? beta1 : 0.9,
            beta2: typeof beta2 === 'number' ? beta2 : 0.999,
            epsilon: numberAt(settings, 'opt_eps') ?? 1e-6,
          };
        },
        settable: [],
      },
      command: timmOptimizer,
    },
    torchvision: { file: NO_EQUIVALENT, command: torchvisionOptimizer },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
