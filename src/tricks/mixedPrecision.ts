import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, halfExecutionOf } from '../recipe/draft';
import { assertNever } from '../shared/assertNever';
import { otherLossScale } from './elsewhere/commandParts';
import { choice } from './elsewhere/mapping';
import { ampWrapper } from './elsewhere/mmpretrainTraining';
import { timmAmp } from './elsewhere/timmFile';
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
  setting: ({ dtype }) => dtype,
  brief: () => l10n.t('computes in half precision with FP32 master weights and loss scaling'),
  summary: () =>
    l10n.t(
      'Weights, activations and gradients use half precision, which is several times faster on hardware with support for it. Updates go to a master copy of the weights in FP32. The loss is multiplied by a scale so that small gradients do not underflow. A step with overflowing gradients is skipped.',
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
      .describe('Format to compute in. bfloat16 has the range of FP32 and needs no loss scale.'),
    loss_scale: z
      .union([z.literal('dynamic'), z.number().positive()])
      .default('dynamic')
      .describe('Loss scale: a fixed number, or dynamic, which adapts to overflows.'),
    initial_scale: z.number().positive().default(65536).describe('Initial dynamic loss scale.'),
    growth_factor: z.number().gt(1).default(2).describe('Factor by which a dynamic loss scale grows.'),
    backoff_factor: z
      .number()
      .positive()
      .lt(1)
      .default(0.5)
      .describe('Factor on the loss scale after an overflow.'),
    growth_interval: z
      .int()
      .positive()
      .default(2000)
      .describe('Steps without an overflow before the loss scale grows.'),
  }),
  anchor: ['engine'],
  insertion: () => true,
  problems: () => [],
  advice: (_, options) =>
    options?.dtype === 'float16' && options.loss_scale === 1
      ? [
          {
            path: ['tricks', 'mixed_precision', 'loss_scale'],
            what: l10n.t('Half precision without loss scaling loses gradients below 6e-8.'),
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
      file: timmAmp,
      command: ({ precision: recipe }) => {
        if (recipe.compute === 'float32') return nothing;
        const amp = together(option('--amp'), option('--amp-dtype', recipe.compute));
        if (recipe.compute === 'bfloat16') return amp;
        return together(amp, otherLossScale(recipe.lossScale));
      },
    },
    torchvision: {
      file: choice('amp', true, { off: false }),
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
    mmpretrain: { file: ampWrapper },
  },
});
