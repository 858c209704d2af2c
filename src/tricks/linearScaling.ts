import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, type Draft, effectiveBatchOf, peakLearningRateOf } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { numberAt, unsettled, without } from './elsewhere/mapping';
import { optimizerIn, rateIn, SCALED_BY_ROOT, timmRate } from './elsewhere/timm';
import { torchvisionRate } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** The paper's rate, and the batch that it is for. */
const PAPER = { baseLearningRate: 0.1, baseBatchSize: 256 } as const;

/** He et al. 2018, section 3.1, after Goyal et al. 2017. */
export const linearScaling = defineTrick({
  name: 'linear_scaling',
  aliases: [
    { name: 'lr_base_size', system: 'timm', option: 'base_batch_size' },
    { name: 'auto_scale_lr', system: 'MMPretrain', option: 'base_batch_size' },
  ],
  title: () => l10n.t('Linear scaling'),
  brief: () => l10n.t('multiplies the base rate by the images of a step / base batch size'),
  summary: () =>
    l10n.t(
      'A larger batch gives a gradient with less noise, so the rate can grow with it: the base rate is meant for a reference batch and is multiplied by the ratio of the two.',
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
      .describe('The batch size that base_lr is meant for.'),
  }),
  anchor: ['optimizer', 'base_lr'],
  insertion: () => ({ base_batch_size: PAPER.baseBatchSize }),
  problems: () => [],
  advice: (draft, options) => {
    const batch = effectiveBatchOf(draft);
    const { optimizer } = draft;
    const { baseLearningRate } = draft.schedule;
    const reference = options?.base_batch_size ?? PAPER.baseBatchSize;
    // What the rule makes of the paper's rate.
    const paperRate = (PAPER.baseLearningRate * batch) / PAPER.baseBatchSize;
    if (optimizer.name !== 'sgd' || batch < 2 * PAPER.baseBatchSize) return [];
    if (options && reference < batch && Math.abs(baseLearningRate / paperRate - 1) < 0.01) {
      const unscaled = Number(formatNumber((baseLearningRate * reference) / batch));
      return [
        {
          path: ['optimizer', 'base_lr'],
          what: l10n.t(
            'base_lr {0} looks as if it were scaled to a batch of {1} already, and linear scaling makes {2} of it.',
            formatNumber(baseLearningRate),
            batch,
            formatNumber(peakLearningRateOf(draft)),
          ),
          remedy: l10n.t('Write the rate for a batch of {0}, {1}.', reference, formatNumber(unscaled)),
          fix: { type: 'set', path: ['optimizer', 'base_lr'], value: unscaled },
        },
      ];
    }
    if (options || baseLearningRate >= 0.99 * paperRate) return [];
    return [
      {
        path: ['data', 'batch_size'],
        what: l10n.t(
          'A step of {0} images is large for a rate of {1}, and there is no linear scaling.',
          batch,
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
        // timm scales lr_base by itself where lr is left open.
        read: (settings) =>
          numberAt(settings, 'lr') === undefined && !SCALED_BY_ROOT.test(optimizerIn(settings))
            ? { base_batch_size: numberAt(settings, 'lr_base_size') ?? PAPER.baseBatchSize }
            : null,
        write: (options, settings) => ({
          lr_base: rateIn(settings),
          lr_base_size: options.base_batch_size,
          lr: settings.has('lr') ? null : undefined,
        }),
        erase: (settings) => ({ lr: rateIn(settings), ...without('lr_base', 'lr_base_size') }),
      },
      command: timmRate,
    },
    torchvision: {
      file: unsettled(
        ['lr'],
        () => false,
        () => l10n.t('torchvision has no flag for it: write the scaled rate to --lr.'),
      ),
      command: torchvisionRate,
    },
    mmpretrain: {
      file: {
        settings: ['auto_scale_lr.enable', 'auto_scale_lr'],
        read: (settings) =>
          settings.get('auto_scale_lr.enable') === true
            ? { base_batch_size: numberAt(settings, 'auto_scale_lr.base_batch_size') ?? PAPER.baseBatchSize }
            : null,
        write: (options) => ({
          'auto_scale_lr.base_batch_size': options.base_batch_size,
          'auto_scale_lr.enable': true,
        }),
        erase: () => without('auto_scale_lr.enable', 'auto_scale_lr.base_batch_size'),
      },
    },
  },
});

function scaled(draft: Draft, options: { readonly base_batch_size: number }): Draft {
  return changed(draft, { schedule: { scaling: { baseBatchSize: options.base_batch_size } } });
}
