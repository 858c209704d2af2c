import * as tf from '@tensorflow/tfjs-core';
import { inOrder } from '../data/batches';
import { evaluationBatches } from '../data/batchSource';
import type { ImageDataset } from '../data/dataset';
import type { Predictor } from '../effects/effect';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import { inTurn } from './pipeline';

/** What a network makes of some images: its mean loss, and the share it gives the right class. */
export interface Metrics {
  readonly loss: number;
  readonly accuracy: number;
}

/**
 * Loss and accuracy on all validation images, under the running statistics. The batch size, which bounds the
 * memory taken, changes neither beyond rounding.
 *
 * @throws the signal's reason when aborted
 */
export async function evaluate(
  network: Predictor,
  dataset: ImageDataset,
  batchSize: number,
  signal: AbortSignal,
): Promise<Metrics> {
  const { validation, facts } = dataset;
  const batches = evaluationBatches(validation, facts, batchSize);
  const order = inOrder(validation.count);
  const sums = { loss: 0, correct: 0 };
  const start = async (index: number) => {
    const { size, images, labels } = await batches.fill(order, index, 0);
    const shown = imagesTensor(images, size, dataset);
    const logits = await network.predict(shown);
    const measured = tf.tidy(() => {
      const classes = tf.tensor1d(labels, 'int32');
      const { loss } = softmaxCrossEntropy(logits, oneHot(classes, facts.classes));
      return metricsTensor(loss, logits, classes);
    });
    tf.dispose([shown, logits]);
    const metrics = readMetrics(measured);
    // A failure is seen where they are awaited, one batch later.
    metrics.catch(() => {});
    return { size, metrics };
  };
  await inTurn(batches.count, signal, start, async ({ size, metrics }) => {
    const { loss, accuracy } = await metrics;
    sums.loss += size * loss;
    sums.correct += Math.round(size * accuracy);
  });
  return { loss: sums.loss / validation.count, accuracy: sums.correct / validation.count };
}

/** A batch's images as a tensor [size, height, width, channels]. */
export function imagesTensor(
  images: Float32Array,
  size: number,
  { facts: { height, width, channels } }: ImageDataset,
): tf.Tensor4D {
  return tf.tensor4d(images, [size, height, width, channels]);
}

/** Targets [batch, classes] that give each image's class all of the weight. */
export function oneHot(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  // The wasm backend writes integers whichever type is asked of it.
  return tf.tidy(() => tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D);
}

/** A batch's loss and accuracy as one tensor [2], to be read back at once. */
export function metricsTensor(loss: tf.Scalar, logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => {
    const correct = tf.equal(tf.argMax(logits, 1), labels);
    return tf.stack([loss, tf.mean(tf.cast(correct, 'float32'))]) as tf.Tensor1D;
  });
}

/** Reads what `metricsTensor` made, and disposes it. */
export async function readMetrics(measured: tf.Tensor1D): Promise<Metrics> {
  try {
    const [loss, accuracy] = await measured.data<'float32'>();
    return { loss: loss as number, accuracy: accuracy as number };
  } finally {
    measured.dispose();
  }
}
