import type * as tf from '@tensorflow/tfjs-core';
import type { Recipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import type { Gradients, Network } from '../network/network';
import type { Streams } from '../streams';

/**
 * An effect that a recipe may request, one per file, by the training phase that it acts in. `of` returns the effect's
 * function for a recipe, or null if the recipe does not use it. The loop knows only the phases, never an effect.
 */
export type Effect =
  | BatchEffect
  | LossEffect
  | GradientEffect
  | UpdateEffect
  | AveragingEffect
  | EvaluationEffect;

/** Changes a batch before the network sees it. */
export interface BatchEffect {
  readonly phase: 'batch';
  /** @param streams The effect draws its random numbers from a stream of its own name, which checkpoints save. */
  of(recipe: Recipe, streams: Streams): ((batch: MutableBatch, size: ImageSize) => void) | null;
}

/** A batch's values, which effects change in place. */
export interface MutableBatch {
  /** Number of images in the batch. */
  readonly size: number;
  /** [size, height, width, channels], normalized. */
  readonly images: Float32Array;
  /** [size, classes]: the target distribution of each image. */
  readonly targets: Float32Array;
}

/**
 * Changes the loss or adds to it. A pure function of its tensors: an engine may compile it once, and every thread
 * computes it for its shard.
 */
export interface LossEffect {
  readonly phase: 'loss';
  of(recipe: Recipe): ((loss: LossFunction) => LossFunction) | null;
}

/**
 * Computes a batch's mean loss and its gradient from logits and targets [batch, classes]. The caller owns the results.
 */
export type LossFunction = (logits: tf.Tensor2D, targets: tf.Tensor2D, beside: BesideTargets) => Loss;

/** A batch's mean loss, a scalar, and its gradient with respect to the logits [batch, classes]. */
export interface Loss {
  readonly loss: tf.Scalar;
  /** The part of the loss that comes from the labels, if there is another part. */
  readonly labelsLoss?: tf.Scalar;
  readonly dLogits: tf.Tensor2D;
}

/** Further inputs of a loss. */
export interface BesideTargets {
  /** A teacher's logits [batch, classes] for the same images. Null if the recipe has no teacher. */
  readonly teacherLogits: tf.Tensor2D | null;
}

/** Changes a step's gradients before the optimizer sees them. */
export interface GradientEffect {
  readonly phase: 'gradients';
  of(recipe: Recipe, streams: Streams): ((step: GradientStep) => Gradients | Promise<Gradients>) | null;
}

/** The inputs for changing gradients. */
export interface GradientStep {
  readonly network: Network;
  /** Unscaled, all finite. An effect that replaces them disposes them. */
  readonly gradients: Gradients;
  /** Runs the step's batches again at the network's current weights, and returns the gradients there. */
  passAgain(): Promise<Gradients>;
}

/**
 * Acts before or after the optimizer's update, or replaces it. Keeps no tensors between steps, because checkpoints save
 * only those of the optimizer and of the average.
 */
export interface UpdateEffect {
  readonly phase: 'update';
  of(recipe: Recipe, streams: Streams): ((update: Update) => Update) | null;
}

/**
 * Updates a network's weights with a step's gradients. The caller disposes the gradients and must not read them again.
 */
export type Update = (
  network: Pick<Network, 'parameters' | 'assign'>,
  gradients: Gradients,
  learningRate: number,
) => void;

/** Keeps an average of the weights, which is evaluated in addition to them. */
export interface AveragingEffect {
  readonly phase: 'averaging';
  of(recipe: Recipe): ((network: Network) => Average) | null;
}

/** Changes how the network predicts validation images, for example over several views of each. */
export interface EvaluationEffect {
  readonly phase: 'evaluation';
  of(recipe: Recipe): ((network: Predictor) => Predictor) | null;
}

/** A network, trained or in training, wherever it computes. */
export interface Predictor {
  /** Returns logits [batch, classes], using the running statistics. The caller disposes them. */
  predict(images: tf.Tensor4D): tf.Tensor2D | Promise<tf.Tensor2D>;
}

/** An average of a network's weights. It owns its tensors. */
export interface Average {
  /** By name of parameter or buffer. */
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
  /** Number of steps averaged over. */
  readonly updates: number;
  /** Adds the network's weights after a step. */
  update(network: Network): void;
  /** Calls `evaluate` while the network uses the average as its weights, then restores the original weights. */
  during<T>(network: Network, evaluate: () => Promise<T>): Promise<T>;
  /** Resumes from `tensors`, as they were after `updates` steps. Takes ownership of them. */
  restore(tensors: ReadonlyMap<string, tf.Tensor>, updates: number): void;
  dispose(): void;
}
