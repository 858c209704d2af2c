/**
 * Estimates the cost of results that are bit-identical for any number of threads. They require sums in an order that
 * does not depend on the shards of the threads: each batch in 8 groups, one for each possible thread, passed one by one
 * and added in a fixed tree. Times the half batch of one of two threads, passed at once and in its 4 groups, and the
 * addition of the gradients alone: the least that any such scheme costs. The variants take turns on one thread. Batch
 * norm uses the statistics of the images passed together, which takes the same time.
 *
 *     node bench/bundle.mjs subgroups && node dist/bench/subgroups.js [rounds]
 */

import { availableParallelism, cpus, loadavg } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../src/backends/index';
import { RecipeEffects } from '../src/training/effects/index';
import type { BatchTensors } from '../src/training/loop/batchPass';
import { LocalPasses } from '../src/training/loop/passes';
import { addGradients, disposeGradients } from '../src/training/network/gradients';
import type { Gradients } from '../src/training/network/network';
import { Random } from '../src/training/random';
import { median } from './median';
import { MODELS, type ModelName, newNetwork, recipeOf } from './models';

const GROUPS = 4;

async function main(rounds: number): Promise<void> {
  await loadEngine('wasm');
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(2)}`);
  for (const model of Object.keys(MODELS) as ModelName[]) {
    const recipe = recipeOf(model, { steps: 1 });
    const network = newNetwork(model);
    const own = { network, teacher: null, loss: new RecipeEffects(recipe).loss() };
    const passes = new LocalPasses(own, Random.seeded(1, 'dropout'));
    const images = recipe.data.batchSize / 2;
    const whole = [randomBatch(model, images)];
    const groups = Array.from({ length: GROUPS }, () => randomBatch(model, images / GROUPS));
    const timed = async (batches: readonly BatchTensors[]) => {
      const step = passes.begin(batches);
      const start = performance.now();
      const { gradients, metrics } = await step.pass(1);
      await metrics;
      const ms = performance.now() - start;
      step.dispose();
      // Copies of the gradients to add, created before the clock starts.
      const others = Array.from({ length: GROUPS - 1 }, () => copiesOf(gradients));
      const adding = performance.now();
      const sum = others.reduce<Gradients>(addGradients, gradients);
      const addMs = performance.now() - adding;
      disposeGradients(sum);
      return { ms, addMs };
    };
    const times: Record<'whole' | 'grouped' | 'adding', number[]> = { whole: [], grouped: [], adding: [] };
    for (let round = -2; round < rounds; round++) {
      const atOnce = await timed(whole);
      const inGroups = await timed(groups);
      if (round < 0) continue;
      times.whole.push(atOnce.ms);
      times.grouped.push(inGroups.ms);
      times.adding.push(atOnce.addMs);
    }
    const [once, grouped, adding] = [times.whole, times.grouped, times.adding].map(median) as [
      number,
      number,
      number,
    ];
    const share = (ms: number) => `${((100 * ms) / once).toFixed(1)}%`;
    console.log(
      `${model}: at once ${once.toFixed(0)} ms, in groups ${grouped.toFixed(0)} ms (${share(grouped - once)} more), ` +
        `adding alone ${adding.toFixed(1)} ms (${share(adding)})`,
    );
    network.dispose();
  }
}

function copiesOf(gradients: ReadonlyMap<string, tf.Tensor>): Map<string, tf.Tensor> {
  return new Map([...gradients].map(([name, tensor]) => [name, tf.add(tensor, 0)]));
}

function randomBatch(model: ModelName, size: number): BatchTensors {
  const { height, width, channels } = MODELS[model].data;
  const labels = Array.from({ length: size }, (_, index) => index % 10);
  return {
    images: tf.randomNormal([size, height, width, channels], 0, 1, 'float32', 5),
    targets: tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), 10), 'float32') as tf.Tensor2D,
    labels: tf.tensor1d(labels, 'int32'),
  };
}

main(Number(process.argv[2] ?? 10)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
