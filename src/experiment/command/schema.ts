import { z } from 'zod';
import { COMMAND_METRICS, COMMAND_SYSTEMS, type CommandMetric } from '../../recipe/commandRecipe';
import { isMapping } from '../../shared/values';
import { experimentSchema } from '../schema';

const words = z.union([z.string().min(1), z.array(z.string()).min(1).max(2000)]);

/** Arguments may be absent: an empty text. */
const someWords = z.union([z.string(), z.array(z.string()).max(2000)]).default('');

const METRIC_MEANINGS: Readonly<Record<CommandMetric, string>> = {
  step: 'Number of the training step.',
  epoch: 'Number of the epoch.',
  loss: 'Training loss.',
  accuracy: 'Training accuracy.',
  learning_rate: 'Learning rate.',
  images_per_second: 'Training images per second.',
  validation_loss: 'Validation loss.',
  validation_accuracy: 'Validation accuracy, top-1.',
  validation_top5: 'Validation accuracy, top-5.',
};

const names = z.strictObject(
  Object.fromEntries(
    COMMAND_METRICS.map((name) => [name, z.string().min(1).optional().describe(METRIC_MEANINGS[name])]),
  ) as Record<CommandMetric, z.ZodOptional<z.ZodString>>,
);

const units = {
  percent: z
    .boolean()
    .default(false)
    .describe('Whether accuracies are in percent. Otherwise they are fractions from 0 to 1.'),
  first_epoch: z
    .union([z.literal(0), z.literal(1)])
    .default(0)
    .describe('Number of the first epoch in the output.'),
};

const metrics = z.union([
  z.literal('auto'),
  z.strictObject({
    csv: z.string().min(1).describe("A CSV file with a row per epoch, relative to the run's folder."),
    columns: names.describe('The column of each metric.'),
    ...units,
  }),
  z.strictObject({
    stdout: z
      .string()
      .min(1)
      .describe('A regular expression for lines of the output, whose named groups are metrics.'),
    ...units,
  }),
  z.strictObject({
    json_lines: z
      .string()
      .min(1)
      .describe("stdout if the command prints JSON lines, or a file of them, relative to the run's folder."),
  }),
  z.strictObject({
    tensorboard: z.string().min(1).describe("A folder of event files, relative to the run's folder."),
    tags: names.prefault({}).describe('The tag of each metric.'),
    ...units,
  }),
]);

const argument = z.strictObject({
  with: someWords.describe('The arguments if it is on.'),
  without: someWords.describe('The arguments if it is off.'),
});

const trainer = z.strictObject({
  command: words.describe(
    `The program and its arguments, as text or as a list of words. No shell runs it. \${run.folder}, \${seed} and the names in values are replaced.`,
  ),
  system: z
    .enum(COMMAND_SYSTEMS)
    .describe('The training program, whose options and output are known. generic is any other program.'),
  working_directory: z
    .string()
    .min(1)
    .default('.')
    .describe("The folder that the command runs in, relative to this file's folder."),
  metrics: metrics
    .default('auto')
    .describe(
      'Where the metrics are. auto reads them as the system writes them. With generic, it reads JSON lines and every known format.',
    ),
  checkpoint: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The checkpoint to resume from, relative to the run's folder. The default is that of the system, if the command determines it.",
    ),
  resume: words
    .optional()
    .describe(`Arguments that resume from \${checkpoint}. The default is that of the system.`),
  epochs: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Number of epochs that the command trains, if its options do not determine it.'),
  arguments: z
    .record(z.string(), argument)
    .optional()
    .describe('Arguments of tricks, and of other names that tricks may then switch on.'),
  environment: z.record(z.string(), z.string()).default({}).describe('Environment variables of the command.'),
  seed_variable: z
    .string()
    .min(1)
    .optional()
    .describe('An environment variable for the seed, for programs without an option for it.'),
  values: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .default({})
    .describe(`Values of other placeholders in the command: lr: 0.1 replaces \${lr}.`),
});

/** The schema of an experiment that trains by a command: `trainer` in place of `model` and `data`. */
export const commandSchema = z.strictObject({
  $schema: experimentSchema.shape.$schema,
  name: experimentSchema.shape.name,
  trainer: trainer.describe('The command that trains.'),
  tricks: experimentSchema.shape.tricks.describe(
    "Training tricks, written as the system's options. `true` uses the default options, `false` switches a trick off.",
  ),
  seed: experimentSchema.shape.seed.describe(`Random seed, for \${seed} and seed_variable.`),
});

/** A validated command experiment with its defaults filled in, as written. */
export type WrittenCommand = z.output<typeof commandSchema>;

/** Whether a file's data describe a command experiment: it has `trainer`. */
export function isCommandValue(value: unknown): boolean {
  if (!isMapping(value) || !Object.hasOwn(value, 'trainer')) return false;
  return value.trainer !== null || !(Object.hasOwn(value, 'model') || Object.hasOwn(value, 'data'));
}
