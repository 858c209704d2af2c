import type * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../models/graph';
import type { BatchShards } from './batchShards';
import type { HalfFormat } from './precision/formats';

type Shape4D = tf.Tensor4D['shape'];
type NoAttributes = Readonly<Record<never, never>>;

/**
 * The kernels that TensorFlow.js does not have: by name the tensors that one reads, its attributes, and the tensors that
 * it makes. Those who run a kernel and the backends that have it both go by this. `README.md` says which backend has
 * which. Images are [batch, height, width, channels], filters of a convolution [height, width, in, out].
 */
export interface OwnKernels {
  /** max(left + right, 0), of two images of one shape. */
  AddRelu: {
    inputs: { left: tf.Tensor4D; right: tf.Tensor4D };
    attributes: NoAttributes;
    outputs: tf.Tensor4D;
  };
  /** `dy` where y > 0, else 0. */
  ReluGradient: { inputs: { dy: tf.Tensor; y: tf.Tensor }; attributes: NoAttributes; outputs: tf.Tensor };
  /** A float32 tensor rounded to the nearest values of a half format, ties to even. */
  RoundPrecision: { inputs: { x: tf.Tensor }; attributes: { format: HalfFormat }; outputs: tf.Tensor };
  /** The sum of all squares, a scalar. */
  SumOfSquares: { inputs: { x: tf.Tensor }; attributes: NoAttributes; outputs: tf.Scalar };
  /** Adds arrays of as many values to those of `sum`, in its place. */
  AddInto: { inputs: { sum: tf.Tensor }; attributes: { others: readonly Float32Array[] }; outputs: [] };

  /** A 3x3 convolution at stride 1, by Winograd. Turned: by the filters turned by half a turn, in and out exchanged. */
  WinogradConv2D: {
    inputs: { x: tf.Tensor4D; kernel: tf.Tensor4D };
    /** `height` and `width` are the output's. */
    attributes: Origin & { height: number; width: number; isTurned: boolean };
    outputs: tf.Tensor4D;
  };
  /** The gradient of its filters. */
  WinogradKernelGradient: {
    inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
    attributes: Origin;
    outputs: tf.Tensor4D;
  };
  /** An ungrouped convolution, by products of rows of pixels; `height` and `width` are the output's. */
  IndirectConv2D: {
    inputs: { x: tf.Tensor4D; kernel: tf.Tensor4D };
    attributes: Window & { height: number; width: number };
    outputs: tf.Tensor4D;
  };
  /** The gradient of its input. */
  IndirectInputGradient: {
    inputs: { dy: tf.Tensor4D; kernel: tf.Tensor4D };
    attributes: Window & { inputShape: Shape4D };
    outputs: tf.Tensor4D;
  };
  /** The gradient of its filters. */
  IndirectKernelGradient: {
    inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
    attributes: Window & { kernelShape: Shape4D };
    outputs: tf.Tensor4D;
  };

  /** A batch norm by the statistics of its batch, which the running ones take `momentum` of. */
  BatchNormTraining: {
    inputs: { x: tf.Tensor4D } & Record<'gamma' | 'beta' | 'runningMean' | 'runningVariance', tf.Tensor1D>;
    attributes: Normalization & { momentum: number };
    outputs: [
      y: tf.Tensor4D,
      mean: tf.Tensor1D,
      variance: tf.Tensor1D,
      runningMean: tf.Tensor1D,
      runningVariance: tf.Tensor1D,
    ];
  };
  /** A batch norm by given statistics. */
  BatchNormInference: {
    inputs: { x: tf.Tensor4D } & Record<'gamma' | 'beta' | 'mean' | 'variance', tf.Tensor1D>;
    attributes: Normalization;
    outputs: tf.Tensor4D;
  };
  /** The gradients of a batch norm that used the statistics of its batch. */
  BatchNormGradient: {
    inputs: { dy: tf.Tensor4D; x: tf.Tensor4D } & Record<'gamma' | 'mean' | 'variance', tf.Tensor1D>;
    attributes: { epsilon: number };
    outputs: BatchNormGradients;
  };
  /** As `BatchNormTraining`, without the running statistics, also of a shard of a batch; channels in fours. */
  FusedBatchNormTraining: {
    inputs: { x: tf.Tensor4D; gamma: tf.Tensor1D; beta: tf.Tensor1D };
    attributes: Normalization & OfShard;
    outputs: [y: tf.Tensor4D, mean: tf.Tensor1D, variance: tf.Tensor1D];
  };
  /**
   * As `BatchNormGradient`, through a ReLU where its output `y` is given; channels in fours. Of a shard, gamma's and
   * beta's gradients are what its own images add to them.
   */
  FusedBatchNormGradient: {
    inputs: { dy: tf.Tensor4D; x: tf.Tensor4D; y?: tf.Tensor4D } & Record<
      'gamma' | 'mean' | 'variance',
      tf.Tensor1D
    >;
    attributes: { epsilon: number } & OfShard;
    outputs: BatchNormGradients;
  };

  /** A step of SGD with momentum. `scale` multiplies the gradient with its decay. */
  MomentumUpdate: {
    inputs: { weight: tf.Tensor; gradient: tf.Tensor; velocity: tf.Tensor; scale?: tf.Scalar };
    attributes: { weightDecay: number; learningRate: number; momentum: number; nesterov: boolean };
    outputs: [weight: tf.Tensor, velocity: tf.Tensor];
  };
  /** A step of Adam, or of AdamW where the decay is decoupled. */
  AdamUpdate: {
    inputs: MomentInputs;
    attributes: MomentAttributes & { weightDecay: number; learningRate: number; isDecoupled: boolean };
    outputs: [weight: tf.Tensor, mean: tf.Tensor, square: tf.Tensor];
  };
  /** The direction of LAMB, before its trust ratio. */
  LambDirection: {
    inputs: MomentInputs;
    attributes: MomentAttributes & { weightDecay: number };
    outputs: [direction: tf.Tensor, mean: tf.Tensor, square: tf.Tensor];
  };
  /** weight - rate direction. */
  Descend: {
    inputs: { weight: tf.Tensor; direction: tf.Tensor; rate: tf.Scalar };
    attributes: NoAttributes;
    outputs: tf.Tensor;
  };
}

export type OwnKernelName = keyof OwnKernels;

/** Pixels of zeros before an image: where an output's first window begins. */
export interface Origin {
  readonly top: number;
  readonly left: number;
}

interface Window {
  readonly stride: number;
  readonly padding: Padding;
}

interface Normalization {
  readonly epsilon: number;
  readonly activation: 'linear' | 'relu';
}

interface OfShard {
  /** Where the images are a shard of a batch: the statistics are the whole batch's. */
  readonly shards: BatchShards | null;
}

type BatchNormGradients = [dx: tf.Tensor4D, dGamma: tf.Tensor1D, dBeta: tf.Tensor1D];

type MomentInputs = Record<'weight' | 'gradient' | 'mean' | 'square', tf.Tensor>;

/** What Adam's moments after a step, and their correction, go by. */
export interface MomentAttributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
}
