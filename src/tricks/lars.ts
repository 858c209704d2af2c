import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, effectiveBatchOf } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { choice } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { timmOptimizer } from './elsewhere/timm';
import { torchvisionOptimizer } from './elsewhere/torchvision';
import { replacesSgd } from './replacesSgd';
import { defineTrick } from './trick';

/** You, Gitman and Ginsburg 2017 (arXiv 1708.03888); He et al. 2018, section 3.1, name it for batches over 16K. */
export const lars = defineTrick({
  name: 'lars',
  aliases: [],
  title: () => l10n.t('LARS'),
  brief: () => l10n.t('gives each layer a rate in proportion to its weights, in place of SGD'),
  summary: () =>
    l10n.t(
      'Each layer takes steps in proportion to its own weights: the rate of a layer is multiplied by the ratio of the norm of its weights to that of its gradient. Made for batches of many thousands.',
    ),
  formula: 'trust = trust_coefficient × ‖w‖ / (‖g‖ + weight_decay × ‖w‖)',
  source: 'You et al. 2017',
  url: 'https://arxiv.org/abs/1708.03888',
  evidence: [],
  options: z.strictObject({
    momentum: z.number().min(0).lt(1).default(0.9).describe('Share of the velocity kept at each step.'),
    trust_coefficient: z
      .number()
      .positive()
      .default(0.001)
      .describe('What every trust ratio is multiplied by.'),
  }),
  anchor: ['optimizer', 'name'],
  insertion: () => true,
  problems: replacesSgd,
  apply: (draft, options) =>
    changed(draft, {
      optimizer: { name: 'lars', momentum: options.momentum, trustCoefficient: options.trust_coefficient },
    }),
  effect: (draft, options) =>
    l10n.t(
      'trust ratio × {0} a layer, at batch {1}',
      formatNumber(options.trust_coefficient),
      effectiveBatchOf(draft),
    ),
  systems: {
    timm: { file: choice('opt', 'lars', { byDefault: 'sgd', off: 'sgd' }), command: timmOptimizer },
    torchvision: { file: NO_EQUIVALENT, command: torchvisionOptimizer },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
