import type * as tf from '@tensorflow/tfjs-core';
import type { Recipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import type { Gradients, Network } from '../network/network';
import type { Streams } from '../streams';

/**
 * An effect that a recipe may ask for, one file an effect, by the phase of a training that it works in. `of` gives what
 * it does for a recipe, or null where the recipe does without. The loop knows phases alone, never an effect.
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
  /** @param streams Its random numbers come from one of a name of its own, which checkpoints keep. */
  of(recipe: Recipe, streams: Streams): ((batch: MutableBatch, size: ImageSize) => void) | null;
}

/** A batch's values, to be changed in place. */
export interface MutableBatch {
  /** Images in the batch. */
  readonly size: number;
  /** [size, height, width, channels], normalised. */
  readonly images: Float32Array;
  /** [size, classes]: what the network is to say of each image. */
  readonly targets: Float32Array;
}

/**
 * Changes the loss, or adds to it: a pure function of its tensors, which an engine may compile once and which every thread
 * computes for its shard.
 */
export interface LossEffect {
  readonly phase: 'loss';
  of(recipe: Recipe): ((loss: LossFunction) => LossFunction) | null;
}

/** A batch's mean loss and its gradient, which are the caller's, for logits and targets [batch, classes]. */
export type LossFunction = (logits: tf.Tensor2D, targets: tf.Tensor2D, beside: BesideTargets) => Loss;

/** A batch's mean loss, a scalar, and its gradient with respect to the logits [batch, classes]. */
export interface Loss {
  readonly loss: tf.Scalar;
  /** The part of it that the labels make, where there is another. */
  readonly labelsLoss?: tf.Scalar;
  readonly dLogits: tf.Tensor2D;
}

/** What else a loss may go by. */
export interface BesideTargets {
  /** A teacher's logits [batch, classes] for the same images, where the recipe names a teacher. */
  readonly teacherLogits: tf.Tensor2D | null;
}

/** Changes a step's gradients before the optimizer sees them. */
export interface GradientEffect {
  readonly phase: 'gradients';
  of(recipe: Recipe, streams: Streams): ((step: GradientStep) => Gradients | Promise<Gradients>) | null;
}

/** What gradients are changed by. */
export interface GradientStep {
  readonly network: Network;
  /** Without the loss scale, all finite. Whoever gives others in their place disposes them. */
  readonly gradients: Gradients;
  /** Passes the step's batches again, at the weights that the network now has, and gives the gradients there. */
  passAgain(): Promise<Gradients>;
}

/**
 * Does something before or after the optimizer's update, or in its place. It keeps no tensors from step to step: checkpoints
 * know those of the optimizer and of the average alone.
 */
export interface UpdateEffect {
  readonly phase: 'update';
  of(recipe: Recipe, streams: Streams): ((update: Update) => Update) | null;
}

/** Moves a network's weights by a step's gradients: the caller's to dispose, and not to read again. */
export type Update = (
  network: Pick<Network, 'parameters' | 'assign'>,
  gradients: Gradients,
  learningRate: number,
) => void;

/** Keeps an average of the weights beside them, which is evaluated too. */
export interface AveragingEffect {
  readonly phase: 'averaging';
  of(recipe: Recipe): ((network: Network) => Average) | null;
}

/** Changes how a network is asked about validation images, such as over several views of each. */
export interface EvaluationEffect {
  readonly phase: 'evaluation';
  of(recipe: Recipe): ((network: Predictor) => Predictor) | null;
}

/** A trained or training network, wherever it computes. */
export interface Predictor {
  /** Logits [batch, classes] under the running statistics. They are the caller's to dispose. */
  predict(images: tf.Tensor4D): tf.Tensor2D | Promise<tf.Tensor2D>;
}

/** An average of a network's weights. It owns its tensors. */
export interface Average {
  /** By the names of parameters and buffers. */
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
  /** Steps averaged over. */
  readonly updates: number;
  /** Takes in the network's weights after a step. */
  update(network: Network): void;
  /** Calls `evaluate` while the network has the average for its weights, and gives it its own back. */
  during<T>(network: Network, evaluate: () => Promise<T>): Promise<T>;
  /** Goes on from `tensors`, whose ownership it takes, as they were after `updates` steps. */
  restore(tensors: ReadonlyMap<string, tf.Tensor>, updates: number): void;
  dispose(): void;
}
