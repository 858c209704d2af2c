import * as tf from '@tensorflow/tfjs-core';
import { type CompiledComputation, compile } from './engines/compiling';
import { measuresTensor } from './evaluation';
import { type Teaching, trainingLoss } from './loss';
import type { Gradients, Network } from './network';
import type { BatchTensors } from './passes';
import type { Random } from './random';

/** A batch, with what a teacher says of it. */
export interface TaughtBatch extends BatchTensors {
  readonly teaching: Teaching | null;
}

/** What passing one batch forward and backward gives. All of it is the caller's to dispose. */
export interface PassedBatch {
  /** As `measuresTensor` makes it. */
  readonly measure: tf.Tensor1D;
  readonly gradients: Gradients;
}

/** Passes a batch forward and backward, op by op: the gradients are those of its mean loss times a factor. */
export function passBatch(
  network: Network,
  { images, targets, labels, teaching }: TaughtBatch,
  factor: tf.Scalar,
  random?: Random,
): PassedBatch {
  const pass = network.forward(images, random);
  const { dLogits, measure } = tf.tidy(() => {
    const { loss, dLogits } = trainingLoss(pass.logits, targets, teaching);
    return {
      measure: measuresTensor(loss, pass.logits, labels),
      dLogits: tf.mul<tf.Tensor2D>(dLogits, factor),
    };
  });
  const gradients = pass.backward(dLogits);
  dLogits.dispose();
  return { measure, gradients };
}

/** `passBatch` as one computation of the engine's, for batches of one shape. */
export class CompiledBatchPass {
  private constructor(
    private readonly network: Network,
    private readonly shape: string,
    private readonly compiled: CompiledComputation,
  ) {}

  /**
   * Compiles a network's pass for batches such as the one given; weights and running statistics stay as they are.
   *
   * @returns null where the engine does not compile, or the network draws numbers anew in every pass
   */
  static compile(network: Network, batch: TaughtBatch, factor: tf.Scalar): CompiledBatchPass | null {
    if (network.graph.layers.some(({ kind }) => kind === 'dropout')) return null;
    const held = network.holdBuffers();
    try {
      // Assigned anew, so that their rounding to half precision is a part of the pass.
      for (const [name, parameter] of network.parameters) network.assign(name, parameter.clone());
      const compiled = compile(inputsOf(network, batch, factor), () => {
        const { measure, gradients } = passBatch(network, batch, factor);
        const buffers = [...network.buffers.values()].map((buffer) => buffer.clone());
        return [measure, ...gradients.values(), ...buffers];
      });
      return compiled && new CompiledBatchPass(network, shapeOf(batch), compiled);
    } finally {
      held.restore();
    }
  }

  /** Whether it was compiled for such batches. */
  fits(batch: TaughtBatch): boolean {
    return shapeOf(batch) === this.shape;
  }

  /** As `passBatch`. */
  run(batch: TaughtBatch, factor: tf.Scalar): PassedBatch {
    const { network } = this;
    const [measure, ...rest] = this.compiled.run(inputsOf(network, batch, factor));
    const parameters = [...network.parameters.keys()];
    const gradients = new Map(parameters.map((name, index) => [name, rest[index] as tf.Tensor]));
    const buffers = rest.slice(parameters.length);
    for (const [index, name] of [...network.buffers.keys()].entries()) {
      network.assign(name, buffers[index] as tf.Tensor);
    }
    return { measure: measure as tf.Tensor1D, gradients };
  }

  dispose(): void {
    this.compiled.dispose();
  }
}

/** All that is another one at another pass. */
function inputsOf(network: Network, batch: TaughtBatch, factor: tf.Scalar): tf.Tensor[] {
  const { images, targets, labels, teaching } = batch;
  const taught = teaching ? [teaching.teacherLogits] : [];
  const carried = [...network.parameters.values(), ...network.buffers.values()];
  return [images, targets, labels, factor, ...taught, ...carried];
}

function shapeOf({ images, targets }: TaughtBatch): string {
  return `${images.shape} ${targets.shape}`;
}
