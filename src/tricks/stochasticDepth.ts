import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { zeroGammaNormsOf } from '../models/graph';
import type { ResidualOptions } from '../models/networks/residual';
import { changed, type Draft, graphIfAny } from '../recipe/draft';
import { counted } from '../shared/counted';
import { formatNumber } from '../shared/format';
import { amountOrOff } from './elsewhere/mmpretrain';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { timmDropPath } from './elsewhere/timmModels';
import { differs, lacks, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/**
 * Huang et al. 2016 (arXiv 1603.09382), with the linear rule, per image as in timm and Composer. The default rate is
 * Composer's for ResNet-50.
 */
export const stochasticDepth = defineTrick({
  name: 'stochastic_depth',
  aliases: [
    { name: 'drop_path', system: 'timm', option: 'rate' },
    { name: 'drop_path_rate', system: 'timm, MMPretrain', option: 'rate' },
    { name: 'drop_connect', system: 'timm', option: 'rate' },
    { name: 'stochastic_depth_prob', system: 'torchvision', option: 'rate' },
  ],
  title: () => l10n.t('Stochastic depth'),
  setting: ({ rate }) => l10n.t('rate {0}', formatNumber(rate)),
  brief: () => l10n.t('drops residual branches at random, later ones more often'),
  summary: () =>
    l10n.t(
      'During training, residual branches are dropped at random, later ones more often. The network is shallower in training and complete at inference. For deep networks and long trainings.',
    ),
  formula: 'drop probability of block l of L = rate × l / L',
  source: 'Huang et al. 2016',
  url: 'https://arxiv.org/abs/1603.09382',
  evidence: [{ setting: 'ResNet-110 on CIFAR-10', without: 93.59, with: 94.77 }],
  options: z.strictObject({
    rate: z.number().positive().lt(1).default(0.2).describe('Drop probability of the last block.'),
  }),
  anchor: ['model'],
  fits: (draft) => residualBlocks(draft) > 0,
  insertion: () => true,
  problems: (draft) =>
    residualBlocks(draft) === 0
      ? [
          {
            path: [],
            what: l10n.t('{0} has no residual blocks to drop.', draft.model.name),
            remedy: l10n.t('Use a residual network such as resnet20, or remove this trick.'),
          },
        ]
      : [],
  apply: (draft, options) => changed(draft, { model: { ...draft.model, ...dropping(options.rate) } }),
  effect: (draft, { rate }) => {
    const blocks = residualBlocks(draft);
    return blocks === 0
      ? l10n.t('idle: {0} has no residual blocks', draft.model.name)
      : l10n.t(
          '{0} dropped with probability {1} to {2}',
          counted(blocks, 'block'),
          formatNumber(rate / blocks),
          formatNumber(rate),
        );
  },
  systems: {
    timm: {
      file: timmDropPath,
      command: ({ model: spec }) => {
        const dropped =
          'stochasticDepth' in spec && typeof spec.stochasticDepth === 'number' ? spec.stochasticDepth : 0;
        return when(
          dropped > 0,
          together(
            option('--drop-path', dropped),
            differs(
              l10n.t(
                'stochastic_depth: drop rates rise from 0 in the first block, in Bag of Tricks from rate / blocks',
              ),
            ),
          ),
        );
      },
    },
    torchvision: {
      file: NO_EQUIVALENT,
      command: ({ model: spec }) =>
        when(
          'stochasticDepth' in spec && spec.stochasticDepth !== undefined,
          lacks(l10n.t('stochastic_depth for this model')),
        ),
    },
    mmpretrain: { file: amountOrOff('model.backbone.drop_path_rate', 'rate', 0) },
  },
});

function residualBlocks(draft: Draft): number {
  const graph = graphIfAny(draft);
  // If the model cannot take the images, the check of the draft reports it.
  return graph ? zeroGammaNormsOf(graph).length : 1;
}

/** The option exists for every model with residual blocks. `problems` reports the others. */
function dropping(rate: number): ResidualOptions {
  return { stochasticDepth: rate };
}
