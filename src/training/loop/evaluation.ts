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

/** A network's metrics on some images: its mean loss and its accuracy. */
export interface Metrics {
  readonly loss: number;
  readonly accuracy: number;
  /** The part of the loss that comes from the labels, if there is another part (distillation). */
  readonly labelsLoss?: number;
}

/** A network's metrics and predictions on all images of a split. */
export interface Evaluation extends ClassificationMetrics {
  readonly predictions: Predictions;
}

/**
 * Evaluates a network on all validation images, using the running statistics. The batch size limits the memory use and
 * does not change the result beyond rounding.
 *
 * @throws the signal's reason if aborted
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
    // A failure surfaces when the scores are awaited, one batch later.
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

/** Makes a tensor [size, height, width, channels] of a batch's images. */
export function imagesTensor(
  images: Float32Array,
  size: number,
  { facts: { height, width, channels } }: Pick<ImageDataset, 'facts'>,
): tf.Tensor4D {
  return tf.tensor4d(images, [size, height, width, channels]);
}

/** Returns one-hot targets [batch, classes]. */
export function oneHot(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  // The wasm backend returns integers regardless of the requested type.
  return tf.tidy(() => tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D);
}

/**
 * Packs a batch's loss, accuracy and, if it is a part of the loss, the labels' loss into one tensor [2] or [3], for a
 * single read.
 */
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

/** Combines several metrics, field by field. */
export function metricsBy(all: readonly Metrics[], combine: (values: readonly number[]) => number): Metrics {
  const labelsLosses = all.flatMap(({ labelsLoss }) => (labelsLoss === undefined ? [] : [labelsLoss]));
  return {
    loss: combine(all.map(({ loss }) => loss)),
    accuracy: combine(all.map(({ accuracy }) => accuracy)),
    ...(labelsLosses.length > 0 && { labelsLoss: combine(labelsLosses) }),
  };
}

/** Reads a tensor from `metricsTensor` and disposes it. */
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
