import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount } from './elsewhere/mapping';
import { smoothLoss } from './elsewhere/mmpretrainTraining';
import { timmSmoothing } from './elsewhere/timmAugment';
import { option, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/**
 * Szegedy et al. 2016 (arXiv 1512.00567); He et al. 2018, section 5.2. Epsilon is spread over all classes including the
 * true one, as in the code of the paper's authors and in PyTorch. The paper's text spreads it over the other classes.
 */
export const labelSmoothing = defineTrick({
  name: 'label_smoothing',
  aliases: [{ name: 'smoothing', system: 'timm', option: 'epsilon' }],
  title: () => l10n.t('Label smoothing'),
  setting: ({ epsilon }) => formatNumber(epsilon),
  brief: () => l10n.t('spreads part of each target over all classes'),
  summary: () =>
    l10n.t(
      'One-hot targets push logits to grow without bound. If a small part of the target is spread over all classes, the optimal logits are finite and the network is less overconfident.',
    ),
  formula: 'target = (1 − ε) × one-hot + ε / classes',
  source: 'He et al. 2018, section 5.2',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [{ setting: 'ResNet-50-D, on cosine decay', without: 77.91, with: 78.31 }],
  options: z.strictObject({
    epsilon: z
      .number()
      .positive()
      .lt(1)
      .default(0.1)
      .describe('Fraction of the target spread over all classes.'),
  }),
  anchor: ['data', 'dataset'],
  insertion: () => true,
  problems: () => [],
  advice: ({ data: { mixing } }, options) =>
    options && mixing
      ? [
          {
            path: ['tricks', 'label_smoothing'],
            what: l10n.t(
              'The targets are softened twice: by label smoothing and by {0}.',
              mixing.mixup ? 'mixup' : 'cutmix',
            ),
            remedy: l10n.t('The paper uses both. If the training loss stays high, remove label smoothing.'),
            fix: { type: 'remove' },
          },
        ]
      : [],
  apply: (draft, options) => changed(draft, { loss: { labelSmoothing: options.epsilon } }),
  effect: (
    {
      data: {
        dataset: { classes },
      },
    },
    { epsilon },
  ) =>
    l10n.t(
      'target {0} for the true class, {1} for each of the other {2}',
      formatNumber(1 - epsilon + epsilon / classes),
      formatNumber(epsilon / classes),
      classes - 1,
    ),
  systems: {
    timm: {
      file: timmSmoothing,
      command: ({ loss }) => option('--smoothing', loss.labelSmoothing),
    },
    torchvision: {
      file: amount('label-smoothing', 'epsilon', { off: 0 }),
      command: ({ loss }) => when(loss.labelSmoothing > 0, option('--label-smoothing', loss.labelSmoothing)),
    },
    mmpretrain: { file: smoothLoss },
  },
});
