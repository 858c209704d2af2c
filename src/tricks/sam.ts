import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { lacks, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Foret et al. 2021 (arXiv 2010.01412), algorithm 1, with any base optimizer. */
export const sam = defineTrick({
  name: 'sam',
  aliases: [{ name: 'sharpness_aware_minimization', system: 'Composer' }],
  title: () => l10n.t('Sharpness-aware minimization'),
  setting: ({ rho }) => l10n.t('rho {0}', formatNumber(rho)),
  brief: () => l10n.t('computes the gradient a small step up the loss, to find flat minima'),
  summary: () =>
    l10n.t(
      'The gradient is computed a small step up the loss from the current weights, so training favors flat minima. Each step costs two passes.',
    ),
  formula: 'g = ∇L(w + rho × ∇L(w) / ‖∇L(w)‖)',
  source: 'Foret et al. 2021',
  url: 'https://arxiv.org/abs/2010.01412',
  evidence: [],
  options: z.strictObject({
    rho: z.number().positive().default(0.05).describe('Radius of the step up the loss.'),
  }),
  anchor: ['optimizer', 'name'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, options) => changed(draft, { gradients: { sharpnessRadius: options.rho } }),
  effect: (_, { rho }) => l10n.t('two passes per step, the second {0} up the gradient', formatNumber(rho)),
  systems: {
    timm: {
      file: NO_EQUIVALENT,
      command: ({ gradients: { sharpnessRadius } }) =>
        when(sharpnessRadius !== null, lacks(l10n.t('sam, sharpness-aware minimization'))),
    },
    torchvision: {
      file: NO_EQUIVALENT,
      command: ({ gradients: { sharpnessRadius } }) =>
        when(sharpnessRadius !== null, lacks(l10n.t('sam, sharpness-aware minimization'))),
    },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
