import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { GraphBuilder } from '../../../src/models/builder';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { parametersOf } from '../../../src/models/graph';
import { batchBytes, largestBatch, stepMemory } from '../../../src/models/stepMemory';
import { oneHot } from '../../../src/training/loop/evaluation';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { createOptimizer } from '../../../src/training/optimizers/optimizer';
import { Random } from '../../../src/training/random';
import { ESTIMATE_TOLERANCE } from '../../../src/training/trainer/outOfMemory';
import { PRESENT_ENGINES } from '../support/presentEngines';

const TRAINING = { statesPerWeight: 1, bytesPerActivation: 4 } as const;

describe('the memory of a step', () => {
  it('counts weights, gradients and momentum once, and the peak memory of an image', () => {
    const builder = new GraphBuilder([2, 2, 1]);
    const graph = builder.build(builder.dense('fc', builder.flatten(builder.input), 3));
    // 4 x 3 weights and 3 biases, and the largest again. Then the flat image, the logits, their gradient, and a layer's
    // largest tensor again.
    expect(stepMemory(graph, TRAINING)).toEqual({
      fixedBytes: (3 * 15 + 12) * 4,
      bytesPerImage: (4 + 3 + 3 + 4) * 4,
    });
  });

  it('finds the largest batch that fits', () => {
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.integer({ min: 1, max: 1e8 }),
        fc.nat(4e9),
        (fixedBytes, bytesPerImage, limit) => {
          const memory = { fixedBytes, bytesPerImage };
          const images = largestBatch(memory, limit);
          if (images > 0) expect(batchBytes(memory, images)).toBeLessThanOrEqual(limit);
          expect(batchBytes(memory, images + 1)).toBeGreaterThan(limit);
        },
      ),
    );
  });
});

const MODELS: readonly (readonly [ModelSpec, size: number, batch: number])[] = [
  [{ name: 'resnet20', width: 16 }, 28, 32],
  [{ name: 'resnet50', width: 32, variant: 'D' }, 64, 4],
  [{ name: 'densenet121', growthRate: 8 }, 64, 8],
  [{ name: 'mobilenet_v1', widthMultiplier: 0.5 }, 64, 16],
  [{ name: 'cnn', width: 32 }, 28, 16],
  [{ name: 'mlp', hidden: [256, 128] }, 28, 64],
];

/** webgpu's memory per step is compared in training/deviceMemory.test.ts: its buffers, not its tensors. */
const MEASURED = PRESENT_ENGINES.filter((engine) => engine !== 'cpu' && engine !== 'webgpu');

describe.each(MEASURED)('measured on %s', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  it.each(MODELS)(
    'a step of %o on images of %i pixels, batch %i, is near its estimate',
    async (model, size, batch) => {
      const graph = buildGraph(model, [size, size, 3], 10);
      const before = tf.memory().numBytes;
      const start = initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization'));
      const network = new Network(graph, start);
      const optimizer = createOptimizer(
        {
          optimizer: { name: 'sgd', momentum: 0.9, nesterov: false },
          parameterGroups: [{ name: 'all', kinds: ['kernel', 'bias', 'gamma', 'beta'], weightDecay: 1e-4 }],
        },
        parametersOf(graph),
      );
      const step = () => {
        const images = tf.randomNormal<tf.Rank.R4>([batch, size, size, 3]);
        const pass = network.forward(images, network.drawMasks(images.shape[0], Random.seeded(1, 'dropout')));
        const { loss, dLogits } = tf.tidy(() =>
          softmaxCrossEntropy(pass.logits, oneHot(tf.zeros<tf.Rank.R1>([batch], 'int32'), 10)),
        );
        tf.dispose([images, loss]);
        const gradients = pass.backward(dLogits);
        optimizer.step(network, gradients, 0.01);
        tf.dispose([dLogits, ...gradients.values()]);
      };
      step();
      const { peakBytes } = await tf.profile(step as () => tf.TensorContainer);
      const estimate = batchBytes(stepMemory(graph, TRAINING), batch);
      expect(Math.abs(estimate / (peakBytes - before) - 1)).toBeLessThan(ESTIMATE_TOLERANCE);
      optimizer.dispose();
      network.dispose();
    },
  );
});
