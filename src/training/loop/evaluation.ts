import * as tf from '@tensorflow/tfjs-core';
import {
  type ClassificationMetrics,
  classificationMetrics,
  emptyPredictions,
  type Predictions,
  predictImage,
} from '../../protocol/classificationMetrics';
import { inOrder } from '../data/batches';
import { evaluationBatches } from '../data/batchSource';
import type { ImageDataset } from '../data/dataset';
import type { Predictor } from '../effects/effect';
import { inTurn } from './pipeline';

/** What a network makes of some images: its mean loss, and the share it gives the right class. */
export interface Metrics {
  readonly loss: number;
  readonly accuracy: number;
  /** The part of the loss that the labels make, where there is another (distillation). */
  readonly labelsLoss?: number;
}

/** What a network makes of all images of a split. */
export interface Evaluation extends ClassificationMetrics {
  readonly predictions: Predictions;
}

/**
 * What a network makes of all validation images, under the running statistics. The batch size, which bounds the
 * memory taken, changes none of it beyond rounding.
 *
 * @throws the signal's reason when aborted
 */
export async function evaluate(
  network: Predictor,
  dataset: Pick<ImageDataset, 'facts' | 'validation'>,
  batchSize: number,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { validation, facts } = dataset;
  const batches = evaluationBatches(validation, facts, batchSize);
  const order = inOrder(validation.count);
  const predictions = emptyPredictions(validation.count);
  let first = 0;
  const start = async (index: number) => {
    const { size, images, labels } = await batches.fill(order, index, 0);
    const shown = imagesTensor(images, size, dataset);
    const logits = await network.predict(shown);
    shown.dispose();
    const scores = logits.data<'float32'>().finally(() => logits.dispose());
    // A failure is seen where they are awaited, one batch later.
    scores.catch(() => {});
    return { labels: labels.slice(), scores };
  };
  await inTurn(batches.count, signal, start, async ({ labels, scores }) => {
    const values = await scores;
    for (const [row, label] of labels.entries()) {
      predictImage(predictions, first + row, label, values, row, facts.classes);
    }
    first += labels.length;
  });
  return { ...classificationMetrics(predictions, facts.classes), predictions };
}

/** A batch's images as a tensor [size, height, width, channels]. */
export function imagesTensor(
  images: Float32Array,
  size: number,
  { facts: { height, width, channels } }: Pick<ImageDataset, 'facts'>,
): tf.Tensor4D {
  return tf.tensor4d(images, [size, height, width, channels]);
}

/** Targets [batch, classes] that give each image's class all of the weight. */
export function oneHot(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  // The wasm backend writes integers whichever type is asked of it.
  return tf.tidy(() => tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D);
}

/** A batch's loss, accuracy and, where it is a part of the loss, the labels' loss: one tensor [2] or [3], to be read at once. */
export function metricsTensor(
  loss: tf.Scalar,
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
  labelsLoss?: tf.Scalar,
): tf.Tensor1D {
  return tf.tidy(() => {
    const correct = tf.equal(tf.argMax(logits, 1), labels);
    const accuracy = tf.mean(tf.cast(correct, 'float32'));
    return tf.stack(labelsLoss ? [loss, accuracy, labelsLoss] : [loss, accuracy]) as tf.Tensor1D;
  });
}

/** Metrics each of which is made of the same one of several. */
export function metricsBy(all: readonly Metrics[], combine: (values: readonly number[]) => number): Metrics {
  const labelsLosses = all.flatMap(({ labelsLoss }) => (labelsLoss === undefined ? [] : [labelsLoss]));
  return {
    loss: combine(all.map(({ loss }) => loss)),
    accuracy: combine(all.map(({ accuracy }) => accuracy)),
    ...(labelsLosses.length > 0 && { labelsLoss: combine(labelsLosses) }),
  };
}

/** Reads what `metricsTensor` made, and disposes it. */
export async function readMetrics(measured: tf.Tensor1D): Promise<Metrics> {
  try {
    const [loss, accuracy, labelsLoss] = await measured.data<'float32'>();
    return {
      loss: loss as number,
      accuracy: accuracy as number,
      ...(labelsLoss !== undefined && { labelsLoss }),
    };
  } finally {
    measured.dispose();
  }
}
