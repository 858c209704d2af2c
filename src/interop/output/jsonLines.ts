import { z } from 'zod';
import { parseJson } from '../../shared/parseJson';
import { keysByName, type MetricKey, metricsFrom, rowReading } from './metrics';
import type { OutputReader, Reading } from './reading';

/** JSON has no such numbers. Python writes them bare, and other programs as strings or as null. */
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'] as const;

const number = z.union([z.number(), z.enum(NOT_FINITE)]).nullish();
const fraction = z.union([z.number().min(0).max(1), z.literal('NaN')]).nullish();
const count = z.int().min(0).nullish();
const total = z.int().min(1).nullish();

/** One line of metrics. Null is the same as a missing field. */
export const metricsLineSchema = z.looseObject({
  step: count.describe('The training step that was just done. The first is 0.'),
  epoch: count.describe('The epoch of the step, or the epoch that just ended. The first is 0.'),
  loss: number.describe('Training loss of the step, or the mean over the epoch.'),
  accuracy: fraction.describe('Training accuracy, from 0 to 1.'),
  learning_rate: number.describe('Learning rate of the step.'),
  lr: number.describe('The same as learning_rate, which is used if a line has both.'),
  images_per_second: number.describe('Training images per second.'),
  validation_loss: number.describe('Loss on the validation images.'),
  validation_accuracy: fraction.describe('Accuracy on the validation images, from 0 to 1.'),
  validation_top5: fraction.describe('Top-5 accuracy on the validation images, from 0 to 1.'),
  averaged_accuracy: fraction.describe(
    'Accuracy on the validation images with the moving average of the weights, from 0 to 1.',
  ),
  total_steps: total.describe('Number of steps of the whole training.'),
  total_epochs: total.describe('Number of epochs of the whole training.'),
  checkpoint: z
    .string()
    .min(1)
    .nullish()
    .describe('Path of a checkpoint that was just saved, as the program wrote it.'),
});
type MetricsLine = z.infer<typeof metricsLineSchema>;
type Field = keyof typeof metricsLineSchema.shape;

export const METRICS_LINE_FIELDS = Object.keys(metricsLineSchema.shape) as readonly Field[];

const keyOf = keysByName({
  loss: 'loss',
  accuracy: 'accuracy',
  learning_rate: 'learningRate',
  lr: 'learningRate',
  images_per_second: 'imagesPerSecond',
  validation_loss: 'validationLoss',
  validation_accuracy: 'validationAccuracy',
  validation_top5: 'validationTop5',
  averaged_accuracy: 'averagedAccuracy',
} satisfies Partial<Record<Field, MetricKey>>);

const NO_METRICS: ReadonlySet<string> = new Set<Field>(['step', 'epoch', 'total_steps', 'total_epochs']);

/**
 * Reads our own format: one JSON object per line. A line that does not match `metricsLineSchema`, or has none of its
 * fields, is a line of the log and gives no reading.
 */
export function jsonLines(): OutputReader {
  return { from: 'lines', read: readLine };
}

function readLine(line: string): readonly Reading[] {
  const value = objectIn(line);
  // Other programs log JSON too. Their numbers are metrics only next to one of our fields.
  if (value === null || !METRICS_LINE_FIELDS.some((field) => (value[field] ?? null) !== null)) return [];
  const parsedLine = metricsLineSchema.safeParse(value);
  return parsedLine.success ? readingsOf(parsedLine.data, value) : [];
}

/** @param fields those of the line, also one called __proto__, which zod drops */
function readingsOf(line: MetricsLine, fields: Readonly<Record<string, unknown>>): Reading[] {
  const { step, epoch, total_steps, total_epochs, checkpoint } = line;
  const readings: Reading[] = [];
  if (total_steps != null || total_epochs != null)
    readings.push({
      kind: 'length',
      ...(total_steps == null ? {} : { totalSteps: total_steps }),
      ...(total_epochs == null ? {} : { epochs: total_epochs }),
    });
  const hasRate = line.learning_rate != null;
  const numbers = Object.entries(fields).flatMap(([name, value]): [string, number][] => {
    const known = NO_METRICS.has(name) || (name === 'lr' && hasRate) ? null : numberOf(value);
    return known === null ? [] : [[name, known]];
  });
  if (numbers.length > 0 || step != null || epoch != null)
    readings.push(rowReading(step ?? null, epoch ?? null, metricsFrom(numbers, keyOf, false)));
  if (checkpoint != null) readings.push({ kind: 'checkpoint', path: checkpoint });
  return readings;
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return NOT_FINITE.some((word) => word === value) ? Number(value) : null;
}

/** Parses a line that is a JSON object, with bare NaN and Infinity as strings. Null if it is none. */
export function objectIn(line: string): Readonly<Record<string, unknown>> | null {
  const text = line.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return null;
  const value = parsed(text) ?? (/NaN|Infinity/.test(text) ? parsed(withWords(text)) : null);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/**
 * Puts bare NaN and Infinity in quotes. The alternative for strings matches up to their end or the line's, so the time
 * is linear.
 */
export function withWords(text: string): string {
  return text.replace(/"(?:[^"\\]+|\\[\s\S]?)*"?|-?\bInfinity\b|\bNaN\b/g, (found) =>
    found.startsWith('"') ? found : `"${found}"`,
  );
}

/** Generates the JSON Schema of a line (draft 7) from the schema that validates it. */
export function metricsLineJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(metricsLineSchema, {
    io: 'input',
    target: 'draft-7',
  });
  return {
    $schema,
    title: 'Line of metrics',
    description:
      'One line that a training program prints for Bag of Tricks: a JSON object with at least one of these fields. Any other number in it becomes a metric under its own name.',
    ...schema,
    anyOf: METRICS_LINE_FIELDS.map((field) => ({
      required: [field],
      properties: { [field]: { not: { type: 'null' } } },
    })),
  };
}
