import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount, numberAt, textAt, without } from './elsewhere/mapping';
import { option, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/**
 * Szegedy et al. 2016 (arXiv 1512.00567); He et al. 2018, section 5.2. Epsilon is spread over all classes, the
 * right one included, as the paper's authors' code and PyTorch do; its text spreads it over the others.
 */
export const labelSmoothing = defineTrick({
  name: 'label_smoothing',
  aliases: [{ name: 'smoothing', system: 'timm', option: 'epsilon' }],
  title: () => l10n.t('Label smoothing'),
  brief: () => l10n.t('spreads a share of each target over all classes'),
  summary: () =>
    l10n.t(
      'A target of all or nothing asks for logits that grow without end. With a little of the target spread over all classes, the best logits are finite, and the network is less sure of itself.',
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
      .describe('Share of the target spread over all classes.'),
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
              'The targets are softened twice: by label smoothing, and by {0}.',
              mixing.mixup ? 'mixup' : 'cutmix',
            ),
            remedy: l10n.t(
              'The paper has both; where the training loss stays high, take label smoothing out.',
            ),
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
      'target {0} for the class, {1} for each of the other {2}',
      formatNumber(1 - epsilon + epsilon / classes),
      formatNumber(epsilon / classes),
      classes - 1,
    ),
  systems: {
    timm: {
      file: amount('smoothing', 'epsilon', { byDefault: 0.1 }),
      command: ({ loss }) => option('--smoothing', loss.labelSmoothing),
    },
    torchvision: {
      file: amount('label-smoothing', 'epsilon'),
      command: ({ loss }) => when(loss.labelSmoothing > 0, option('--label-smoothing', loss.labelSmoothing)),
    },
    mmpretrain: {
      file: {
        settings: ['model.head.loss.label_smooth_val', 'model.head.loss'],
        read: (settings) =>
          textAt(settings, 'model.head.loss.type') === 'LabelSmoothLoss'
            ? { epsilon: numberAt(settings, 'model.head.loss.label_smooth_val') ?? 0.1 }
            : null,
        write: (options) => ({
          'model.head.loss.type': 'LabelSmoothLoss',
          'model.head.loss.label_smooth_val': options.epsilon,
        }),
        erase: () => without('model.head.loss.type', 'model.head.loss.label_smooth_val'),
      },
    },
  },
});
