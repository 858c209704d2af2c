import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, type Draft, effectiveBatchOf, peakLearningRateOf } from '../recipe/draft';
import { counted } from '../shared/counted';
import { formatNumber } from '../shared/format';
import { numberAt, settingAt, UnknownHere, unsettled, without } from './elsewhere/mapping';
import { takenOut } from './elsewhere/mmpretrain';
import { timmRate } from './elsewhere/timm';
import { isRateOpen, rateIn, scalingEffect, scalingIn } from './elsewhere/timmFile';
import { torchvisionRate } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** The paper's base learning rate, and its reference batch size. */
const PAPER = { baseLearningRate: 0.1, baseBatchSize: 256 } as const;

/** He et al. 2018, section 3.1, after Goyal et al. 2017. */
export const linearScaling = defineTrick({
  name: 'linear_scaling',
  aliases: [
    { name: 'lr_base_size', system: 'timm', option: 'base_batch_size' },
    { name: 'auto_scale_lr', system: 'MMPretrain', option: 'base_batch_size' },
  ],
  title: () => l10n.t('Linear scaling'),
  setting: ({ base_batch_size }) => l10n.t('from {0}', base_batch_size),
  brief: () => l10n.t('multiplies base_lr by effective batch size / base batch size'),
  summary: () =>
    l10n.t(
      'A larger batch gives a less noisy gradient, so the learning rate can grow with it. base_lr applies to a reference batch and is multiplied by the ratio of the batch sizes.',
    ),
  formula: 'lr = base_lr × images in a step / base_batch_size',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    {
      setting: 'batch 1024, against batch 256 unscaled',
      without: 75.87,
      with: 75.17,
      top5: { without: 92.7, with: 92.54 },
    },
  ],
  options: z.strictObject({
    base_batch_size: z
      .int()
      .positive()
      .default(PAPER.baseBatchSize)
      .describe('Batch size that base_lr is meant for.'),
  }),
  anchor: ['optimizer', 'base_lr'],
  insertion: () => ({ base_batch_size: PAPER.baseBatchSize }),
  problems: () => [],
  advice: (draft, options) => {
    const batch = effectiveBatchOf(draft);
    const { optimizer } = draft;
    const { baseLearningRate } = draft.schedule;
    const reference = options?.base_batch_size ?? PAPER.baseBatchSize;
    // The paper's learning rate, scaled by the rule.
    const paperRate = (PAPER.baseLearningRate * batch) / PAPER.baseBatchSize;
    if (optimizer.name !== 'sgd' || batch < 2 * PAPER.baseBatchSize) return [];
    if (options && reference < batch && Math.abs(baseLearningRate / paperRate - 1) < 0.01) {
      const unscaled = Number(formatNumber((baseLearningRate * reference) / batch));
      return [
        {
          path: ['optimizer', 'base_lr'],
          what: l10n.t(
            'base_lr {0} looks already scaled to a batch of {1}, and linear scaling raises it to {2}.',
            formatNumber(baseLearningRate),
            batch,
            formatNumber(peakLearningRateOf(draft)),
          ),
          remedy: l10n.t('Write base_lr for a batch of {0}: {1}.', reference, formatNumber(unscaled)),
          fix: { type: 'set', path: ['optimizer', 'base_lr'], value: unscaled },
        },
      ];
    }
    if (options || baseLearningRate >= 0.99 * paperRate) return [];
    return [
      {
        path: ['data', 'batch_size'],
        what: l10n.t(
          'A step of {0} is large for a learning rate of {1} without linear scaling.',
          counted(batch, 'image'),
          formatNumber(baseLearningRate),
        ),
        remedy: l10n.t(
          'Insert linear scaling: {0} for {1} images becomes {2}.',
          formatNumber(baseLearningRate),
          reference,
          formatNumber((baseLearningRate * batch) / reference),
        ),
        fix: { type: 'insert' },
      },
    ];
  },
  apply: (draft, options) => scaled(draft, options),
  effect: (draft, options) => {
    return l10n.t(
      '{0} at {1} gives {2} at {3}',
      formatNumber(draft.schedule.baseLearningRate),
      options.base_batch_size,
      formatNumber(peakLearningRateOf(scaled(draft, options))),
      effectiveBatchOf(draft),
    );
  },
  systems: {
    timm: {
      file: {
        settings: ['lr_base_size', 'lr'],
        // timm scales lr_base by itself if lr is not set.
        read: (settings) =>
          isRateOpen(settings) && scalingIn(settings) === 'linear'
            ? { base_batch_size: numberAt(settings, 'lr_base_size') ?? PAPER.baseBatchSize }
            : null,
        write: (options, settings) => ({
          lr_base: rateIn(settings),
          lr_base_size: options.base_batch_size,
          ...(scalingIn(settings) === 'linear' ? {} : { lr_base_scale: 'linear' }),
          lr: settings.has('lr') ? null : undefined,
        }),
        erase: (settings) => ({
          lr: rateIn(settings),
          ...without('lr_base', 'lr_base_size', 'lr_base_scale'),
        }),
        obstacle: (settings) =>
          isRateOpen(settings) && scalingIn(settings) === 'sqrt'
            ? l10n.t(
                'timm scales the learning rate by the square root of the batch here. To change that, set lr_base_scale: linear.',
              )
            : null,
        effect: (options, settings, told) => scalingEffect(settings, told, Number(options.base_batch_size)),
      },
      command: timmRate,
    },
    torchvision: {
      file: unsettled(
        ['lr'],
        () => false,
        () => l10n.t('torchvision has no flag for this: pass the scaled learning rate to --lr.'),
      ),
      command: torchvisionRate,
    },
    mmpretrain: {
      file: {
        settings: ['auto_scale_lr.enable', 'auto_scale_lr'],
        read: (settings) => {
          if (settingAt(settings, 'auto_scale_lr.enable') !== true) return null;
          const base_batch_size = numberAt(settings, 'auto_scale_lr.base_batch_size');
          // MMEngine has no default.
          if (base_batch_size === undefined) {
            throw new UnknownHere(l10n.t('{0} is not in the file.', 'auto_scale_lr.base_batch_size'));
          }
          return { base_batch_size };
        },
        // Configs declare it for their learning rate, even if that is not scaled.
        declared: (settings) => {
          const base_batch_size = numberAt(settings, 'auto_scale_lr.base_batch_size');
          return base_batch_size === undefined ? {} : { base_batch_size };
        },
        write: (options) => ({
          'auto_scale_lr.base_batch_size': options.base_batch_size,
          'auto_scale_lr.enable': true,
        }),
        erase: (settings) => takenOut(settings, 'auto_scale_lr.enable', false),
      },
    },
  },
});

function scaled(draft: Draft, options: { readonly base_batch_size: number }): Draft {
  return changed(draft, { schedule: { scaling: { baseBatchSize: options.base_batch_size } } });
}
