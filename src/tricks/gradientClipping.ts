import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount, type Settings, settingAt, type TrickMapping, textAt } from './elsewhere/mapping';
import { clipNorm } from './elsewhere/mmpretrainTraining';
import { nothing, option } from './elsewhere/translation';
import { defineTrick } from './trick';

const clipGrad = neverAtZero(amount('clip_grad', 'max_norm'), 'clip_grad');

/** Pascanu et al. 2013 (arXiv 1211.5063), section 3.2, over the norm of all gradients together, as in PyTorch. */
export const gradientClipping = defineTrick({
  name: 'gradient_clipping',
  aliases: [
    { name: 'clip_grad', system: 'timm, MMPretrain', option: 'max_norm' },
    { name: 'clip_grad_norm', system: 'torchvision', option: 'max_norm' },
    { name: 'max_grad_norm', system: 'Hugging Face', option: 'max_norm' },
  ],
  title: () => l10n.t('Gradient clipping'),
  setting: ({ max_norm }) => l10n.t('to norm {0}', formatNumber(max_norm)),
  brief: () => l10n.t('limits the norm of the gradients'),
  summary: () =>
    l10n.t(
      'If the total norm of all gradients exceeds a limit, they are scaled down to it. One bad batch then cannot throw the weights off.',
    ),
  formula: 'g ← g × min(1, max_norm / ‖g‖)',
  source: 'Pascanu et al. 2013; timm',
  url: 'https://arxiv.org/abs/1211.5063',
  evidence: [],
  options: z.strictObject({
    max_norm: z.number().positive().default(1).describe('Maximum norm of all gradients together.'),
  }),
  anchor: ['optimizer'],
  helpsAgainst: ['divergence', 'overflow'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, options) => changed(draft, { gradients: { maxNorm: options.max_norm } }),
  effect: (_, { max_norm }) => l10n.t('gradient norm at most {0}', formatNumber(max_norm)),
  systems: {
    timm: {
      file: {
        ...clipGrad,
        // In its other modes, the number is a value, or a fraction of the norm of each unit's weights.
        read: (settings) => (clipModeOf(settings) === 'norm' ? clipGrad.read(settings) : null),
        obstacle: (settings) =>
          clipModeOf(settings) === 'norm'
            ? (clipGrad.obstacle?.(settings) ?? null)
            : l10n.t('{0} is {1}, a different way to clip.', 'clip_mode', clipModeOf(settings)),
      },
      command: ({ gradients: { maxNorm } }) => (maxNorm === null ? nothing : option('--clip-grad', maxNorm)),
    },
    torchvision: {
      file: neverAtZero(amount('clip-grad-norm', 'max_norm'), 'clip-grad-norm'),
      command: ({ gradients: { maxNorm } }) =>
        maxNorm === null ? nothing : option('--clip-grad-norm', maxNorm),
    },
    mmpretrain: { file: clipNorm },
  },
});

/** A norm of 0 does not disable clipping: it clips all gradients to 0, as in PyTorch. */
function neverAtZero(mapping: TrickMapping, setting: string): TrickMapping {
  return {
    ...mapping,
    obstacle: (settings) =>
      settingAt(settings, setting) === 0
        ? l10n.t('{0} is 0, which clips every gradient to 0.', setting)
        : null,
  };
}

/** Returns timm's clip mode. The default is norm. */
function clipModeOf(settings: Settings): string {
  return textAt(settings, 'clip_mode') ?? 'norm';
}
