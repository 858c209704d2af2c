/**
 * A thread that passes shards of batches for a training in another, on an engine and a network of its own: started
 * with `ThreadData` as its data, it answers each `ToThread` by a `FromThread`, in turn.
 */
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { graphOf } from '../../recipe/draft';
import { loadEngine } from '../engines/engine';
import { Network } from '../network';
import { type LocalParts, LocalStepPasses } from '../passes';
import { Random } from '../random';
import { type Layout, layoutOf, load, store, valuesOf } from './memory';
import type { FromThread, ThreadData, ToThread } from './messages';
import { type Shard, shardsOf } from './shards';

class ShardThread {
  readonly #layout: Layout;
  readonly #parts: LocalParts;
  /** The revision of the weights that the network has. */
  #revision = -1;
  #step: { readonly passes: LocalStepPasses; readonly tensors: readonly tf.Tensor[] } | null = null;

  constructor(private readonly data: ThreadData) {
    const { recipe, teacher, memory } = data;
    const graph = graphOf({ model: recipe.model, dataset: recipe.data.dataset });
    this.#layout = layoutOf(graph);
    const places = [...this.#layout.parameters, ...this.#layout.buffers];
    const values = new Map(places.map(({ name, start, end }) => [name, memory.weights.subarray(start, end)]));
    this.#parts = {
      network: new Network(graph, values, recipe.precision.compute),
      teacher: teacher && new Network(teacher.graph, teacher.values),
      distillation: recipe.loss.distillation,
    };
  }

  async answer(message: ToThread): Promise<FromThread | null> {
    switch (message.type) {
      case 'begin':
        this.#begin(message);
        return null;
      case 'pass':
        return this.#pass(message);
      case 'end':
        this.#end();
        return null;
      case 'predict':
        return this.#predict(message);
      default:
        return message satisfies never;
    }
  }

  #begin({ count, size }: Extract<ToThread, { type: 'begin' }>): void {
    const { images, targets, labels } = this.data.memory;
    const { classes } = this.data.recipe.data.dataset;
    const { start, end } = this.#shard(size);
    const batches = Array.from({ length: count }, (_, index) => ({
      images: this.#images(images, index * size + start, end - start),
      targets: tf.tensor2d(
        targets.subarray((index * size + start) * classes, (index * size + end) * classes),
        [end - start, classes],
      ),
      labels: tf.tensor1d(labels.subarray(index * size + start, index * size + end), 'int32'),
    }));
    // Each pass brings a source of its own.
    const random = Random.seeded(0, 'dropout');
    this.#step = {
      passes: new LocalStepPasses(this.#parts, random, batches, (end - start) / size),
      tensors: batches.flatMap((batch) => Object.values(batch)),
    };
  }

  async #pass({ revision, lossScale, seed }: Extract<ToThread, { type: 'pass' }>): Promise<FromThread> {
    if (!this.#step) throw new Error('There is no batch to pass');
    this.#takeWeights(revision);
    const random = Random.seeded(seed, 'dropout');
    const { gradients, measures } = await this.#step.passes.pass(lossScale, random);
    const result = this.data.memory.results[this.data.index - 1] as Float32Array;
    store(this.#layout.parameters, gradients, result);
    store(this.#layout.buffers, this.#parts.network.buffers, result);
    tf.dispose([...gradients.values()]);
    // Its buffers are those of its shards now.
    this.#revision = -1;
    return { type: 'passed', measures: await measures };
  }

  #end(): void {
    this.#step?.passes.dispose();
    tf.dispose([...(this.#step?.tensors ?? [])]);
    this.#step = null;
  }

  #predict({ revision, size }: Extract<ToThread, { type: 'predict' }>): FromThread {
    this.#takeWeights(revision);
    const { images, logits } = this.data.memory;
    const { start, end } = this.#shard(size);
    const shown = this.#images(images, start, end - start);
    const predicted = this.#parts.network.predict(shown);
    logits.set(valuesOf(predicted), start * this.data.recipe.data.dataset.classes);
    tf.dispose([shown, predicted]);
    return { type: 'predicted' };
  }

  #takeWeights(revision: number): void {
    if (revision === this.#revision) return;
    const places = [...this.#layout.parameters, ...this.#layout.buffers];
    load(places, this.data.memory.weights, (name, tensor) => this.#parts.network.assign(name, tensor));
    this.#revision = revision;
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
  await loadEngine(data.engine);
  const thread = new ShardThread(data);
  const answer = (message: FromThread) => parentPort?.postMessage(message);
  let turn = Promise.resolve();
  parentPort?.on('message', (message: ToThread) => {
    turn = turn
      .then(() => thread.answer(message))
      .then((reply) => {
        if (reply) answer(reply);
      })
      .catch((error: unknown) => {
        console.error(error);
        answer({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      });
  });
}

main().catch((error: unknown) => {
  console.error(error);
  const message = error instanceof Error ? error.message : String(error);
  parentPort?.postMessage({ type: 'failed', message } satisfies FromThread);
});
