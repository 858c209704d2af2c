import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import {
  type ClassificationMetrics,
  type ClassMetrics,
  classificationMetrics,
  confusionMatrix,
  correctness,
  mostWrong,
  type Predictions,
} from '../protocol/classificationMetrics';
import { csvText } from '../shared/csv';
import { decodeNpy, encodeNpy, NpyError } from '../shared/npy';
import { isSystemError } from '../system/errors';
import { makePlainFolder, readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { attemptFolder, currentFolder, readCurrent } from './lease/attemptFolders';

/** Whose predictions a run keeps: of its last epoch, of its best, and of the last one's averaged weights. */
export type EvaluationName = 'last' | 'best' | 'averaged';

/** What an evaluation was of. */
export interface EvaluatedImages {
  /** From 0, as in the log. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** By label. */
  readonly classNames: readonly string[];
  /** What a person finds an image by. */
  readonly nameOf: (image: number) => string;
  readonly predictions: Predictions;
}

/** Images that `most_wrong.csv` names. */
const MOST_WRONG = 36;
/** A matrix of more classes is too large to be of use: `confusion.csv` is left out. */
const MOST_CONFUSION_CLASSES = 1000;

/** A run's evaluations, in a folder for each attempt. */
export const evaluationsFolder = (runFolder: string): string => join(runFolder, 'evaluation');

export const evaluationFolder = (runFolder: string, name: EvaluationName): string =>
  join(currentFolder(evaluationsFolder(runFolder)), name);

/**
 * Keeps what a run made of its validation images, as files that other programs read: `classes.csv`, `confusion.csv`,
 * `most_wrong.csv`, `correct.npy` and, last, `metrics.json`. Each is replaced whole or not at all.
 *
 * @param attempt one that has begun: its folder is there
 * @throws the file system's error
 */
export async function writeEvaluation(
  runFolder: string,
  attempt: number,
  names: readonly EvaluationName[],
  evaluated: EvaluatedImages,
): Promise<void> {
  const files = filesOf(evaluated);
  for (const name of names) {
    const folder = join(attemptFolder(evaluationsFolder(runFolder), attempt), name);
    await makePlainFolder(folder);
    for (const [file, content] of files) await replaceFile(join(folder, file), content);
  }
}

/** Their content, by name; `metrics.json` comes last, so that it is never newer than the others. */
function filesOf({ epoch, step, classNames, nameOf, predictions }: EvaluatedImages) {
  const metrics = classificationMetrics(predictions, classNames.length);
  const { images, loss, accuracy, top5, macroF1, balancedAccuracy } = metrics;
  const stored = {
    ...{ epoch, step, images, classes: classNames.length, loss, accuracy },
    ...(top5 !== null && { top5 }),
    ...{ macroF1, balancedAccuracy },
  } satisfies z.input<typeof metricsSchema>;
  const correct = correctness(predictions);
  return new Map<string, string | Uint8Array>([
    ['classes.csv', classesText(metrics, classNames)],
    ...(classNames.length <= MOST_CONFUSION_CLASSES
      ? [['confusion.csv', confusionText(predictions, classNames)] as const]
      : []),
    ['most_wrong.csv', mostWrongText(predictions, classNames, nameOf)],
    ['correct.npy', encodeNpy({ shape: [correct.length], values: correct })],
    ['metrics.json', `${JSON.stringify(stored, null, 2)}\n`],
  ]);
}

const CLASS_COLUMNS = ['class', 'precision', 'recall', 'f1', 'support'] as const;

function classesText({ classes }: ClassificationMetrics, classNames: readonly string[]): string {
  return csvText([
    CLASS_COLUMNS,
    ...classes.map(({ precision, recall, f1, support }, label) => [
      classNames[label]!,
      ...[precision, recall, f1, support],
    ]),
  ]);
}

/** A row for each right class, a column for each predicted one. */
function confusionText(predictions: Predictions, classNames: readonly string[]): string {
  const classes = classNames.length;
  const matrix = confusionMatrix(predictions, classes);
  return csvText([
    ['true', ...classNames],
    ...classNames.map((name, label) => [name, ...matrix.subarray(label * classes, (label + 1) * classes)]),
  ]);
}

/** The probability is that of the right class. */
function mostWrongText(
  predictions: Predictions,
  classNames: readonly string[],
  nameOf: (image: number) => string,
): string {
  const { labels, predicted, losses } = predictions;
  return csvText([
    ['name', 'true', 'predicted', 'probability', 'loss'],
    ...mostWrong(predictions, MOST_WRONG).map((image) => [
      nameOf(image),
      ...[classNames[labels[image]!]!, classNames[predicted[image]!]!],
      ...[Math.exp(-losses[image]!), losses[image]!],
    ]),
  ]);
}

const metricsSchema = z.object({
  epoch: z.number(),
  step: z.number(),
  images: z.number(),
  classes: z.number(),
  loss: z.number(),
  accuracy: z.number(),
  top5: z.number().optional(),
  macroF1: z.number(),
  balancedAccuracy: z.number(),
});

/** What a run kept of an evaluation. */
export interface KeptEvaluation extends z.output<typeof metricsSchema> {
  readonly byClass: readonly (ClassMetrics & { readonly name: string })[];
}

const share = z
  .string()
  .transform((text) => (text === '' ? null : Number(text)))
  .pipe(z.number().nullable());
const classSchema = z
  .tuple([z.string(), share, share, share, z.coerce.number()])
  .transform(([name, precision, recall, f1, support]) => ({ name, precision, recall, f1, support }));

/**
 * What a run kept of an evaluation; null where it kept none, or its files are damaged.
 *
 * @throws the file system's error where they cannot be read
 */
export async function readEvaluation(
  runFolder: string,
  name: EvaluationName,
): Promise<KeptEvaluation | null> {
  const parent = evaluationsFolder(runFolder);
  const read = (file: string) =>
    readCurrent(parent, (folder) => readPlain(join(folder, name, file), 'utf8')).catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
      return '';
    });
  const [metrics, classes] = [await read('metrics.json'), await read('classes.csv')];
  try {
    return {
      ...metricsSchema.parse(JSON.parse(metrics)),
      byClass: z.array(classSchema).parse(parse(classes, { fromLine: 2 })),
    };
  } catch {
    return null;
  }
}

/** Which validation images a run answered right. */
export interface KeptCorrectness {
  /** From 0, as in the log. */
  readonly epoch: number;
  /** For each validation image, in the data set's order, 1 where the answer was right, else 0. */
  readonly correct: Uint8Array;
}

/**
 * Which validation images a run answered right at an evaluation; null where it kept none, or its files are damaged or of two
 * evaluations.
 *
 * @throws the file system's error where they cannot be read
 */
export async function readCorrectness(
  runFolder: string,
  name: EvaluationName,
): Promise<KeptCorrectness | null> {
  const parent = evaluationsFolder(runFolder);
  try {
    return await readCurrent(parent, async (folder) => {
      const metrics = metricsSchema.parse(
        JSON.parse(await readPlain(join(folder, name, 'metrics.json'), 'utf8')),
      );
      const { values } = decodeNpy(await readPlain(join(folder, name, 'correct.npy')));
      const isWhole = values instanceof Uint8Array && values.length === metrics.images;
      return isWhole ? { epoch: metrics.epoch, correct: values } : null;
    });
  } catch (error) {
    if (error instanceof NpyError || error instanceof SyntaxError || error instanceof z.ZodError) return null;
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}
