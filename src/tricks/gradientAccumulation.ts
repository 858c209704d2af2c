import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, type Draft, effectiveBatchOf } from '../recipe/draft';
import { counted } from '../shared/counted';
import { numberAt, offOr, type TrickMapping } from './elsewhere/mapping';
import { takenOut } from './elsewhere/mmpretrain';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { lacks, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** As in timm and Composer: batch norm sees one batch at a time, the optimizer the mean of several. */
export const gradientAccumulation = defineTrick({
  name: 'gradient_accumulation',
  aliases: [
    { name: 'grad_accum_steps', system: 'timm', option: 'batches' },
    { name: 'grad_accum', system: 'Composer', option: 'batches' },
    { name: 'gradient_accumulation_steps', system: 'Hugging Face', option: 'batches' },
    { name: 'accumulative_counts', system: 'MMPretrain', option: 'batches' },
  ],
  title: () => l10n.t('Gradient accumulation'),
  setting: ({ batches }) => l10n.t('of {0} batches', batches),
  brief: () => l10n.t('averages the gradients of several batches for one step'),
  summary: () =>
    l10n.t(
      'Each step uses the mean gradient of several batches. This has the effect of a larger batch with the memory of a smaller one. Batch norm is the exception: its statistics come from one batch. Linear scaling uses all images of a step.',
    ),
  formula: 'images in a step = batch_size × batches',
  source: 'timm, Composer',
  url: 'https://github.com/huggingface/pytorch-image-models/blob/main/train.py',
  evidence: [],
  options: z.strictObject({
    batches: z.int().positive().default(2).describe('Batches per step.'),
  }),
  anchor: ['data', 'batch_size'],
  fits: (draft) => wholeSteps(draft) > 1,
  insertion: (draft) => ({
    batches: Math.max(2, Math.min(Math.round(256 / draft.data.batchSize), wholeSteps(draft))),
  }),
  problems: (draft, { batches }) =>
    effectiveBatchOf(draft) > draft.data.dataset.trainImages &&
    draft.data.batchSize <= draft.data.dataset.trainImages
      ? [
          {
            path: ['batches'],
            what: l10n.t(
              '{0} batches of {1} exceed the {2} training images.',
              batches,
              draft.data.batchSize,
              draft.data.dataset.trainImages,
            ),
            remedy: l10n.t('Use at most {0}.', wholeSteps(draft)),
          },
        ]
      : [],
  apply: (draft, options) => changed(draft, { gradients: { accumulation: options.batches } }),
  effect: (draft, { batches }) =>
    l10n.t(
      '{0} of {1} make a step of {2}',
      counted(batches, 'batch'),
      draft.data.batchSize,
      counted(batches * draft.data.batchSize, 'image'),
    ),
  systems: {
    timm: {
      file: batchesAt('grad_accum_steps'),
      command: ({ gradients }) =>
        when(gradients.accumulation > 1, option('--grad-accum-steps', gradients.accumulation)),
    },
    torchvision: {
      file: NO_EQUIVALENT,
      command: ({ data: { batchSize }, gradients: { accumulation } }) =>
        together(
          option('--batch-size', batchSize * accumulation),
          when(
            accumulation > 1,
            lacks(l10n.t('gradient_accumulation: one batch of {0} images instead', batchSize * accumulation)),
          ),
        ),
    },
    mmpretrain: {
      file: {
        ...batchesAt('optim_wrapper.accumulative_counts'),
        erase: (settings) => takenOut(settings, 'optim_wrapper.accumulative_counts', 1),
      },
    },
  },
});

/** Returns the number of whole batches in an epoch. */
function wholeSteps({ data: { dataset, batchSize } }: Draft): number {
  return Math.max(Math.floor(dataset.trainImages / batchSize), 1);
}

/** Maps a setting that holds the number of batches per step. */
function batchesAt(setting: string): TrickMapping {
  return {
    settings: [setting],
    read: (settings) => {
      const batches = numberAt(settings, setting) ?? 1;
      return batches > 1 ? { batches } : null;
    },
    write: (options) => ({ [setting]: options.batches }),
    erase: (settings) => offOr(settings, setting, 1),
  };
}
