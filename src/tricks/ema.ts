import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, stepsOf } from '../recipe/draft';
import { defineTrick } from './trick';

/** Polyak and Juditsky 1992, as an exponential average; TensorFlow and timm made it usual for image models. */
export const ema = defineTrick({
  name: 'ema',
  aliases: [
    { name: 'model_ema', system: 'timm, torchvision' },
    { name: 'model_ema_decay', system: 'timm, torchvision', option: 'decay' },
  ],
  title: () => l10n.t("Weights' moving average"),
  summary: () =>
    l10n.t(
      'Beside the weights that train stands their moving average, which has less of the noise of the last steps. Both are evaluated, and both are kept.',
    ),
  formula: 'average ← decay × average + (1 − decay) × weights, after every step',
  source: 'Polyak and Juditsky 1992; timm',
  url: 'https://github.com/huggingface/pytorch-image-models/blob/main/timm/utils/model_ema.py',
  evidence: [],
  options: z.strictObject({
    decay: z.number().positive().lt(1).default(0.9999).describe('Share of the average kept at each step.'),
    warmup: z
      .boolean()
      .default(true)
      .describe('Keep at most (1 + t) / (10 + t) at step t, so that the start is forgotten.'),
  }),
  anchor: ['schedule', 'epochs'],
  // The paper's baselines train for 150,000 steps; in a short training that decay averages from its beginning.
  insertion: (draft) => {
    const steps = Math.max(stepsOf(draft, draft.epochs), 1);
    return { decay: Number(Math.min(Math.max(1 - 15 / steps, 0.9), 0.9999).toPrecision(4)) };
  },
  problems: () => [],
  apply: (draft, options) => changed(draft, { averaging: options }),
  effect: (draft, { decay }) =>
    l10n.t('about {0} steps of {1}', Math.round(1 / (1 - decay)), stepsOf(draft, draft.epochs)),
});
