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

/** The result of passing a step's batches forward and backward. */
export interface PassedBatches {
  /** Sums over the batches of the gradients of the mean loss times `lossScale`. The caller disposes them. */
  readonly gradients: Gradients;
  /** Means over the batches. Read late, so that the engine can continue. */
  readonly metrics: Promise<Metrics>;
}

/** A step's batches, which may be passed more than once. */
export interface StepPasses {
  /**
   * Passes the batches at the network's current weights, and updates its running statistics.
   *
   * @param lossScale Multiplies each batch's mean loss before the backward pass.
   */
  pass(lossScale: number): Promise<PassedBatches>;
  /** Releases the step's resources. */
  dispose(): void;
}

/** Passes batches through a network: in this thread (`LocalPasses`), or in shards on several (`ShardedPasses`). */
export interface Passes {
  /** Begins a step on batches of the same size. The caller owns them and must keep them until the step is disposed. */
  begin(batches: readonly BatchTensors[]): StepPasses;
  /** Returns logits [batch, classes], using the running statistics. The caller disposes them. */
  predict(images: tf.Tensor4D): Promise<tf.Tensor2D>;
}

/** The parts for passing batches in one thread. */
export interface LocalParts {
  readonly network: Network;
  /** The teacher that the network learns from in addition to the targets. */
  readonly teacher: Network | null;
  readonly loss: LossFunction;
}

/** Passes a batch. `factor` multiplies its mean loss. Disposes the masks. */
type PassOne = (batch: LossBatch, factor: tf.Scalar, masks: Masks) => PassedBatch;

/** Passes whole batches in this thread: as a single computation if the engine compiles it, otherwise op by op. */
export class LocalPasses implements Passes {
  /** Undefined before the first pass; null if the engine does not compile. */
  #compiled: CompiledBatchPass | null | undefined;

  /** @param random Draws the dropout masks. */
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

  /** Releases the compiled computation. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#compiled = undefined;
  }

  /** Compiles before the first pass, so that a resumed training uses the same computation. */
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

/** The part of each batch that a thread passes. */
export interface PassedShard {
  /** Index in the batch of the shard's first image. */
  readonly start: number;
  /** Number of images in the whole batch. */
  readonly batchSize: number;
  /** The shards for batch norms. Null if nothing else of the batch is passed. */
  readonly shards: BatchShards | null;
}

/** A step's batches, or a shard of each, in this thread. */
export class LocalStepPasses implements StepPasses {
  readonly #batches: readonly LossBatch[];
  /** The fraction of their batches that the given images are. It weights losses and metrics. */
  readonly #share: number;

  /** @param shard The part of the batches that the given images are; null for whole batches. */
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
    // The teacher predicts once per step, no matter how often the batches are passed.
    this.#batches = batches.map((batch) => ({
      ...batch,
      teacherLogits: parts.teacher?.predict(batch.images) ?? null,
    }));
  }

  /** @param random Draws this pass's dropout masks, if it has its own source. */
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
    // A failure surfaces when the metrics are awaited, one step later.
    metrics.catch(() => {});
    return { gradients: gradients as Gradients, metrics };
  }

  dispose(): void {
    for (const { teacherLogits } of this.#batches) teacherLogits?.dispose();
  }

  /** Returns this shard's rows of the whole batch's masks, so that the masks do not depend on the sharding. */
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

  /** Returns the mean of the metrics of several batches, times this thread's share of them. */
  async #meanOf(measured: readonly tf.Tensor1D[]): Promise<Metrics> {
    const all = await Promise.all(measured.map(readMetrics));
    return metricsBy(
      all,
      (values) => values.reduce((sum, value) => sum + this.#share * value, 0) / values.length,
    );
  }
}
