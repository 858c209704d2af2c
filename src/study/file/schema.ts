import { z } from 'zod';
import { ALL_TRICKS } from '../../tricks/registry';
import { NAMED_METRICS } from './metrics';
import { DESIGN_REQUESTS } from './study';

const trickNames = ALL_TRICKS.map(({ name }) => name);

/** A run of a listed design: the levels that differ from the first, by factor, or the enabled tricks. */
const listedRun = z.union([
  z.array(z.string()).describe('The tricks that are on.'),
  z
    .record(z.string(), z.unknown())
    .describe('Values by factor; factors that are left out have their first level.'),
]);

/** Schema of a study file. The meaning of the factors in their experiment is checked separately. */
export const studySchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1).max(200).describe('Names the study.'),
  experiment: z
    .string()
    .min(1)
    .describe(
      "The experiment file to start from, relative to this file's folder. Its tricks stay on, except those that are factors.",
    ),
  factors: z
    .array(
      z.union([
        z.string().meta({ description: 'A trick: without it, and with it.', examples: [...trickNames] }),
        z
          .record(z.string(), z.unknown())
          .describe(
            'A trick with its options, or several sets of options in a list; or a key such as optimizer.weight_decay with two values or more, of which the first is the reference.',
          ),
      ]),
    )
    .min(1)
    .max(50)
    .describe('What is in question.'),
  design: z
    .union([z.enum(DESIGN_REQUESTS), z.array(listedRun).min(2).max(1000)])
    .default('auto')
    .describe(
      'Which combinations are run: auto (the largest design within the budget that tells effects from pairs), screening (the smallest that does), full (all), one_at_a_time, leave_one_out, stack (one trick after the other, as in the paper), or a list of runs.',
    ),
  budget: z
    .strictObject({
      runs: z.int().positive().max(100_000).optional().describe('Total number of training runs.'),
      hours: z.number().positive().max(100_000).optional().describe('Total hours of training.'),
    })
    .describe('What the study may take: runs or hours.'),
  blocks: z
    .enum(['auto', 'folds', 'seeds'])
    .default('auto')
    .describe(
      'What repeats the design: seeds, or folds with a seed each, where validation images are split from the training images; auto takes folds below 5,000 validation images.',
    ),
  metric: z
    .string()
    .min(1)
    .default('validation_accuracy')
    .meta({
      description:
        'What is compared, at the last epoch: one of these or any number that runs log. averaged_accuracy is of the averaged weights, or without ema of the plain ones.',
      examples: [...NAMED_METRICS],
    }),
  smallest_effect: z
    .number()
    .positive()
    .optional()
    .describe(
      "In the metric's unit, accuracies in points of a percent: a smaller effect does not matter. By default 0.2 points of accuracy.",
    ),
  stop: z
    .enum(['when_decided', 'never'])
    .default('when_decided')
    .describe('Whether the study ends early, once every factor is decided or none can be any more.'),
  at_once: z
    .union([z.literal('auto'), z.int().positive().max(1024)])
    .default('auto')
    .describe('Runs at a time, with equal shares of the threads; auto measures what finishes more work.'),
});

/** The parsed parts of a study file, with defaults filled in. */
export type WrittenStudy = z.output<typeof studySchema>;
