import type * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../models/graph';
import type { BatchShards } from './batchShards';
import type { HalfFormat } from './precision/formats';

type Shape4D = tf.Tensor4D['shape'];
type NoAttributes = Readonly<Record<never, never>>;

/**
 * The kernels that TensorFlow.js lacks: by name, the input tensors, the attributes and the output tensors. Callers of a
 * kernel and the backends that implement it share these types. `README.md` lists the kernels of each backend. Images
 * are [batch, height, width, channels], convolution filters [height, width, in, out].
 */
export interface OwnKernels {
  /** max(left + right, 0), for two images of the same shape. */
  AddRelu: {
    inputs: { left: tf.Tensor4D; right: tf.Tensor4D };
    attributes: NoAttributes;
    outputs: tf.Tensor4D;
  };
  /** `dy` where y > 0, else 0. */
  ReluGradient: { inputs: { dy: tf.Tensor; y: tf.Tensor }; attributes: NoAttributes; outputs: tf.Tensor };
  /** A float32 tensor, rounded to the nearest values of a half format, ties to even. */
  RoundPrecision: { inputs: { x: tf.Tensor }; attributes: { format: HalfFormat }; outputs: tf.Tensor };
  /** The sum of all squares, as a scalar. */
  SumOfSquares: { inputs: { x: tf.Tensor }; attributes: NoAttributes; outputs: tf.Scalar };
  /** Adds arrays of the same length to `sum`, in place. */
  AddInto: { inputs: { sum: tf.Tensor }; attributes: { others: readonly Float32Array[] }; outputs: [] };

  /**
   * A 3x3 convolution at stride 1, by Winograd. If `isTurned`, the filters are rotated by 180 degrees, with in and out
   * channels swapped.
   */
  WinogradConv2D: {
    inputs: { x: tf.Tensor4D; kernel: tf.Tensor4D };
    /** `height` and `width` are the output's. */
    attributes: Origin & { height: number; width: number; isTurned: boolean };
    outputs: tf.Tensor4D;
  };
  /** The filter gradient. */
  WinogradKernelGradient: {
    inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
    attributes: Origin;
    outputs: tf.Tensor4D;
  };
  /** An ungrouped convolution, as products of pixel rows. `height` and `width` are the output's. */
  IndirectConv2D: {
    inputs: { x: tf.Tensor4D; kernel: tf.Tensor4D };
    attributes: Window & { height: number; width: number };
    outputs: tf.Tensor4D;
  };
  /** The input gradient. */
  IndirectInputGradient: {
    inputs: { dy: tf.Tensor4D; kernel: tf.Tensor4D };
    attributes: Window & { inputShape: Shape4D };
    outputs: tf.Tensor4D;
  };
  /** The filter gradient. */
  IndirectKernelGradient: {
    inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
    attributes: Window & { kernelShape: Shape4D };
    outputs: tf.Tensor4D;
  };

  /** A batch norm that uses the batch statistics and updates the running statistics with `momentum`. */
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
  /** A batch norm that uses given statistics. */
  BatchNormInference: {
    inputs: { x: tf.Tensor4D } & Record<'gamma' | 'beta' | 'mean' | 'variance', tf.Tensor1D>;
    attributes: Normalization;
    outputs: tf.Tensor4D;
  };
  /** The gradients of a batch norm that used the batch statistics. */
  BatchNormGradient: {
    inputs: { dy: tf.Tensor4D; x: tf.Tensor4D } & Record<'gamma' | 'mean' | 'variance', tf.Tensor1D>;
    attributes: { epsilon: number };
    outputs: BatchNormGradients;
  };
  /**
   * Like `BatchNormTraining`, without the running statistics. Also works on a shard of a batch. The number of channels
   * must be a multiple of four.
   */
  FusedBatchNormTraining: {
    inputs: { x: tf.Tensor4D; gamma: tf.Tensor1D; beta: tf.Tensor1D };
    attributes: Normalization & OfShard;
    outputs: [y: tf.Tensor4D, mean: tf.Tensor1D, variance: tf.Tensor1D];
  };
  /**
   * Like `BatchNormGradient`, through a ReLU if its output `y` is given. The number of channels must be a multiple of
   * four. For a shard, the gradients of gamma and beta are the contributions of its own images.
   */
  FusedBatchNormGradient: {
    inputs: { dy: tf.Tensor4D; x: tf.Tensor4D; y?: tf.Tensor4D } & Record<
      'gamma' | 'mean' | 'variance',
      tf.Tensor1D
    >;
    attributes: { epsilon: number } & OfShard;
    outputs: BatchNormGradients;
  };

  /** A step of SGD with momentum. `scale` multiplies the gradient together with its weight decay. */
  MomentumUpdate: {
    inputs: { weight: tf.Tensor; gradient: tf.Tensor; velocity: tf.Tensor; scale?: tf.Scalar };
    attributes: { weightDecay: number; learningRate: number; momentum: number; nesterov: boolean };
    outputs: [weight: tf.Tensor, velocity: tf.Tensor];
  };
  /** A step of Adam, or of AdamW if the decay is decoupled. */
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
  /** A descent step: weight - rate * direction. */
  Descend: {
    inputs: { weight: tf.Tensor; direction: tf.Tensor; rate: tf.Scalar };
    attributes: NoAttributes;
    outputs: tf.Tensor;
  };
}

export type OwnKernelName = keyof OwnKernels;

/** Zero padding before an image: the top left corner of the first output's window. */
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
  /** Set if the images are a shard of a batch. The statistics are then the whole batch's. */
  readonly shards: BatchShards | null;
}

type BatchNormGradients = [dx: tf.Tensor4D, dGamma: tf.Tensor1D, dBeta: tf.Tensor1D];

type MomentInputs = Record<'weight' | 'gradient' | 'mean' | 'square', tf.Tensor>;

/** The parameters of Adam's moments after a step, and of their bias correction. */
export interface MomentAttributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps taken, including this one: 1, 2, ... */
  readonly count: number;
}
