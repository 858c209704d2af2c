/**
 * Times the parameter update after a pass, by optimizer: the median milliseconds of an update of both bench models on
 * an engine, and of gradient clipping. The optimizers alternate step by step.
 *
 *     node bench/bundle.mjs updates && node dist/bench/updates.js [engine] [rounds]
 */

import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../src/backends/index';
import { parametersOf } from '../src/models/graph';
import type { EngineRequest } from '../src/recipe/engineNames';
import type { OptimizerRecipe } from '../src/recipe/recipe';
import { clipGradients } from '../src/training/effects/gradientClipping';
import { disposeGradients } from '../src/training/network/gradients';
import type { Gradients, Network } from '../src/training/network/network';
import { createOptimizer } from '../src/training/optimizers/optimizer';
import { median } from './median';
import { MODELS, type ModelName, newNetwork, recipeOf } from './models';

const OPTIMIZERS: readonly OptimizerRecipe[] = [
  { name: 'sgd', momentum: 0.9, nesterov: false },
  { name: 'lars', momentum: 0.9, trustCoefficient: 0.001 },
  { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  { name: 'lamb', beta1: 0.9, beta2: 0.999, epsilon: 1e-6 },
];

/** The first steps allocate the state that later ones reuse. */
const ROUNDS_BEFORE = 3;

async function main(engineName: EngineRequest, rounds: number): Promise<void> {
  const engine = await loadEngine(engineName);
  console.log(`${engine.name}: ${engine.description}`);
  for (const model of Object.keys(MODELS) as ModelName[]) {
    const works = [...OPTIMIZERS.map((optimizer) => updating(model, optimizer)), clipping(model)];
    for (let round = 0; round < ROUNDS_BEFORE + rounds; round++) {
      for (const { step, times } of works) {
        const ms = step();
        if (round >= ROUNDS_BEFORE) times.push(ms);
      }
    }
    for (const { name, times } of works) console.log(`${model} ${name}: ${median(times).toFixed(1)} ms`);
    for (const { dispose } of works) dispose();
  }
}

interface Work {
  readonly name: string;
  /** @returns the milliseconds the step took */
  readonly step: () => number;
  readonly times: number[];
  readonly dispose: () => void;
}

function updating(model: ModelName, recipe: OptimizerRecipe): Work {
  const network = newNetwork(model);
  const { parameterGroups } = recipeOf(model, { steps: 1 });
  const optimizer = createOptimizer({ optimizer: recipe, parameterGroups }, parametersOf(network.graph));
  return {
    name: recipe.name,
    times: [],
    step: () => {
      const gradients = gradientsOf(network);
      const ms = timed(() => optimizer.step(network, gradients, 0.001));
      disposeGradients(gradients);
      return ms;
    },
    dispose: () => {
      optimizer.dispose();
      network.dispose();
    },
  };
}

function clipping(model: ModelName): Work {
  const network = newNetwork(model);
  return {
    name: 'clipping',
    times: [],
    step: () => {
      let gradients = gradientsOf(network);
      const ms = timed(() => {
        gradients = clipGradients(gradients, 1);
      });
      disposeGradients(gradients);
      return ms;
    },
    dispose: () => network.dispose(),
  };
}

function gradientsOf({ parameters }: Network): Gradients {
  return new Map([...parameters].map(([name, weight]) => [name, tf.tidy(() => tf.mul(weight, 0.01))]));
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const [engine = 'auto', rounds = '20'] = process.argv.slice(2);
main(engine as EngineRequest, Number(rounds)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
