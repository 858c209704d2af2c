import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { zeroGammaNormsOf } from '../models/graph';
import type { ResidualOptions } from '../models/networks/residual';
import { changed, graphOf } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { differs, lacks, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/**
 * Huang et al. 2016 (arXiv 1603.09382), its linear rule, image by image as in timm and Composer, whose default
 * for ResNet-50 the rate is.
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
  brief: () => l10n.t('leaves residual branches out at random, the later the more often'),
  summary: () =>
    l10n.t(
      'In training, residual branches are left out at random, the later the more often: the network is shorter on the way and whole when it is used. For deep networks and long trainings.',
    ),
  formula: 'drop probability of block l of L = rate × l / L',
  source: 'Huang et al. 2016',
  url: 'https://arxiv.org/abs/1603.09382',
  evidence: [{ setting: 'ResNet-110 on CIFAR-10', without: 93.59, with: 94.77 }],
  options: z.strictObject({
    rate: z.number().positive().lt(1).default(0.2).describe("The last block's probability to be left out."),
  }),
  anchor: ['model'],
  fits: (draft) => residualBlocks(draft) > 0,
  insertion: () => true,
  problems: (draft) =>
    residualBlocks(draft) === 0
      ? [
          {
            path: [],
            what: l10n.t('{0} has no residual blocks to leave out.', draft.model.name),
            remedy: l10n.t('Use a residual network such as resnet20, or take this trick out.'),
          },
        ]
      : [],
  apply: (draft, options) => changed(draft, { model: { ...draft.model, ...dropping(options.rate) } }),
  effect: (draft, { rate }) => {
    const blocks = residualBlocks(draft);
    return blocks === 0
      ? l10n.t('for residual networks')
      : l10n.t(
          '{0} blocks left out with probability {1} to {2}',
          blocks,
          formatNumber(rate / blocks),
          formatNumber(rate),
        );
  },
  systems: {
    timm: {
      file: amount('drop_path', 'rate'),
      command: ({ model: spec }) => {
        const dropped =
          'stochasticDepth' in spec && typeof spec.stochasticDepth === 'number' ? spec.stochasticDepth : 0;
        return when(
          dropped > 0,
          together(
            option('--drop-path', dropped),
            differs(
              l10n.t('stochastic_depth: rates rise from 0 in the first block, ours from rate / blocks'),
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
          lacks(l10n.t('stochastic_depth in this model')),
        ),
    },
    mmpretrain: { file: amount('model.backbone.drop_path_rate', 'rate') },
  },
});

function residualBlocks(draft: Parameters<typeof graphOf>[0]): number {
  try {
    return zeroGammaNormsOf(graphOf(draft)).length;
  } catch {
    // Images that the model cannot take are told of where the draft is checked.
    return 1;
  }
}

/** The option of every model with residual blocks; others have none, which `problems` says. */
function dropping(rate: number): ResidualOptions {
  return { stochasticDepth: rate };
}
