import * as tf from '@tensorflow/tfjs-core';
import { type BatchShards, wholeImages, wholeMoments, wholeSums } from '../../backends/batchShards';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';
import { channelMean, channelSum, scaleShift } from './channels';
import { reluGradient } from './relu';

type Activation = 'linear' | 'relu';

/** The statistics that normalized a batch, per channel: [channels] each. */
export interface BatchStatistics {
  readonly mean: tf.Tensor1D;
  /** The biased variance, which divides by the number of values. */
  readonly variance: tf.Tensor1D;
}

/** A batch norm's parameters, and the constant added to its variance. */
export interface BatchNormScale {
  readonly gamma: tf.Tensor1D;
  readonly beta: tf.Tensor1D;
  readonly epsilon: number;
}

/**
 * Returns mean and variance per channel of x [batch, height, width, channels] (Ioffe and Szegedy 2015, algorithm 1).
 */
export function batchStatistics(x: tf.Tensor4D): BatchStatistics {
  return tf.tidy(() => {
    const mean = channelMean(x);
    // Two passes: the mean of squares minus the squared mean cancels if the mean is large.
    const centred = scaleShift(x, tf.onesLike(mean), tf.neg(mean));
    return { mean, variance: channelMean(tf.square(centred)) };
  });
}

/**
 * The output of a batch norm in training, with ReLU if requested, and the statistics: those of the batch, and the
 * updated running ones.
 */
export interface NormalizedBatch {
  readonly y: tf.Tensor4D;
  readonly statistics: BatchStatistics;
  readonly running: BatchStatistics;
}

/**
 * Runs a batch norm with the batch statistics and updates the running ones with `momentum`, as in
 * `updateRunningStatistics`.
 *
 * @param x [batch, height, width, channels]
 * @param shards Set if x is a shard of a batch: the statistics are those of the whole batch.
 */
export function batchNormTraining(
  x: tf.Tensor4D,
  scale: BatchNormScale,
  activation: Activation,
  running: BatchStatistics,
  momentum: number,
  shards: BatchShards | null = null,
): NormalizedBatch {
  if (!shards && hasKernel('BatchNormTraining')) {
    const { gamma, beta, epsilon } = scale;
    const inputs = { x, gamma, beta, runningMean: running.mean, runningVariance: running.variance };
    const attributes = { epsilon, activation, momentum };
    const outputs = runOwnKernel('BatchNormTraining', inputs, attributes);
    const [y, mean, variance, runningMean, runningVariance] = outputs;
    return {
      y,
      statistics: { mean, variance },
      running: { mean: runningMean, variance: runningVariance },
    };
  }
  const { y, statistics } = normalizedBatch(x, scale, activation, shards);
  return {
    y,
    statistics,
    running: updateRunningStatistics(running, statistics, valuesPerChannel(x, shards), momentum),
  };
}

/** Runs a batch norm with the batch statistics, and returns these too. */
function normalizedBatch(
  x: tf.Tensor4D,
  scale: BatchNormScale,
  activation: Activation,
  shards: BatchShards | null,
): Omit<NormalizedBatch, 'running'> {
  if (fuses('FusedBatchNormTraining', x)) {
    const { gamma, beta, epsilon } = scale;
    const inputs = { x, gamma, beta };
    const attributes = { epsilon, activation, shards };
    const [y, mean, variance] = runOwnKernel('FusedBatchNormTraining', inputs, attributes);
    return { y, statistics: { mean, variance } };
  }
  const own = batchStatistics(x);
  const statistics = shards ? statisticsOfWhole(shards, own) : own;
  return { y: batchNorm(x, statistics, scale, activation), statistics };
}

/** Computes gamma (x - mean) / sqrt(variance + epsilon) + beta with given statistics, and with ReLU if requested. */
export function batchNorm(
  x: tf.Tensor4D,
  { mean, variance }: BatchStatistics,
  { gamma, beta, epsilon }: BatchNormScale,
  activation: Activation,
): tf.Tensor4D {
  if (hasKernel('BatchNormInference')) {
    const inputs = { x, mean, variance, gamma, beta };
    return runOwnKernel('BatchNormInference', inputs, { epsilon, activation });
  }
  return tf.tidy(() => {
    const scale = tf.mul<tf.Tensor1D>(gamma, inverseDeviation(variance, epsilon));
    return scaleShift(x, scale, tf.sub(beta, tf.mul(mean, scale)), activation);
  });
}

export type BatchNormGradients = {
  readonly dx: tf.Tensor4D;
  readonly dGamma: tf.Tensor1D;
  readonly dBeta: tf.Tensor1D;
};

/**
 * Returns the gradients of a batch norm that used the batch statistics, which depend on x too. `y` is the output, which
 * is only read if a ReLU followed. For a shard of a batch, dGamma and dBeta are the contributions of its own images.
 */
export function batchNormGradients(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D | null,
  { mean, variance }: BatchStatistics,
  { gamma, epsilon }: Omit<BatchNormScale, 'beta'>,
  shards: BatchShards | null = null,
): BatchNormGradients {
  if (fuses('FusedBatchNormGradient', x)) {
    const inputs = { dy, x, gamma, mean, variance, ...(y && { y }) };
    return gradientsOf(runOwnKernel('FusedBatchNormGradient', inputs, { epsilon, shards }));
  }
  return tf.tidy(() => {
    const dNorm = y ? reluGradient(dy, y) : dy;
    if (!shards && hasKernel('BatchNormGradient')) {
      const inputs = { dy: dNorm, x, gamma, mean, variance };
      return gradientsOf(runOwnKernel('BatchNormGradient', inputs, { epsilon }));
    }
    const inverse = inverseDeviation(variance, epsilon);
    const normalized = scaleShift(x, inverse, tf.neg(tf.mul(mean, inverse)));
    const dBeta = channelSum(dNorm);
    const dGamma = channelSum(tf.mul(dNorm, normalized));
    // dx = scale (dNorm - mean(dNorm) - normalized mean(dNorm normalized)), with the means over n values of the whole
    // batch.
    const n = valuesPerChannel(x, shards);
    const [dotted, sum] = shards ? sumsOfWhole(shards, dGamma, dBeta) : [dGamma, dBeta];
    const scale = tf.mul<tf.Tensor1D>(gamma, inverse);
    const perNormalized = tf.neg(tf.mul<tf.Tensor1D>(scale, tf.div(dotted, n)));
    const shift = tf.neg(tf.mul<tf.Tensor1D>(scale, tf.div(sum, n)));
    const dx = tf.add<tf.Tensor4D>(
      scaleShift(dNorm, scale, shift),
      scaleShift(normalized, perNormalized, tf.zerosLike(shift)),
    );
    return { dx, dGamma, dBeta };
  });
}

/** Returns the input gradient of a batch norm with given statistics, which do not depend on x. Reads `y` as above. */
export function frozenBatchNormGradient(
  dy: tf.Tensor4D,
  y: tf.Tensor4D | null,
  { variance }: Pick<BatchStatistics, 'variance'>,
  { gamma, epsilon }: Omit<BatchNormScale, 'beta'>,
): tf.Tensor4D {
  return tf.tidy(() => {
    const scale = tf.mul<tf.Tensor1D>(gamma, inverseDeviation(variance, epsilon));
    return scaleShift(y ? reluGradient(dy, y) : dy, scale, tf.zerosLike(scale));
  });
}

/**
 * Returns the running statistics after a batch, which contributes a fraction of `momentum`. As in PyTorch, the running
 * variance uses the unbiased estimate, which divides by one less than the number of values.
 */
export function updateRunningStatistics(
  running: BatchStatistics,
  batch: BatchStatistics,
  values: number,
  momentum: number,
): BatchStatistics {
  return tf.tidy(() => {
    const mix = (before: tf.Tensor1D, now: tf.Tensor1D, share: number) =>
      tf.add<tf.Tensor1D>(tf.mul(before, 1 - momentum), tf.mul(now, share));
    return {
      mean: mix(running.mean, batch.mean, momentum),
      variance: mix(running.variance, batch.variance, (momentum * values) / Math.max(values - 1, 1)),
    };
  });
}

/** Returns the number of values per channel in the whole batch. */
function valuesPerChannel(
  { shape: [images, height, width] }: tf.Tensor4D,
  shards: BatchShards | null,
): number {
  return (shards ? wholeImages(shards) : images) * height * width;
}

/** Returns the whole batch's statistics, given those of its shard, which it disposes. */
function statisticsOfWhole(shards: BatchShards, own: BatchStatistics): BatchStatistics {
  const [mean, variance] = [own.mean, own.variance].map((values) => Float64Array.from(values.dataSync())) as [
    Float64Array,
    Float64Array,
  ];
  tf.dispose([own.mean, own.variance]);
  const whole = wholeMoments(shards, { mean, variance });
  return {
    mean: tf.tensor1d(Float32Array.from(whole.mean)),
    variance: tf.tensor1d(Float32Array.from(whole.variance)),
  };
}

/** Returns the whole batch's sums per channel, given those of its shard. */
function sumsOfWhole(
  shards: BatchShards,
  ...[some, others]: [tf.Tensor1D, tf.Tensor1D]
): [tf.Tensor1D, tf.Tensor1D] {
  const own = Float64Array.of(...some.dataSync(), ...others.dataSync());
  const whole = Float32Array.from(wholeSums(shards, own));
  return [tf.tensor1d(whole.subarray(0, some.size)), tf.tensor1d(whole.subarray(some.size))];
}

/**
 * Returns whether the current engine has this fused kernel for these images. The kernels need a multiple of four
 * channels.
 */
function fuses(
  kernelName: 'FusedBatchNormTraining' | 'FusedBatchNormGradient',
  { shape }: tf.Tensor4D,
): boolean {
  return shape[3] % 4 === 0 && hasKernel(kernelName);
}

function gradientsOf([dx, dGamma, dBeta]: [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D]): BatchNormGradients {
  return { dx, dGamma, dBeta };
}

function inverseDeviation(variance: tf.Tensor1D, epsilon: number): tf.Tensor1D {
  return tf.rsqrt(tf.add(variance, epsilon));
}
