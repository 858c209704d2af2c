import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, effectiveBatchOf } from '../recipe/draft';
import { choice } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { timmOptimizer } from './elsewhere/timm';
import { torchvisionOptimizer } from './elsewhere/torchvision';
import { replacesSgd } from './replacesSgd';
import { defineTrick } from './trick';

/** You et al. 2020 (arXiv 1904.00962), algorithm 2. */
export const lamb = defineTrick({
  name: 'lamb',
  aliases: [],
  title: () => l10n.t('LAMB'),
  brief: () => l10n.t("Adam with LARS' rates for each layer, in place of SGD"),
  summary: () =>
    l10n.t(
      'Adam with a trust ratio for each layer, as LARS has it: a layer moves in proportion to the norm of its weights. Made for large batches where SGD does not train well.',
    ),
  formula: 'w ← w − lr × ‖w‖ / ‖u‖ × u, u = m̂ / (√v̂ + ε) + weight_decay × w',
  source: 'You et al. 2020',
  url: 'https://arxiv.org/abs/1904.00962',
  evidence: [],
  options: z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).describe('Share of the mean gradient kept at each step.'),
    beta2: z.number().min(0).lt(1).default(0.999).describe('Share of the mean square kept at each step.'),
    epsilon: z.number().positive().default(1e-6).describe('Added to the root of the mean square.'),
  }),
  anchor: ['optimizer', 'name'],
  excludes: ['lars'],
  insertion: () => true,
  problems: replacesSgd,
  apply: (draft, options) => changed(draft, { optimizer: { name: 'lamb', ...options } }),
  effect: (draft) => l10n.t('Adam with trust ratios, at batch {0}', effectiveBatchOf(draft)),
  systems: {
    timm: { file: choice('opt', 'lamb', { byDefault: 'sgd', off: 'sgd' }), command: timmOptimizer },
    torchvision: { file: NO_EQUIVALENT, command: torchvisionOptimizer },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
