import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount, type Settings, textAt } from './elsewhere/mapping';
import { nothing, option } from './elsewhere/translation';
import { defineTrick } from './trick';

const clipGrad = amount('clip_grad', 'max_norm');

/** Pascanu et al. 2013 (arXiv 1211.5063), section 3.2, over all parameters together as in PyTorch. */
export const gradientClipping = defineTrick({
  name: 'gradient_clipping',
  aliases: [
    { name: 'clip_grad', system: 'timm, MMPretrain', option: 'max_norm' },
    { name: 'clip_grad_norm', system: 'torchvision', option: 'max_norm' },
    { name: 'max_grad_norm', system: 'Hugging Face', option: 'max_norm' },
  ],
  title: () => l10n.t('Gradient clipping'),
  brief: () => l10n.t('scales gradients down to a norm'),
  summary: () =>
    l10n.t(
      'Where the norm of all gradients together is above a bound, they are scaled down to it: one bad batch cannot throw the weights far.',
    ),
  formula: 'g ← g × min(1, max_norm / ‖g‖)',
  source: 'Pascanu et al. 2013; timm',
  url: 'https://arxiv.org/abs/1211.5063',
  evidence: [],
  options: z.strictObject({
    max_norm: z.number().positive().default(1).describe('The largest norm of all gradients together.'),
  }),
  anchor: ['optimizer'],
  helpsAgainst: ['divergence', 'overflow'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, options) => changed(draft, { gradients: { maxNorm: options.max_norm } }),
  effect: (_, { max_norm }) => l10n.t('norm of gradients at most {0}', formatNumber(max_norm)),
  systems: {
    timm: {
      file: {
        ...clipGrad,
        // In its other modes the number is a value, or a share of each unit's weights' norm.
        read: (settings) => (clipModeOf(settings) === 'norm' ? clipGrad.read(settings) : null),
        obstacle: (settings) =>
          clipModeOf(settings) === 'norm'
            ? null
            : l10n.t('{0} is {1}, another way to clip.', 'clip_mode', clipModeOf(settings)),
      },
      command: ({ gradients: { maxNorm } }) => (maxNorm === null ? nothing : option('--clip-grad', maxNorm)),
    },
    torchvision: {
      file: amount('clip-grad-norm', 'max_norm'),
      command: ({ gradients: { maxNorm } }) =>
        maxNorm === null ? nothing : option('--clip-grad-norm', maxNorm),
    },
    mmpretrain: { file: amount('optim_wrapper.clip_grad.max_norm', 'max_norm') },
  },
});

/** How timm clips: to a norm where a file does not say. */
function clipModeOf(settings: Settings): string {
  return textAt(settings, 'clip_mode') ?? 'norm';
}
