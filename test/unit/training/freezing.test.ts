import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { buildGraph } from '../../../src/models/catalog';
import { buffersOf, parametersOf } from '../../../src/models/graph';
import { frozenParametersOf, parameterGroupsOf } from '../../../src/recipe/parameterGroups';
import { clipGradients } from '../../../src/training/effects/gradientClipping';
import { RecipeEffects } from '../../../src/training/effects/index';
import { LocalPasses } from '../../../src/training/loop/passes';
import { disposeGradients, gradientNorm } from '../../../src/training/network/gradients';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { createOptimizer } from '../../../src/training/optimizers/optimizer';
import { Random } from '../../../src/training/random';
import { loadInitialValues } from '../../../src/weights/initialValues';
import torch from '../../fixtures/weights/finetuned.json';
import { images } from '../../fixtures/weights/resnet18.json';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { fixturePath } from '../weights/fixtures';

const FREEZE = ['stem', 'layer2', 'layer4'];

describe.each(PRESENT_ENGINES)('on %s, a partly frozen network', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  test('is fine-tuned as PyTorch does it: losses, norms, weights and running statistics', async () => {
    const graph = buildGraph({ name: 'resnet18', width: 4, variant: 'B' }, [32, 32, 3], 5);
    const plan = { weightDecay: 0.01, decayOn: 'all', headLearningRateFactor: 10, layerDecay: 0.5 } as const;
    const parameterGroups = parameterGroupsOf(plan, FREEZE, () => graph);
    const frozen = frozenParametersOf(parameterGroups, graph);
    const tensorsBefore = tf.memory().numTensors;
    const values = await loadInitialValues(fixturePath('resnet18.pth'), graph);
    const network = new Network(graph, values, 'float32', frozen);
    const optimizer = createOptimizer(
      { optimizer: { name: 'sgd', momentum: 0.9, nesterov: true }, parameterGroups },
      parametersOf(graph),
    );
    const parts = { network, teacher: null, loss: new RecipeEffects(smallRecipe()).loss() };
    const passes = new LocalPasses(parts, Random.seeded(1, 'dropout'));
    const labels = tf.tensor1d([1, 3], 'int32');
    const batch = {
      images: tf.tensor4d(images, [2, 32, 32, 3]),
      targets: tf.tidy(() => tf.cast(tf.oneHot(labels, 5), 'float32') as tf.Tensor2D),
      labels,
    };
    for (const [loss = 0, norm = 0] of torch.losses) {
      const step = passes.begin([batch]);
      const { gradients, metrics } = await step.pass(1);
      step.dispose();
      expect((await metrics).loss).toBeCloseTo(loss, 4);
      expect([...gradients.keys()]).toEqual(network.trained);
      const ownNorm = gradientNorm(gradients);
      expect(Math.abs((await ownNorm.data())[0]! / norm - 1)).toBeLessThan(1e-3);
      const clipped = clipGradients(gradients, 1);
      optimizer.step(network, clipped, 0.05);
      disposeGradients(clipped);
      ownNorm.dispose();
    }
    const after = await network.read();
    for (const { name, shape } of [...parametersOf(graph), ...buffersOf(graph)]) {
      if (frozen.has(name) || network.isFrozen(name)) expect(after.get(name), name).toEqual(values.get(name));
      if (shape.length > 1) continue;
      const expected = torch.after[name as keyof typeof torch.after];
      for (const [index, value] of expected.entries()) {
        expect(Math.abs((after.get(name)?.[index] ?? Number.NaN) - value), name).toBeLessThan(2e-4);
      }
    }
    expect(network.isFrozen('layer2.0.bn1.running_mean')).toBe(true);
    tf.dispose([...Object.values(batch)]);
    passes.dispose();
    optimizer.dispose();
    network.dispose();
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });
});

test('gradients are computed no further back than what is trained', async () => {
  await loadEngine('cpu');
  const graph = buildGraph({ name: 'resnet8', width: 2 }, [8, 8, 1], 3);
  const values = initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization'));
  const frozen = new Set(parametersOf(graph).flatMap(({ name }) => (name.startsWith('fc.') ? [] : [name])));
  const network = new Network(graph, values, 'float32', frozen);
  const input = tf.randomNormal<tf.Rank.R4>([4, 8, 8, 1], 0, 1, 'float32', 3);
  const before = tf.memory().numTensors;
  const pass = network.forward(input);
  // The logits and the input of the head.
  expect(tf.memory().numTensors - before).toBe(2);
  const dLogits = tf.onesLike(pass.logits);
  const gradients = pass.backward(dLogits);
  expect([...gradients.keys()]).toEqual(['fc.weight', 'fc.bias']);
  tf.dispose([input, dLogits, ...gradients.values()]);
  network.dispose();
});
