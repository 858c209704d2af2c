import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, halfExecutionOf } from '../recipe/draft';
import { assertNever } from '../shared/assertNever';
import { otherLossScale } from './elsewhere/commandParts';
import { choice, textAt, without } from './elsewhere/mapping';
import { lacks, nothing, option, together } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Micikevicius et al. 2018 (arXiv 1710.03740); He et al. 2018, section 3.2. The scale is PyTorch's GradScaler. */
export const mixedPrecision = defineTrick({
  name: 'mixed_precision',
  aliases: [
    { name: 'amp', system: 'timm, torchvision' },
    { name: 'fp16', system: 'MMPretrain' },
    { name: 'bf16', system: 'Composer', option: 'dtype' },
    { name: 'amp_dtype', system: 'timm', option: 'dtype' },
    { name: 'loss_scale', system: 'MMPretrain', option: 'loss_scale' },
  ],
  title: () => l10n.t('Mixed precision'),
  brief: () => l10n.t('computes in half precision with FP32 master weights and a scaled loss'),
  summary: () =>
    l10n.t(
      'Weights in use, activations and gradients are held in half precision, which hardware made for it computes several times faster; a master copy of the weights takes the updates in FP32. The loss is multiplied by a scale, so that small gradients do not vanish; a step whose gradients overflow is skipped.',
    ),
  formula: 'g = ∇(scale × loss) / scale; overflow: skip the step, scale × backoff_factor',
  source: 'He et al. 2018, section 3.2',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 76.16, with: 76.15, top5: { without: 92.97, with: 93.09 } },
    { setting: 'batch 1024', without: 76.03, with: 76.21, top5: { without: 92.86, with: 92.97 } },
  ],
  options: z.strictObject({
    dtype: z
      .enum(['float16', 'bfloat16'])
      .default('float16')
      .describe('What is computed in. bfloat16 has the range of FP32 and needs no loss scale.'),
    loss_scale: z
      .union([z.literal('dynamic'), z.number().positive()])
      .default('dynamic')
      .describe('What the loss is multiplied by: a number, or one that follows the gradients.'),
    initial_scale: z.number().positive().default(65536).describe('Where a dynamic scale starts.'),
    growth_factor: z.number().gt(1).default(2).describe('What a dynamic scale grows by.'),
    backoff_factor: z.number().positive().lt(1).default(0.5).describe('What an overflow multiplies it by.'),
    growth_interval: z.int().positive().default(2000).describe('Steps without an overflow before it grows.'),
  }),
  anchor: ['engine'],
  insertion: () => true,
  problems: () => [],
  advice: (_, options) =>
    options?.dtype === 'float16' && options.loss_scale === 1
      ? [
          {
            path: ['tricks', 'mixed_precision', 'loss_scale'],
            what: l10n.t('Half precision without a loss scale loses gradients below 6e-8.'),
            remedy: l10n.t('Use a dynamic loss scale.'),
            fix: { type: 'set_option', option: 'loss_scale', value: 'dynamic' },
          },
        ]
      : [],
  apply: (draft, options) =>
    changed(draft, {
      precision:
        options.dtype === 'bfloat16'
          ? { compute: 'bfloat16' }
          : {
              compute: 'float16',
              lossScale:
                options.loss_scale === 'dynamic'
                  ? {
                      kind: 'dynamic',
                      initial: options.initial_scale,
                      growthFactor: options.growth_factor,
                      backoffFactor: options.backoff_factor,
                      growthInterval: options.growth_interval,
                    }
                  : { kind: 'static', scale: options.loss_scale },
            },
    }),
  effect: ({ engine }, { dtype, loss_scale, initial_scale }) => {
    const scaled =
      dtype === 'bfloat16'
        ? l10n.t('bfloat16')
        : l10n.t('float16, loss × {0}', loss_scale === 'dynamic' ? initial_scale : loss_scale);
    return halfExecutionOf(engine) === 'emulated' ? l10n.t('{0}, emulated on {1}', scaled, engine) : scaled;
  },
  systems: {
    timm: {
      file: choice('amp', true),
      command: ({ precision: recipe }) => {
        if (recipe.compute === 'float32') return nothing;
        const amp = together(option('--amp'), option('--amp-dtype', recipe.compute));
        if (recipe.compute === 'bfloat16') return amp;
        return together(amp, otherLossScale(recipe.lossScale));
      },
    },
    torchvision: {
      file: choice('amp', true),
      command: ({ precision: recipe }) => {
        switch (recipe.compute) {
          case 'float32':
            return nothing;
          case 'bfloat16':
            return lacks(l10n.t('mixed_precision in bfloat16'));
          case 'float16':
            return together(option('--amp'), otherLossScale(recipe.lossScale));
          default:
            return assertNever(recipe);
        }
      },
    },
    mmpretrain: {
      file: {
        settings: ['optim_wrapper.type', 'optim_wrapper'],
        read: (settings) => (textAt(settings, 'optim_wrapper.type') === 'AmpOptimWrapper' ? {} : null),
        write: (options) => ({
          'optim_wrapper.type': 'AmpOptimWrapper',
          'optim_wrapper.loss_scale': options.loss_scale,
        }),
        erase: () => without('optim_wrapper.type', 'optim_wrapper.loss_scale'),
      },
    },
  },
});
