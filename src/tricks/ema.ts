import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, stepsOf } from '../recipe/draft';
import { numberAt, without } from './elsewhere/mapping';
import { complement, HOOKS, isAveraging, itemsAt, listObstacle } from './elsewhere/mmpretrain';
import { differs, nothing, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Polyak and Juditsky 1992, as an exponential average; TensorFlow and timm made it usual for image models. */
export const ema = defineTrick({
  name: 'ema',
  aliases: [
    { name: 'model_ema', system: 'timm, torchvision' },
    { name: 'model_ema_decay', system: 'timm, torchvision', option: 'decay' },
  ],
  title: () => l10n.t("Weights' moving average"),
  brief: () => l10n.t('averages the weights over the steps, and evaluates the average too'),
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
  systems: {
    timm: {
      file: {
        settings: ['model_ema', 'model_ema_decay'],
        read: (settings) =>
          settings.get('model_ema') === true
            ? { decay: numberAt(settings, 'model_ema_decay') ?? 0.9998 }
            : null,
        write: (options) => ({ model_ema: true, model_ema_decay: options.decay }),
        erase: () => without('model_ema', 'model_ema_decay'),
      },
      command: ({ averaging: recipe }) =>
        recipe === null
          ? nothing
          : together(
              option('--model-ema'),
              option('--model-ema-decay', recipe.decay),
              when(
                recipe.warmup,
                together(
                  option('--model-ema-warmup'),
                  differs(l10n.t("ema: the decay's warmup is 1 − (1 + t)^(−2/3), ours (1 + t) / (10 + t)")),
                ),
              ),
            ),
    },
    torchvision: {
      file: {
        settings: ['model-ema', 'model-ema-decay'],
        read: (settings) =>
          settings.get('model-ema') === true
            ? { decay: numberAt(settings, 'model-ema-decay') ?? 0.99998 }
            : null,
        write: (options) => ({ 'model-ema': true, 'model-ema-decay': options.decay }),
        erase: () => without('model-ema', 'model-ema-decay'),
      },
      command: // It takes the share not kept times batch size x steps between two updates / epochs.
        ({ averaging: recipe, data: { batchSize }, gradients: { accumulation }, epochs }) => {
          if (recipe === null) return nothing;
          const share = ((1 - recipe.decay) * epochs) / (batchSize * accumulation);
          return together(
            option('--model-ema'),
            option('--model-ema-steps', 1),
            option('--model-ema-decay', Math.max(1 - share, 0)),
            when(
              recipe.warmup,
              differs(l10n.t("ema: it starts when the rate's warmup ends, and has none of its own")),
            ),
          );
        },
    },
    mmpretrain: {
      file: {
        settings: [HOOKS],
        read: (settings) => {
          const hook = itemsAt(settings, HOOKS).find(isAveraging);
          return hook
            ? { decay: complement(typeof hook.momentum === 'number' ? hook.momentum : 2e-4) }
            : null;
        },
        write: (options, settings) => {
          const hooks = itemsAt(settings, HOOKS);
          const momentum = complement(Number(options.decay));
          return {
            [HOOKS]: hooks.some(isAveraging)
              ? hooks.map((hook) => (isAveraging(hook) ? { ...hook, momentum } : hook))
              : [...hooks, { type: 'EMAHook', momentum, priority: 'ABOVE_NORMAL' }],
          };
        },
        erase: (settings) => {
          const rest = itemsAt(settings, HOOKS).filter((hook) => !isAveraging(hook));
          return { [HOOKS]: rest.length > 0 ? rest : undefined };
        },
        obstacle: (settings) => listObstacle(settings, HOOKS),
      },
    },
  },
});
