import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, effectiveBatchOf, stepsOf } from '../recipe/draft';
import { counted } from '../shared/counted';
import { formatCount } from '../shared/format';
import { numberAt, type Settings, settingAt, without } from './elsewhere/mapping';
import { complement, HOOKS, type Item, isAveraging, itemsAt, scoped, takenOut } from './elsewhere/mmpretrain';
import { epochsIn, imagesOfStepIn } from './elsewhere/torchvisionFile';
import { differs, nothing, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Polyak and Juditsky 1992, as an exponential moving average. TensorFlow and timm popularized it for image models. */
export const ema = defineTrick({
  name: 'ema',
  aliases: [
    { name: 'model_ema', system: 'timm, torchvision' },
    { name: 'model_ema_decay', system: 'timm, torchvision', option: 'decay' },
  ],
  title: () => l10n.t('Weight EMA'),
  setting: ({ decay }) => l10n.t('decay {0}', decay),
  brief: () => l10n.t('keeps a moving average of the weights and evaluates it too'),
  summary: () =>
    l10n.t(
      'A moving average of the weights is kept alongside the trained weights. It has less noise from the last steps. Both are evaluated, and both are saved.',
    ),
  formula: 'average ← decay × average + (1 − decay) × weights, after every step',
  source: 'Polyak and Juditsky 1992; timm',
  url: 'https://github.com/huggingface/pytorch-image-models/blob/main/timm/utils/model_ema.py',
  evidence: [],
  options: z.strictObject({
    decay: z.number().positive().lt(1).default(0.9999).describe('Decay of the average.'),
    warmup: z
      .boolean()
      .default(true)
      .describe(
        'Whether to limit the decay to (1 + t) / (10 + t) at step t, which forgets the initial weights.',
      ),
  }),
  anchor: ['schedule', 'epochs'],
  // The paper's baselines train for 150,000 steps. In a short training, their decay would average over all steps from
  // the start.
  insertion: (draft) => {
    const steps = Math.max(stepsOf(draft, draft.epochs), 1);
    return { decay: Number(Math.min(Math.max(1 - 15 / steps, 0.9), 0.9999).toPrecision(4)) };
  },
  problems: () => [],
  apply: (draft, options) => changed(draft, { averaging: options }),
  effect: (draft, { decay }) =>
    l10n.t(
      'over about {0} of {1}',
      counted(horizonOf(decay), 'step'),
      formatCount(stepsOf(draft, draft.epochs)),
    ),
  systems: {
    timm: {
      file: {
        settings: ['model_ema', 'model_ema_decay'],
        read: (settings) =>
          settingAt(settings, 'model_ema') === true
            ? { decay: numberAt(settings, 'model_ema_decay') ?? 0.9998 }
            : null,
        more: (settings) => ({ warmup: settingAt(settings, 'model_ema_warmup') === true }),
        write: ({ decay, warmup }) => ({
          model_ema: true,
          model_ema_decay: decay,
          model_ema_warmup: warmup === true ? true : undefined,
        }),
        erase: () => without('model_ema', 'model_ema_decay', 'model_ema_warmup'),
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
                  differs(
                    l10n.t(
                      "ema: the decay's warmup is 1 − (1 + t)^(−2/3), in Bag of Tricks (1 + t) / (10 + t)",
                    ),
                  ),
                ),
              ),
            ),
    },
    torchvision: {
      file: {
        settings: ['model-ema', 'model-ema-decay'],
        read: (settings) => (settingAt(settings, 'model-ema') === true ? { warmup: false } : null),
        more: (settings) => ({ decay: decayAtSteps(averagingIn(settings)) }),
        settable: ['decay'],
        write: (options, settings) => {
          const before = averagingIn(settings);
          const { decay, every } = torchvisionsAveraging(Number(options.decay), before);
          return {
            'model-ema': true,
            'model-ema-decay': decay,
            ...(every === before.every ? {} : { 'model-ema-steps': every }),
          };
        },
        effect: ({ decay }) => l10n.t('over about {0}', counted(horizonOf(Number(decay)), 'step')),
        // The effective decay depends on the batch, and so on the number of processes.
        obstacle: (settings) => {
          if (settings.get('model-ema') !== true) averagingIn(settings);
          return null;
        },
        erase: () => without('model-ema', 'model-ema-decay', 'model-ema-steps'),
      },
      command: (recipe) => {
        const { averaging, epochs } = recipe;
        if (averaging === null) return nothing;
        const step = { images: effectiveBatchOf(recipe), epochs, every: 1 };
        const { decay, every } = torchvisionsAveraging(averaging.decay, step);
        return together(
          option('--model-ema'),
          option('--model-ema-steps', every),
          option('--model-ema-decay', decay),
          when(
            averaging.warmup,
            differs(l10n.t('ema: it starts when learning rate warmup ends, and has no decay warmup')),
          ),
        );
      },
    },
    mmpretrain: {
      file: {
        settings: [HOOKS],
        read: (settings) => {
          const hook = itemsAt(settings, HOOKS).find(isAveraging);
          if (!hook) return null;
          const kept = 1 - (typeof hook.momentum === 'number' ? hook.momentum : 2e-4);
          return { decay: inDigits(kept ** (1 / intervalOf(hook))), warmup: false };
        },
        settable: ['decay'],
        write: (options, settings) => {
          const hooks = itemsAt(settings, HOOKS);
          const momentumOf = (hook: Item) => complement(Number(options.decay) ** intervalOf(hook));
          return {
            [HOOKS]: hooks.some(isAveraging)
              ? hooks.map((hook) => (isAveraging(hook) ? { ...hook, momentum: momentumOf(hook) } : hook))
              : [
                  ...hooks,
                  { type: scoped(settings, 'EMAHook'), momentum: momentumOf({}), priority: 'ABOVE_NORMAL' },
                ],
          };
        },
        erase: (settings) => {
          const rest = itemsAt(settings, HOOKS).filter((hook) => !isAveraging(hook));
          return rest.length > 0 ? { [HOOKS]: rest } : takenOut(settings, HOOKS, []);
        },
      },
    },
  },
});

/** Returns the approximate number of steps that the average covers. */
function horizonOf(decay: number): number {
  return Math.round(1 / (1 - decay));
}

/**
 * torchvision's averaging. `decay` applies to one update after `every` steps of `images`, in a training of `epochs`.
 */
interface TorchvisionsAveraging {
  readonly decay: number;
  readonly every: number;
  readonly images: number;
  readonly epochs: number;
}

function averagingIn(settings: Settings): TorchvisionsAveraging {
  return {
    decay: numberAt(settings, 'model-ema-decay') ?? 0.99998,
    every: numberAt(settings, 'model-ema-steps') ?? 32,
    images: imagesOfStepIn(settings),
    epochs: epochsIn(settings),
  };
}

/**
 * Returns the factor by which train.py multiplies 1 - decay, so that one decay suits any batch size and number of
 * epochs.
 */
function adjustment({ images, every, epochs }: Omit<TorchvisionsAveraging, 'decay'>): number {
  return (images * every) / epochs;
}

/** Returns the decay per step of torchvision's average. A decay of 0 means the last weights. */
function decayAtSteps(averaging: TorchvisionsAveraging): number {
  const changed = Math.min(1, (1 - averaging.decay) * adjustment(averaging));
  return Math.max(inDigits((1 - changed) ** (1 / averaging.every)), 1e-6);
}

/**
 * Returns torchvision's options for a decay per step. Updates less often if a single update cannot change the average
 * that much.
 */
function torchvisionsAveraging(
  decay: number,
  { every, images, epochs }: Omit<TorchvisionsAveraging, 'decay'>,
): Pick<TorchvisionsAveraging, 'decay' | 'every'> {
  const share = (1 - decay ** every) / adjustment({ images, every, epochs });
  return share > 1
    ? torchvisionsAveraging(decay, { every: every + 1, images, epochs })
    : { decay: inDigits(1 - share), every };
}

/** Returns the number of steps between two updates of MMPretrain's average. */
function intervalOf({ interval }: Item): number {
  return typeof interval === 'number' && interval > 0 ? interval : 1;
}

/** Rounds a decay to the significant digits of 1 - decay. */
function inDigits(kept: number): number {
  return Number((1 - Number((1 - kept).toPrecision(5))).toPrecision(12));
}
