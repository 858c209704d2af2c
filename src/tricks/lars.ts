import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, effectiveBatchOf } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { numberAt } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { timmOptimizer } from './elsewhere/timm';
import { timmOptimizerCalled } from './elsewhere/timmFile';
import { torchvisionOptimizer } from './elsewhere/torchvision';
import { replacesSgd } from './replacesSgd';
import { defineTrick } from './trick';

/** You, Gitman and Ginsburg 2017 (arXiv 1708.03888). He et al. 2018, section 3.1, mention it for batches over 16K. */
export const lars = defineTrick({
  name: 'lars',
  aliases: [],
  title: () => l10n.t('LARS'),
  brief: () => l10n.t("scales each layer's learning rate by its weight norm; replaces SGD"),
  summary: () =>
    l10n.t(
      "Each layer's learning rate is multiplied by the ratio of its weight norm to its gradient norm. Made for batches of many thousands of images.",
    ),
  formula: 'trust = trust_coefficient × ‖w‖ / (‖g‖ + weight_decay × ‖w‖)',
  source: 'You et al. 2017',
  url: 'https://arxiv.org/abs/1708.03888',
  evidence: [],
  options: z.strictObject({
    momentum: z.number().min(0).lt(1).default(0.9).describe('Momentum factor.'),
    trust_coefficient: z.number().positive().default(0.001).describe('Multiplies every trust ratio.'),
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
      'trust ratio × {0} per layer, at batch {1}',
      formatNumber(options.trust_coefficient),
      effectiveBatchOf(draft),
    ),
  systems: {
    timm: {
      file: {
        ...timmOptimizerCalled('lars'),
        more: (settings) => ({
          momentum: numberAt(settings, 'momentum') ?? 0.9,
          trust_coefficient: numberAt(settings, 'opt_kwargs.trust_coeff') ?? 0.001,
        }),
        settable: [],
      },
      command: timmOptimizer,
    },
    torchvision: { file: NO_EQUIVALENT, command: torchvisionOptimizer },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
