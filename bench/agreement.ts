/**
 * Measures how well the engines agree on one forward and backward pass of a new network: the relative difference
 * (Euclidean norms) of the logits, and of all gradients together, from those of the first engine named. See rounding.py
 * for the same comparison of PyTorch with itself.
 *
 *     node bench/bundle.mjs agreement && node dist/bench/agreement.js [engine...]
 */

import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../src/backends/index';
import type { EngineRequest } from '../src/recipe/engineNames';
import { oneHot } from '../src/training/loop/evaluation';
import { softmaxCrossEntropy } from '../src/training/ops/softmaxCrossEntropy';
import { MODELS, type ModelName, newNetwork, recipeOf } from './models';

interface Pass {
  readonly logits: Float32Array;
  readonly gradients: readonly Float32Array[];
}

async function main([first = 'tensorflow', ...others]: readonly string[]): Promise<void> {
  for (const model of Object.keys(MODELS) as ModelName[]) {
    const expected = await passOn(first, model);
    for (const engine of others) {
      const { logits, gradients } = await passOn(engine, model);
      const differences = [
        `logits ${relative([logits], [expected.logits])}`,
        `gradients ${relative(gradients, expected.gradients)}`,
      ];
      console.log(`${model}, ${engine} from ${first}: ${differences.join(', ')}`);
    }
  }
}

/** Runs one pass over a batch of random images, with weights initialized from seed 1. */
async function passOn(engine: string, name: ModelName): Promise<Pass> {
  await loadEngine(engine as EngineRequest);
  const { data } = recipeOf(name, { steps: 1 });
  const { height, width, channels, classes } = data.dataset;
  const network = newNetwork(name);
  const images = tf.randomUniform<tf.Rank.R4>(
    [data.batchSize, height, width, channels],
    -1.5,
    1.5,
    'float32',
    1,
  );
  const classOf = Array.from({ length: data.batchSize }, (_, index) => index % classes);
  const labels = tf.tensor1d(classOf, 'int32');
  const targets = oneHot(labels, classes);
  const pass = network.forward(images);
  const logits = (await pass.logits.data<'float32'>()).slice();
  const gradients: Float32Array[] = [];
  const { loss, dLogits } = softmaxCrossEntropy(pass.logits, targets);
  for (const gradient of pass.backward(dLogits).values()) {
    gradients.push((await gradient.data<'float32'>()).slice());
    gradient.dispose();
  }
  tf.dispose([images, labels, targets, loss, dLogits]);
  network.dispose();
  return { logits, gradients };
}

function relative(actual: readonly Float32Array[], expected: readonly Float32Array[]): string {
  let difference = 0;
  let size = 0;
  for (const [index, values] of expected.entries()) {
    for (const [at, value] of values.entries()) {
      difference += ((actual[index]?.[at] ?? Number.NaN) - value) ** 2;
      size += value ** 2;
    }
  }
  return Math.sqrt(difference / size).toExponential(1);
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
