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

/**
 * The evaluations that a run keeps: of its last epoch, of its best epoch, and of the averaged weights after the last
 * epoch.
 */
export type EvaluationName = 'last' | 'best' | 'averaged';

/** An evaluation to save. */
export interface EvaluatedImages {
  /** From 0, as in the log. */
  readonly epoch: number;
  /** Completed steps. */
  readonly step: number;
  /** By label. */
  readonly classNames: readonly string[];
  /** Returns an image's name for the reader. */
  readonly nameOf: (image: number) => string;
  readonly predictions: Predictions;
}

/** Number of images in `most_wrong.csv`. */
const MOST_WRONG = 36;
/** Above this number of classes the matrix is too large to be useful, and `confusion.csv` is omitted. */
const MOST_CONFUSION_CLASSES = 1000;

/** The folder of a run's evaluations. Each attempt has its own folder in it. */
export const evaluationsFolder = (runFolder: string): string => join(runFolder, 'evaluation');

export const evaluationFolder = (runFolder: string, name: EvaluationName): string =>
  join(currentFolder(evaluationsFolder(runFolder)), name);

/**
 * Saves a run's validation results as files for other programs: `classes.csv`, `confusion.csv`, `most_wrong.csv`,
 * `correct.npy` and finally `metrics.json`. Each file is replaced atomically.
 *
 * @param attempt an attempt that has begun, so that its folder exists
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

/** The contents of the files by name. `metrics.json` is last, so that it is never newer than the others. */
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

/** One row per true class, one column per predicted class. */
function confusionText(predictions: Predictions, classNames: readonly string[]): string {
  const classes = classNames.length;
  const matrix = confusionMatrix(predictions, classes);
  return csvText([
    ['true', ...classNames],
    ...classNames.map((name, label) => [name, ...matrix.subarray(label * classes, (label + 1) * classes)]),
  ]);
}

/** The probability column is that of the true class. */
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

/** A saved evaluation of a run. */
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
 * Reads a saved evaluation. Returns null if there is none or its files are damaged.
 *
 * @throws the file system's error if they cannot be read
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

/** Which validation images a run classified correctly. */
export interface KeptCorrectness {
  /** From 0, as in the log. */
  readonly epoch: number;
  /** 1 for a correct prediction, otherwise 0, for each validation image in the data set's order. */
  readonly correct: Uint8Array;
}

/**
 * Reads which validation images a run classified correctly in an evaluation. Returns null if there is no evaluation, or
 * its files are damaged or come from two evaluations.
 *
 * @throws the file system's error if they cannot be read
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
