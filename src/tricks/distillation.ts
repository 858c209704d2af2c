import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { differs, lacks, nothing, option, together, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** Hinton et al. 2015 (arXiv 1503.02531); He et al. 2018, section 5.3. */
export const distillation = defineTrick({
  name: 'distillation',
  aliases: [
    { name: 'knowledge_distillation', system: 'GluonCV' },
    { name: 'teacher', system: 'GluonCV', option: 'teacher' },
    { name: 'kd_model_name', system: 'timm', option: 'teacher' },
  ],
  title: () => l10n.t('Distillation'),
  brief: () => l10n.t('learns from a finished run in addition to the labels'),
  summary: () =>
    l10n.t(
      'A larger network that was trained before acts as the teacher. Its softened probabilities are a target in addition to the labels. They say what an image resembles, and not only what it is. In the paper this helped ResNet and hurt MobileNet and Inception, whose teacher came from another family.',
    ),
  formula: 'loss + T² × cross entropy of softmax(r / T) under softmax(z / T)',
  source: 'He et al. 2018, section 5.3',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'ResNet-50-D, on label smoothing', without: 78.31, with: 78.67 },
    { setting: 'ResNet-50-D, on mixup', without: 79.15, with: 79.29 },
  ],
  options: z.strictObject({
    teacher: z
      .string()
      .default('')
      .describe('Id of the teacher run, or the path of one of its checkpoints (.safetensors).'),
    temperature: z.number().positive().default(20).describe('Divides the logits of student and teacher.'),
    weight: z
      .number()
      .positive()
      .default(1)
      .describe('Weight of the distillation loss, added to the loss of the labels.'),
  }),
  runOptions: ['teacher'],
  anchor: ['model'],
  insertion: () => ({ teacher: '' }),
  problems: (_, { teacher }) =>
    teacher === ''
      ? [
          {
            path: ['teacher'],
            what: l10n.t('Distillation needs a teacher.'),
            remedy: l10n.t('Set teacher to the id of a finished run or to the path of a checkpoint.'),
          },
        ]
      : [],
  apply: (draft, options) => changed(draft, { loss: { distillation: options } }),
  effect: (_, { teacher, temperature }) =>
    teacher === ''
      ? l10n.t('learns from a finished run, at temperature {0}', formatNumber(temperature))
      : l10n.t('learns from {0}, at temperature {1}', teacher, formatNumber(temperature)),
  systems: {
    timm: {
      file: NO_EQUIVALENT,
      command: ({ loss: { distillation: recipe } }) =>
        recipe === null
          ? nothing
          : together(
              option('--kd-model-name', 'TEACHER'),
              option('--kd-temperature', recipe.temperature),
              option('--task-loss-weight', 1),
              option('--distill-loss-weight', recipe.weight),
              differs(
                l10n.t(
                  'distillation: TEACHER is a timm model with pretrained weights, instead of {0}',
                  recipe.teacher,
                ),
              ),
              // The two losses differ by a constant, the entropy of the teacher.
              differs(
                l10n.t(
                  "distillation: the reported loss excludes the teacher's entropy; its gradient is the same",
                ),
              ),
            ),
    },
    torchvision: {
      file: NO_EQUIVALENT,
      command: ({ loss }) => when(loss.distillation !== null, lacks(l10n.t('distillation'))),
    },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
