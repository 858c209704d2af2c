import * as tf from '@tensorflow/tfjs-core';
import type { BatchShards } from '../../backends/batchShards';
import { type CompiledComputation, compile } from '../../backends/compiling';
import type { BesideTargets, LossFunction } from '../effects/effect';
import type { Gradients, Masks, Network } from '../network/network';
import { Random } from '../random';
import { metricsTensor } from './evaluation';

/** A batch on the engine. */
export interface BatchTensors {
  /** [batch, height, width, channels]. */
  readonly images: tf.Tensor4D;
  /** [batch, classes]. */
  readonly targets: tf.Tensor2D;
  /** [batch], integers: the class that counts as correct. */
  readonly labels: tf.Tensor1D;
}

/** A batch, with the inputs of its loss in addition to the targets. */
export interface LossBatch extends BatchTensors, BesideTargets {}

/** The result of passing one batch forward and backward. The caller disposes all of it. */
export interface PassedBatch {
  /** From `metricsTensor`. */
  readonly measure: tf.Tensor1D;
  readonly gradients: Gradients;
}

/**
 * Passes a batch forward and backward, op by op. The gradients are those of its mean loss times a factor. Disposes the
 * masks. `shards` as in `Network.forward`.
 */
export function passBatch(
  network: Network,
  { images, targets, labels, teacherLogits }: LossBatch,
  factor: tf.Scalar,
  lossFunction: LossFunction,
  masks?: Masks,
  shards: BatchShards | null = null,
): PassedBatch {
  const pass = network.forward(images, masks, shards);
  const { dLogits, measure } = tf.tidy(() => {
    const { loss, labelsLoss, dLogits } = lossFunction(pass.logits, targets, { teacherLogits });
    return {
      measure: metricsTensor(loss, pass.logits, labels, labelsLoss),
      dLogits: tf.mul<tf.Tensor2D>(dLogits, factor),
    };
  });
  try {
    return { measure, gradients: pass.backward(dLogits) };
  } catch (error) {
    measure.dispose();
    throw error;
  } finally {
    dLogits.dispose();
  }
}

/** `passBatch` as a single compiled computation, for batches of one shape. */
export class CompiledBatchPass {
  private constructor(
    private readonly network: Network,
    private readonly shape: string,
    private readonly compiled: CompiledComputation,
  ) {}

  /**
   * Compiles a network's pass for batches with the shape of the given one. Does not change weights or running
   * statistics.
   *
   * @returns null if the engine does not compile
   */
  static compile(
    network: Network,
    batch: LossBatch,
    factor: tf.Scalar,
    loss: LossFunction,
  ): CompiledBatchPass | null {
    const held = network.holdBuffers();
    // With the shapes of every pass. Their values are inputs.
    const masks = network.drawMasks(batch.images.shape[0], Random.seeded(0, 'dropout'));
    try {
      // Assigned again, so that their rounding to half precision is part of the pass.
      for (const [name, parameter] of network.parameters) network.assign(name, parameter.clone());
      const compiled = compile(inputsOf(network, batch, factor, masks), () => {
        const { measure, gradients } = passBatch(network, batch, factor, loss, clonesOf(masks));
        const buffers = [...network.buffers.values()].map((buffer) => buffer.clone());
        return [measure, ...gradients.values(), ...buffers];
      });
      return compiled && new CompiledBatchPass(network, shapeOf(batch), compiled);
    } finally {
      held.restore();
      tf.dispose([...masks.values()]);
    }
  }

  /** Returns whether it was compiled for batches of this shape. */
  fits(batch: LossBatch): boolean {
    return shapeOf(batch) === this.shape;
  }

  /** Like `passBatch`. */
  run(batch: LossBatch, factor: tf.Scalar, masks: Masks = new Map()): PassedBatch {
    const { network } = this;
    const [measure, ...rest] = this.compiled.run(inputsOf(network, batch, factor, masks));
    tf.dispose([...masks.values()]);
    const { trained } = network;
    const gradients = new Map(trained.map((name, index) => [name, rest[index] as tf.Tensor]));
    const buffers = rest.slice(trained.length);
    for (const [index, name] of [...network.buffers.keys()].entries()) {
      network.assign(name, buffers[index] as tf.Tensor);
    }
    return { measure: measure as tf.Tensor1D, gradients };
  }

  dispose(): void {
    this.compiled.dispose();
  }
}

/** Returns the inputs that change on every pass. */
function inputsOf(network: Network, batch: LossBatch, factor: tf.Scalar, masks: Masks): tf.Tensor[] {
  const { images, targets, labels, teacherLogits } = batch;
  const teaching = teacherLogits ? [teacherLogits] : [];
  const state = [...network.parameters.values(), ...network.buffers.values()];
  return [images, targets, labels, factor, ...teaching, ...masks.values(), ...state];
}

function shapeOf({ images, targets }: LossBatch): string {
  return `${images.shape} ${targets.shape}`;
}

/** Clones masks, because a pass disposes its own. */
function clonesOf(masks: Masks): Masks {
  return new Map([...masks].map(([id, mask]) => [id, mask.clone()]));
}
