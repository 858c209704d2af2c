import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineName } from '../../recipe/engineNames';
import type { Recipe } from '../../recipe/recipe';
import type { BatchTensors } from '../loop/batchPass';
import { type Metrics, metricsBy } from '../loop/evaluation';
import {
  type LocalParts,
  LocalStepPasses,
  type PassedBatches,
  type Passes,
  type StepPasses,
} from '../loop/passes';
import { disposeGradients } from '../network/gradients';
import type { Gradients } from '../network/network';
import type { Random } from '../random';
import type { FromThread, ThreadData, ToThread } from './messages';
import { imagesOf, type Shard, shardsOf } from './shards';
import {
  addInto,
  allocate,
  type Bucket,
  type Layout,
  layoutOf,
  type SharedMemory,
  type Slot,
  slotsOf,
  store,
  valuesOf,
} from './sharedMemory';
import { breakExchange, ExchangeBrokenError, StatisticsExchange } from './statisticsExchange';
import { WorkerPool } from './workerPool';

/** The threads of a training, including its own. */
export interface Threads {
  readonly count: number;
  /** The engine that each thread loads. */
  readonly engine: EngineName;
  /** The program of the other threads. Defaults to the bundle's. */
  readonly path?: string | undefined;
}

/**
 * Passes batches in shards, one per thread: the first in this one, the others in threads with their own engine and
 * network, over shared memory. Gradients are the mean over the batch, and batch norms use the whole batch, as in
 * PyTorch's SyncBatchNorm. In each batch norm, forward and backward, the threads exchange their sums, so that all have
 * the same statistics bit for bit. Each thread draws dropout for the whole batch and uses its shard's rows. The number
 * of threads therefore changes only the rounding of sums. They are added in shard order, so nothing depends on which
 * thread is first.
 *
 * The alternative, the backend's own multi-threaded build, was tried in Node. It takes three patches to start and uses
 * half of the cores. It gives threads only to XNNPACK's kernels, while all others become slower in its shared memory. A
 * pass with its two threads took more CPU time than the single-threaded build. See docs/performance.md.
 */
export class ShardedPasses implements Passes {
  readonly #layout: Layout;
  readonly #memory: SharedMemory;
  readonly #pool: WorkerPool;
  /** All threads except this one, which is 0. */
  readonly #others: readonly number[];
  /** For each bucket, the names assigned since the other threads received it. */
  readonly #assigned: readonly Set<string>[];

  /** @param random Draws the dropout masks. */
  constructor(
    private readonly recipe: Recipe,
    private readonly own: LocalParts,
    private readonly random: Random,
    private readonly threads: Threads,
  ) {
    const { network, teacher } = own;
    const { engine, count, path = join(__dirname, 'thread.js') } = threads;
    this.#layout = layoutOf(network.graph);
    this.#memory = allocate(recipe, count);
    this.#others = Array.from({ length: count - 1 }, (_, other) => other + 1);
    this.#assigned = this.#layout.buckets.map(() => new Set());
    for (const bucket of this.#layout.buckets) this.#store(bucket);
    network.onAssign = this.#shareWhenWhole();
    const frozen = teacher && { graph: teacher.graph, values: copiesOf(teacher.parameters, teacher.buffers) };
    const data = this.#others.map(
      (index): ThreadData => ({
        ...{ engine, recipe, teacher: frozen, memory: this.#memory },
        ...{ index, threads: count },
      }),
    );
    this.#pool = new WorkerPool(path, data, () => breakExchange(this.#memory.exchange));
  }

  begin(batches: readonly BatchTensors[]): StepPasses {
    const size = (batches[0] as BatchTensors).images.shape[0];
    const { images, targets, labels } = this.#memory;
    for (const [index, batch] of batches.entries()) {
      if (batch.images.shape[0] !== size) throw new Error('The batches of a step differ in size');
      images.set(valuesOf(batch.images), index * batch.images.size);
      targets.set(valuesOf(batch.targets), index * batch.targets.size);
      labels.set(batch.labels.dataSync<'int32'>(), index * size);
    }
    const shards = shardsOf(size, this.threads.count);
    const others = this.#busy(shards);
    this.#send(others, () => ({ type: 'begin', count: batches.length, size }));
    const [first] = shards as [Shard];
    const cut = batches.map((batch) => ({
      images: tf.slice(batch.images, 0, first.end),
      targets: tf.slice(batch.targets, 0, first.end),
      labels: tf.slice(batch.labels, 0, first.end),
    }));
    const own = new LocalStepPasses(this.own, this.random, cut, {
      ...{ start: 0, batchSize: size, shards: this.#exchangeAmong(shards) },
    });
    return {
      pass: (lossScale) => this.#pass(own, shards, lossScale),
      dispose: () => {
        this.#send(others, () => ({ type: 'end' }));
        own.dispose();
        tf.dispose(cut.flatMap((batch) => Object.values(batch)));
      },
    };
  }

  async predict(images: tf.Tensor4D): Promise<tf.Tensor2D> {
    const [size] = images.shape;
    const { classes } = this.recipe.data.dataset;
    const shards = shardsOf(size, this.threads.count);
    this.#memory.images.set(valuesOf(images));
    this.#shareRest();
    const others = this.#busy(shards);
    this.#send(others, () => ({ type: 'predict', size }));
    const [first] = shards as [Shard];
    tf.tidy(() => {
      this.#memory.logits.set(valuesOf(this.own.network.predict(tf.slice(images, 0, first.end))));
    });
    for (const index of others) await this.#receive(index, 'predicted');
    return tf.tensor2d(this.#memory.logits.slice(0, size * classes), [size, classes]);
  }

  /** Stops the other threads. */
  close(): Promise<void> {
    this.own.network.onAssign = null;
    return this.#pool.close();
  }

  async #pass(own: LocalStepPasses, shards: readonly Shard[], lossScale: number): Promise<PassedBatches> {
    this.#shareRest();
    const others = this.#busy(shards);
    await this.#pool.started();
    const { state } = this.random;
    this.#send(others, () => ({ type: 'pass', lossScale, random: state }));
    const passed = await this.#passOwn(own, lossScale);
    const metrics: (Metrics | Promise<Metrics>)[] = [passed.metrics];
    try {
      await this.#reduce(passed.gradients, shards);
      for (const index of others) {
        metrics.push((await this.#receive(index, 'passed')).metrics);
      }
    } catch (error) {
      disposeGradients(passed.gradients);
      throw error;
    }
    const sum = sumOf(metrics);
    // A failure surfaces when the metrics are awaited, one step later.
    sum.catch(() => {});
    return { gradients: passed.gradients, metrics: sum };
  }

  /** Passes this thread's shard. If that fails, releases the other threads that wait for it. */
  async #passOwn(own: LocalStepPasses, lossScale: number): Promise<PassedBatches> {
    try {
      return await own.pass(lossScale);
    } catch (error) {
      breakExchange(this.#memory.exchange);
      throw error instanceof ExchangeBrokenError ? await this.#pool.reasonOfLoss() : error;
    }
  }

  /** Returns the exchange for this thread's batch norms. Null if it has the only shard. */
  #exchangeAmong(shards: readonly Shard[]): StatisticsExchange | null {
    const images = imagesOf(shards);
    if (images.length === 1) return null;
    return new StatisticsExchange(this.#memory.exchange, 0, images, () => this.#pool.isAnyGone());
  }

  /** Adds the other shards' gradients to this thread's, each bucket as soon as all threads have delivered it. */
  async #reduce(gradients: Gradients, shards: readonly Shard[]): Promise<void> {
    const others = this.#busy(shards);
    const { network } = this.own;
    const given = ({ start, end }: Slot) =>
      others.map((index) => (this.#memory.results[index - 1] as Float32Array).subarray(start, end));
    for (const { parameters } of this.#layout.buckets) {
      for (const index of others) await this.#receive(index, 'ready');
      // In place: these gradients belong to this pass, and the losses already weight them by shard.
      for (const slot of parameters) {
        if (!network.isFrozen(slot.name)) addInto(gradients.get(slot.name) as tf.Tensor, given(slot));
      }
    }
  }

  /**
   * Shares a bucket with the other threads as soon as all of it was assigned, while the update continues with the next
   * one.
   */
  #shareWhenWhole(): (name: string) => void {
    const bucketOf = new Map(
      this.#layout.buckets.flatMap((each, bucket) => {
        const slots = slotsOf(each);
        return slots.map(({ name }) => [name, { bucket, size: slots.length }] as const);
      }),
    );
    return (name) => {
      const { bucket, size } = bucketOf.get(name) as { bucket: number; size: number };
      if (this.#assigned[bucket]?.add(name).size === size) this.#share(bucket);
    };
  }

  /** Shares the rest. After this, the other threads have the network's weights. */
  #shareRest(): void {
    for (const [bucket, assigned] of this.#assigned.entries()) if (assigned.size > 0) this.#share(bucket);
  }

  #share(bucket: number): void {
    this.#store(this.#layout.buckets[bucket] as Bucket);
    this.#assigned[bucket]?.clear();
    this.#send(this.#others, () => ({ type: 'load', bucket }));
  }

  #store({ parameters, buffers }: Bucket): void {
    store(parameters, this.own.network.parameters, this.#memory.weights);
    store(buffers, this.own.network.buffers, this.#memory.weights);
  }

  /** Returns the other threads that have a shard. */
  #busy(shards: readonly Shard[]): number[] {
    return this.#others.filter((index) => {
      const { start, end } = shards[index] as Shard;
      return end > start;
    });
  }

  /** Receives the next answer of a thread, which must have the given type. */
  async #receive<Type extends FromThread['type']>(
    index: number,
    type: Type,
  ): Promise<Extract<FromThread, { type: Type }>> {
    const answer = await this.#pool.receive(index - 1);
    if (answer.type !== type) throw new Error(`Thread ${index} answers ${answer.type}, and not ${type}`);
    return answer as Extract<FromThread, { type: Type }>;
  }

  #send(threads: readonly number[], message: (index: number) => ToThread): void {
    for (const index of threads) this.#pool.send(index - 1, message(index));
  }
}

function copiesOf(...tensors: readonly ReadonlyMap<string, tf.Tensor>[]): Map<string, Float32Array> {
  return new Map(
    tensors.flatMap((each) =>
      [...each].map(([name, tensor]) => [name, tensor.dataSync<'float32'>()] as const),
    ),
  );
}

/** Sums the shards' parts of metrics, in order. */
async function sumOf(parts: readonly (Metrics | Promise<Metrics>)[]): Promise<Metrics> {
  return metricsBy(await Promise.all(parts), (values) => values.reduce((sum, value) => sum + value, 0));
}
