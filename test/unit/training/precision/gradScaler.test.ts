import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../../../src/backends/index';
import { GraphBuilder } from '../../../../src/models/builder';
import { parametersOf } from '../../../../src/models/graph';
import type { Recipe } from '../../../../src/recipe/recipe';
import { RecipeEffects } from '../../../../src/training/effects/index';
import type { BatchTensors } from '../../../../src/training/loop/batchPass';
import { LocalPasses } from '../../../../src/training/loop/passes';
import { Stepper } from '../../../../src/training/loop/step';
import { Network } from '../../../../src/training/network/network';
import { createOptimizer } from '../../../../src/training/optimizers/optimizer';
import { Streams } from '../../../../src/training/streams';
import golden from '../../../fixtures/loss-scale/scaler.json';
import { smallRecipe } from '../../../support/smallTraining';

type Case = (typeof golden.cases)[number];
type Step = Case['steps'][number];

const { images: IMAGES, features: FEATURES, classes: CLASSES } = golden.shape;

/** Returns the recipe of a case: SGD with momentum in float16, plus the case's settings. */
function recipeOf({ accumulation, maxNorm, rho }: Case): Recipe {
  const { initial, growth, backoff, interval } = golden.scaling;
  const recipe = smallRecipe({
    optimizer: { name: 'sgd', weight_decay: 0 },
    tricks: { mixed_precision: true },
  });
  return {
    ...recipe,
    optimizer: { name: 'sgd', momentum: golden.optimizer.momentum, nesterov: false },
    parameterGroups: recipe.parameterGroups.map((group) => ({
      ...group,
      parameters: ['fc.weight', 'fc.bias'],
    })),
    gradients: { ...recipe.gradients, accumulation, maxNorm, sharpnessRadius: rho },
    precision: {
      compute: 'float16',
      execution: 'emulated',
      lossScale: {
        ...{ kind: 'dynamic', initial, growthFactor: growth },
        ...{ backoffFactor: backoff, growthInterval: interval },
      },
    },
  };
}

function batchesOf({ quarters, magnitude, labels }: Step): BatchTensors[] {
  return quarters.map((values, index) => {
    const images = Float32Array.from(values, (value) => (value / 4) * magnitude);
    const own = tf.tensor1d(labels[index] as number[], 'int32');
    const targets = tf.tidy(() => tf.cast(tf.oneHot(own, CLASSES), 'float32') as tf.Tensor2D);
    return { images: tf.tensor4d(images, [IMAGES, 1, 1, FEATURES]), targets, labels: own };
  });
}

describe('a step in float16 is a step of torch.amp.GradScaler', () => {
  test.each(golden.cases.map((each) => ({ ...each, name: nameOf(each) })))('$name', async (each) => {
    await loadEngine('wasm');
    const recipe = recipeOf(each);
    const builder = new GraphBuilder([1, 1, FEATURES]);
    const graph = builder.build(builder.dense('fc', builder.flatten(builder.input), CLASSES));
    const initial = new Map([
      ['fc.weight', Float32Array.from(each.start)],
      ['fc.bias', new Float32Array(CLASSES)],
    ]);
    const network = new Network(graph, initial, 'float16');
    const streams = new Streams(1);
    const effects = new RecipeEffects(recipe);
    const passes = new LocalPasses({ network, teacher: null, loss: effects.loss() }, streams.get('dropout'));
    const optimizer = createOptimizer(recipe, parametersOf(graph));
    const stepper = new Stepper(recipe, { network, passes, optimizer, average: null, effects, streams });
    const states = [];
    for (const step of each.steps) {
      const batches = batchesOf(step);
      const { scale } = stepper.lossScale;
      const { moved, metrics } = await stepper.take(batches, golden.optimizer.rate);
      await metrics;
      for (const { images, targets, labels } of batches) tf.dispose([images, targets, labels]);
      const { scale: scaleAfter, growthTracker } = stepper.lossScale;
      states.push({ scale, skipped: !moved, scaleAfter, growthTracker });
      for (const [name, wanted] of [
        ['fc.weight', step.weights],
        ['fc.bias', step.bias],
      ] as const) {
        const values = (await network.parameters.get(name)?.data()) ?? [];
        // float16 has 11 significant bits, and PyTorch sums in another order.
        const most = Math.max(...wanted.map(Math.abs));
        for (const [index, value] of wanted.entries()) {
          expect(Math.abs((values[index] as number) - value), name).toBeLessThan(0.004 * most + 1e-4);
        }
      }
    }
    expect(states).toEqual(
      each.steps.map(({ scale, skipped, scaleAfter, growthTracker }) => ({
        ...{ scale, skipped, scaleAfter, growthTracker },
      })),
    );
    expect(states.filter(({ skipped }) => skipped).length).toBeGreaterThan(4);
  });
});

function nameOf({ accumulation, maxNorm, rho }: Case): string {
  const parts = [
    `${accumulation} batches a step`,
    ...(maxNorm === null ? [] : [`norm at most ${maxNorm}`]),
    ...(rho === null ? [] : [`SAM of ${rho}`]),
  ];
  return parts.join(', ');
}
