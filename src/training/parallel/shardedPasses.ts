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
import { Random } from '../random';
import type { FromThread, ThreadData, ToThread } from './messages';
import { meanOf, type Shard, shardsOf } from './shards';
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
import { WorkerPool } from './workerPool';

/** The threads of a training, its own among them. */
export interface Threads {
  readonly count: number;
  /** The engine that each loads for itself. */
  readonly engine: EngineName;
  /** The program of the others: by default the bundle's. */
  readonly path?: string | undefined;
}

/**
 * Passes batches in shards, one a thread: the first in this one, the others in threads that have an engine and a
 * network of their own, over shared memory. As in PyTorch's DistributedDataParallel, gradients are the mean over
 * the batch, and each thread's batch norms go by the statistics of their own shard; the running statistics become
 * the mean, by images, of what they become on each shard. A shard's dropout draws from a stream of its own for
 * each pass. Sums over shards are taken in the shards' order, so that nothing depends on which thread is first.
 *
 * The other way, the backend's own build with threads, was tried in Node: it takes three patches to start, uses half
 * of the cores, and gives threads to XNNPACK's kernels alone, while all others slow down in its shared memory. On a
 * busy machine of 2 cores the forward and backward pass of ResNet-20, batch 128, took 1,040 to 1,170 ms of the
 * trainer's thread's processor time with its two threads, where the build without threads took 715 to 940 ms on one,
 * and a whole step on two shards 477 ms.
 */
export class ShardedPasses implements Passes {
  readonly #layout: Layout;
  readonly #memory: SharedMemory;
  readonly #pool: WorkerPool;
  /** All threads but this one, which is 0. */
  readonly #others: readonly number[];
  /** By bucket, the names of what was assigned since the other threads took it. */
  readonly #assigned: readonly Set<string>[];

  /** @param random Draws the seeds of each pass. */
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
    this.#pool = new WorkerPool(path, data);
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
    const own = new LocalStepPasses(this.own, this.random, cut, first.end / size);
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

  /** Ends the other threads. */
  close(): Promise<void> {
    this.own.network.onAssign = null;
    return this.#pool.close();
  }

  async #pass(own: LocalStepPasses, shards: readonly Shard[], lossScale: number): Promise<PassedBatches> {
    this.#shareRest();
    const seeds = shards.map(() => this.random.bits());
    const others = this.#busy(shards);
    this.#send(others, (index) => ({ type: 'pass', lossScale, seed: seeds[index] as number }));
    const passed = await own.pass(lossScale, Random.seeded(seeds[0] as number, 'dropout'));
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
    // A failure is seen where the metrics are awaited, one step later.
    sum.catch(() => {});
    return { gradients: passed.gradients, metrics: sum };
  }

  /**
   * Adds the other shards' gradients to this thread's, each bucket as soon as all have given theirs. The network's
   * buffers become the mean of all shards'.
   */
  async #reduce(gradients: Gradients, shards: readonly Shard[]): Promise<void> {
    const size = (shards.at(-1) as Shard).end;
    const shares = shards.map(({ start, end }) => (end - start) / size);
    const others = this.#busy(shards);
    const { network } = this.own;
    const given = ({ start, end }: Slot) =>
      others.map((index) => (this.#memory.results[index - 1] as Float32Array).subarray(start, end));
    for (const { parameters, buffers } of this.#layout.buckets) {
      for (const index of others) await this.#receive(index, 'ready');
      // In place: they are this pass's own, and of their shard's share already, by their losses.
      for (const slot of parameters) {
        if (!network.isFrozen(slot.name)) addInto(gradients.get(slot.name) as tf.Tensor, given(slot));
      }
      for (const slot of buffers) {
        if (network.isFrozen(slot.name)) continue;
        const own = valuesOf(network.buffers.get(slot.name) as tf.Tensor);
        const mean = meanOf([own, ...given(slot)], shares);
        network.assign(slot.name, tf.tensor(mean, [...slot.shape]));
      }
    }
  }

  /** Hands a bucket to the other threads as soon as all of it was assigned, while an update goes on with the next. */
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

  /** Hands over what is left: after this the other threads have the network's weights. */
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

  /** The threads beside this one that have a shard. */
  #busy(shards: readonly Shard[]): number[] {
    return this.#others.filter((index) => {
      const { start, end } = shards[index] as Shard;
      return end > start;
    });
  }

  /** The next answer of a thread, which has to be of a type. */
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

/** Sums of shards' parts of metrics, in order. */
async function sumOf(parts: readonly (Metrics | Promise<Metrics>)[]): Promise<Metrics> {
  return metricsBy(await Promise.all(parts), (values) => values.reduce((sum, value) => sum + value, 0));
}
