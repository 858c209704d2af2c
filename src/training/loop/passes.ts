import * as tf from '@tensorflow/tfjs-core';
import type { BatchShards } from '../../backends/batchShards';
import type { LossFunction } from '../effects/effect';
import { addGradients, disposeGradients } from '../network/gradients';
import type { Gradients, Masks, Network } from '../network/network';
import type { Random } from '../random';
import {
  type BatchTensors,
  CompiledBatchPass,
  type LossBatch,
  type PassedBatch,
  passBatch,
} from './batchPass';
import { type Metrics, metricsBy, readMetrics } from './evaluation';

/** What passing a step's batches forward and backward gives. */
export interface PassedBatches {
  /** Sums over the batches: of each its mean loss's gradients times `lossScale`. The caller's to dispose. */
  readonly gradients: Gradients;
  /** Means over the batches. Read late, so that the engine goes on. */
  readonly metrics: Promise<Metrics>;
}

/** A step's batches, which may be passed more than once. */
export interface StepPasses {
  /**
   * Passes the batches at the network's present weights, and updates its running statistics.
   *
   * @param lossScale What each batch's mean loss is multiplied by before its gradients are taken.
   */
  pass(lossScale: number): Promise<PassedBatches>;
  /** Lets go of what was made for the step. */
  dispose(): void;
}

/** Passes batches through a network: in this thread (`LocalPasses`), or in shards on several (`ShardedPasses`). */
export interface Passes {
  /** Begins a step on batches of one size, which stay the caller's and are there until the step is disposed. */
  begin(batches: readonly BatchTensors[]): StepPasses;
  /** Logits [batch, classes] under the running statistics. They are the caller's to dispose. */
  predict(images: tf.Tensor4D): Promise<tf.Tensor2D>;
}

/** What passes batches in one thread. */
export interface LocalParts {
  readonly network: Network;
  /** Whom the network learns from beside the targets. */
  readonly teacher: Network | null;
  readonly loss: LossFunction;
}

/** Passes a batch; `factor` is what its mean loss counts. The masks end with it. */
type PassOne = (batch: LossBatch, factor: tf.Scalar, masks: Masks) => PassedBatch;

/** Passes whole batches in this thread: as one computation where the engine compiles it, otherwise op by op. */
export class LocalPasses implements Passes {
  /** Undefined before the first pass; null where there is none. */
  #compiled: CompiledBatchPass | null | undefined;

  /** @param random Draws what dropout leaves out. */
  constructor(
    private readonly parts: LocalParts,
    private readonly random: Random,
  ) {}

  begin(batches: readonly BatchTensors[]): LocalStepPasses {
    return new LocalStepPasses(this.parts, this.random, batches, null, this.#pass);
  }

  async predict(images: tf.Tensor4D): Promise<tf.Tensor2D> {
    return this.parts.network.predict(images);
  }

  /** Lets go of what was compiled. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#compiled = undefined;
  }

  /** From the first pass on, so that a training that was stopped goes on by the same computation. */
  readonly #pass: PassOne = (batch, factor, masks) => {
    const { network, loss } = this.parts;
    if (this.#compiled === undefined) {
      this.#compiled = CompiledBatchPass.compile(network, batch, factor, loss);
    }
    return this.#compiled?.fits(batch)
      ? this.#compiled.run(batch, factor, masks)
      : passBatch(network, batch, factor, loss, masks);
  };
}

/** Which part of each batch a thread passes. */
export interface PassedShard {
  /** The batch's image that the shard begins with. */
  readonly start: number;
  /** Images of the whole batch. */
  readonly batchSize: number;
  /** What batch norms go by; null where this shard is all that is passed. */
  readonly shards: BatchShards | null;
}

/** A step's batches, or a shard of each, in this thread. */
export class LocalStepPasses implements StepPasses {
  readonly #batches: readonly LossBatch[];
  /** The share that the images given are of their batches; losses and metrics count by it. */
  readonly #share: number;

  /** @param shard Which part of the batches the images given are; null where they are all. */
  constructor(
    private readonly parts: LocalParts,
    private readonly random: Random,
    batches: readonly BatchTensors[],
    private readonly shard: PassedShard | null,
    private readonly passOne: PassOne = (batch, factor, masks) =>
      passBatch(parts.network, batch, factor, parts.loss, masks, shard?.shards),
  ) {
    if (batches.length === 0) throw new Error('A step takes at least one batch');
    const [images] = (batches[0] as BatchTensors).images.shape;
    this.#share = shard ? images / shard.batchSize : 1;
    // A teacher is asked once a step, however often the batches are passed.
    this.#batches = batches.map((batch) => ({
      ...batch,
      teacherLogits: parts.teacher?.predict(batch.images) ?? null,
    }));
  }

  /** @param random Draws what dropout leaves out in this pass, where it has a source of its own. */
  async pass(lossScale: number, random = this.random): Promise<PassedBatches> {
    let gradients: Gradients | null = null;
    const measured: tf.Tensor1D[] = [];
    const factor = tf.scalar(lossScale * this.#share);
    try {
      for (const batch of this.#batches) {
        const masks = this.#drawMasks(batch, random);
        const own = this.passOne(batch, factor, masks);
        measured.push(own.measure);
        gradients = gradients ? addGradients(gradients, own.gradients) : own.gradients;
      }
    } catch (error) {
      if (gradients) disposeGradients(gradients);
      tf.dispose(measured);
      throw error;
    } finally {
      factor.dispose();
    }
    const metrics = this.#meanOf(measured);
    // A failure is seen where the metrics are awaited, one step later.
    metrics.catch(() => {});
    return { gradients: gradients as Gradients, metrics };
  }

  dispose(): void {
    for (const { teacherLogits } of this.#batches) teacherLogits?.dispose();
  }

  /** The rows of a whole batch's masks that are this shard's, so that they do not depend on how the batch is cut. */
  #drawMasks({ images }: LossBatch, random: Random): Masks {
    const { network } = this.parts;
    const [count] = images.shape;
    if (!this.shard) return network.drawMasks(count, random);
    const { start, batchSize } = this.shard;
    return new Map(
      [...network.drawMasks(batchSize, random)].map(([id, mask]) => {
        const rows = tf.slice(mask, start, count);
        mask.dispose();
        return [id, rows];
      }),
    );
  }

  /** The mean of several batches' metrics, by this thread's share of them. */
  async #meanOf(measured: readonly tf.Tensor1D[]): Promise<Metrics> {
    const all = await Promise.all(measured.map(readMetrics));
    return metricsBy(
      all,
      (values) => values.reduce((sum, value) => sum + this.#share * value, 0) / values.length,
    );
  }
}
