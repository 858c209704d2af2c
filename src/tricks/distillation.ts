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
  brief: () => l10n.t('learns from a run that is done, beside the labels'),
  summary: () =>
    l10n.t(
      'A larger network that was trained before teaches this one: beside the labels, its softened probabilities are a target, which say what an image resembles and not only what it is. The paper saw it help ResNet and harm MobileNet and Inception, whose teacher was of another family.',
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
      .describe("A run's id, or the path of a checkpoint (.safetensors) of one."),
    temperature: z.number().positive().default(20).describe('What the logits of both are divided by.'),
    weight: z.number().positive().default(1).describe('Of the distillation loss beside that of the labels.'),
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
            remedy: l10n.t("Write teacher: and the id of a finished run, or a checkpoint's path."),
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
                l10n.t('distillation: TEACHER is a model of timm with its weights, for {0}', recipe.teacher),
              ),
              // Of constant difference, the entropy of the teacher.
              differs(
                l10n.t("distillation: the loss is told less the teacher's entropy; its gradient is the same"),
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
