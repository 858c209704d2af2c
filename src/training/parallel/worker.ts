/**
 * A thread that passes shards of batches for a training in another thread, with its own engine and network. It starts
 * with `ThreadData` and answers each `ToThread` with a `FromThread`, in order.
 */

import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../../backends/index';
import { graphOf } from '../../recipe/draft';
import { frozenParametersOf } from '../../recipe/parameterGroups';
import { assertNever } from '../../shared/assertNever';
import { messageOf } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { RecipeEffects } from '../effects/index';
import { type LocalParts, LocalStepPasses } from '../loop/passes';
import { Network } from '../network/network';
import { Random } from '../random';
import type { FromThread, ThreadData, ToThread } from './messages';
import { imagesOf, type Shard, shardsOf } from './shards';
import {
  type Bucket,
  type Layout,
  layoutOf,
  load,
  type Slot,
  slotsOf,
  store,
  valuesOf,
} from './sharedMemory';
import { breakExchange, ExchangeBrokenError, StatisticsExchange } from './statisticsExchange';

class ShardThread {
  readonly #layout: Layout;
  readonly #parts: LocalParts;
  #step: { readonly passes: LocalStepPasses; readonly tensors: readonly tf.Tensor[] } | null = null;

  constructor(private readonly data: ThreadData) {
    const { recipe, teacher, memory } = data;
    const graph = graphOf(recipe);
    this.#layout = layoutOf(graph);
    const slots = this.#layout.buckets.flatMap(slotsOf);
    const values = new Map(slots.map(({ name, start, end }) => [name, memory.weights.subarray(start, end)]));
    this.#parts = {
      network: new Network(
        graph,
        values,
        recipe.precision.compute,
        frozenParametersOf(recipe.parameterGroups, graph),
      ),
      teacher: teacher && new Network(teacher.graph, teacher.values),
      loss: new RecipeEffects(recipe).loss(),
    };
  }

  /** Executes a message and passes its answers to `answer`. */
  async handle(message: ToThread, answer: (message: FromThread) => void): Promise<void> {
    switch (message.type) {
      case 'load':
        return this.#load(this.#layout.buckets[message.bucket] as Bucket);
      case 'begin':
        return this.#begin(message);
      case 'pass':
        return this.#pass(message, answer);
      case 'end':
        return this.#end();
      case 'predict':
        this.#predict(message);
        return answer({ type: 'predicted' });
      default:
        return assertNever(message);
    }
  }

  #begin({ count, size }: Extract<ToThread, { type: 'begin' }>): void {
    const { images, targets, labels, exchange } = this.data.memory;
    const { classes } = this.data.recipe.data.dataset;
    const { index, threads } = this.data;
    const { start, end } = this.#shard(size);
    // This thread has a shard, and so does the first one.
    const shards = new StatisticsExchange(exchange, index, imagesOf(shardsOf(size, threads)));
    const batches = Array.from({ length: count }, (_, index) => ({
      images: this.#images(images, index * size + start, end - start),
      targets: tf.tensor2d(
        targets.subarray((index * size + start) * classes, (index * size + end) * classes),
        [end - start, classes],
      ),
      labels: tf.tensor1d(labels.subarray(index * size + start, index * size + end), 'int32'),
    }));
    // Each pass brings its own random source.
    const random = Random.seeded(0, 'dropout');
    this.#step = {
      passes: new LocalStepPasses(this.#parts, random, batches, {
        start,
        batchSize: size,
        shards,
      }),
      tensors: batches.flatMap((batch) => Object.values(batch)),
    };
  }

  async #pass(
    { lossScale, random: state }: Extract<ToThread, { type: 'pass' }>,
    answer: (message: FromThread) => void,
  ): Promise<void> {
    if (!this.#step) throw new Error('There is no batch to pass');
    const random = Random.restored(state);
    const { gradients, metrics } = await this.#step.passes.pass(lossScale, random);
    const result = this.data.memory.results[this.data.index - 1] as Float32Array;
    const { network } = this.#parts;
    const isTrained = ({ name }: Slot) => !network.isFrozen(name);
    for (const { parameters } of this.#layout.buckets) {
      store(parameters.filter(isTrained), gradients, result);
      answer({ type: 'ready' });
    }
    tf.dispose([...gradients.values()]);
    answer({ type: 'passed', metrics: await metrics });
  }

  #end(): void {
    this.#step?.passes.dispose();
    tf.dispose([...(this.#step?.tensors ?? [])]);
    this.#step = null;
  }

  #predict({ size }: Extract<ToThread, { type: 'predict' }>): void {
    const { images, logits } = this.data.memory;
    const { start, end } = this.#shard(size);
    const shown = this.#images(images, start, end - start);
    const predicted = this.#parts.network.predict(shown);
    logits.set(valuesOf(predicted), start * this.data.recipe.data.dataset.classes);
    tf.dispose([shown, predicted]);
  }

  #load(bucket: Bucket): void {
    const { network } = this.#parts;
    load(slotsOf(bucket), this.data.memory.weights, (name, tensor) => network.assign(name, tensor));
  }

  #shard(size: number): Shard {
    return shardsOf(size, this.data.threads)[this.data.index] as Shard;
  }

  #images(values: Float32Array, first: number, count: number): tf.Tensor4D {
    const { height, width, channels } = this.data.recipe.data.dataset;
    const each = height * width * channels;
    const own = values.subarray(first * each, (first + count) * each);
    return tf.tensor4d(own, [count, height, width, channels]);
  }
}

async function main(): Promise<void> {
  const data = workerData as ThreadData;
  const { exchange } = data.memory;
  // Other threads may be waiting for this one, and notice nothing else until they stop waiting.
  process.on('exit', () => breakExchange(exchange));
  await loadEngine(data.engine);
  const thread = new ShardThread(data);
  const answer = (message: FromThread) => parentPort?.postMessage(message);
  let turn = Promise.resolve();
  answer({ type: 'started' });
  parentPort?.on('message', (message: ToThread) => {
    turn = turn
      .then(() => thread.handle(message, answer))
      .catch((error: unknown) => {
        // The thread that broke it reports the reason.
        if (error instanceof ExchangeBrokenError) return;
        breakExchange(exchange);
        console.error(error);
        answer({ type: 'failed', message: whatFailed(error) });
      });
  });
}

/** Describes an error without a remedy. The pool that receives it adds one. */
function whatFailed(error: unknown): string {
  if (error instanceof UserError) return error.failure.what;
  return messageOf(error);
}

main().catch((error: unknown) => {
  breakExchange((workerData as ThreadData).memory.exchange);
  console.error(error);
  parentPort?.postMessage({ type: 'failed', message: whatFailed(error) } satisfies FromThread);
});
