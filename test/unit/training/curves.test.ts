import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { precisionSupport } from '../../../src/backends/precision/formats';
import type { TensorflowBackend } from '../../../src/backends/tensorflow/backend';
import { NATIVE_TYPE } from '../../../src/backends/tensorflow/binding';
import type { EngineName } from '../../../src/recipe/engineNames';
import { openDataset } from '../../../src/training/data/open';
import { train } from '../../../src/training/loop/loop';
import { smallRecipe } from '../../support/smallTraining';
import { computeAsOnGpu } from '../support/asOnGpu';
import { HALF_ENGINE, PRESENT_ENGINES } from '../support/presentEngines';

/** A recipe gives the same training on each engine: losses step by step and after each epoch. */
describe('a short training', () => {
  const models = [
    ['resnet8', { name: 'resnet8', width: 4 }],
    ['resnet18, with a strided stem, a pool and projections', { name: 'resnet18', width: 4 }],
  ] as const;

  describe.each(models)('of %s', (_name, model) => {
    let reference: Curve;

    beforeAll(async () => {
      reference = await curve('wasm', model);
    });

    // SwiftShader, which webgpu is tested on, is slow. The larger network has everything that the smaller one has.
    const isTried = (engine: EngineName) => engine !== 'webgpu' || model.name === 'resnet18';
    it.each(PRESENT_ENGINES.filter((engine) => engine !== 'wasm' && isTried(engine)))(
      'has on %s the curve it has on wasm',
      hasCurveOf,
    );

    describe.runIf(PRESENT_ENGINES.includes('tensorflow'))('as on a GPU,', () => {
      computeAsOnGpu();
      it('has on tensorflow the curve it has on wasm', () => hasCurveOf('tensorflow'));
    });

    async function hasCurveOf(engine: EngineName): Promise<void> {
      const { losses, validationLosses } = await curve(engine, model);
      expect(losses).toHaveLength(reference.losses.length);
      for (const [step, loss] of losses.entries()) {
        // Rounding differs from the first step on, and training amplifies it.
        const tolerance = 1e-5 * 3 ** step;
        expect(Math.abs(loss - (reference.losses[step] as number)), `step ${step}`).toBeLessThan(tolerance);
      }
      expect(
        Math.abs((validationLosses[0] as number) - (reference.validationLosses[0] as number)),
      ).toBeLessThan(0.02);
    }
  });
});

describe.runIf(HALF_ENGINE)(`in half precision, ${HALF_ENGINE}`, () => {
  const engine = HALF_ENGINE as EngineName;
  const model = { name: 'resnet18', width: 4 };

  it.each([
    ['bfloat16', 0.04],
    ['float16', 0.005],
  ] as const)('computes in %s what is emulated elsewhere', async (dtype, tolerance) => {
    // With small steps: large steps amplify differences in the last bit.
    const changes = { tricks: { mixed_precision: { dtype } }, optimizer: { base_lr: 1e-4 } };
    const emulated = await curve('wasm', model, changes);
    const native = await curve(engine, model, changes);
    expect(native.losses).toHaveLength(emulated.losses.length);
    for (const [step, loss] of native.losses.entries()) {
      expect(Math.abs(loss - (emulated.losses[step] as number)), `step ${step}`).toBeLessThan(tolerance);
    }
  });

  it.each([
    ['bfloat16', NATIVE_TYPE.bfloat16],
    ['float16', NATIVE_TYPE.float16],
    ['float32', NATIVE_TYPE.float32],
  ] as const)(
    'runs the heavy ops in %s, forward and backward, if the processor has it',
    async (dtype, type) => {
      const isHere = precisionSupport(await loadEngine(engine), dtype) === 'native';
      const backend = tf.backend() as TensorflowBackend;
      const types = new Map<string, Set<unknown>>();
      backend.onRun = (op, { T }) => {
        // On the CPU, some ops are requested by the name of their oneDNN kernels.
        const name = op.replace(/^_MklNative/, '');
        if (HEAVY_OPS.includes(name))
          types.set(name, (types.get(name) ?? new Set()).add((T as { type: number }).type));
      };
      // Large enough that no kernel extends past a whole image: the gradients of taps that do are computed in float32.
      const data = { height: 64, width: 64 };
      const tricks = dtype === 'float32' ? {} : { mixed_precision: { dtype } };
      await curve(engine, model, { data, tricks });
      backend.onRun = null;
      expect(Object.fromEntries(types)).toEqual(
        Object.fromEntries(HEAVY_OPS.map((op) => [op, new Set([isHere ? type : NATIVE_TYPE.float32])])),
      );
    },
  );
});

/** The ops that take most of a ResNet's time. */
const HEAVY_OPS = [
  'Conv2D',
  'Conv2DBackpropInput',
  'Conv2DBackpropFilter',
  'FusedBatchNormV3',
  'FusedBatchNormGradV3',
  'ReluGrad',
  'MaxPool',
  'MaxPoolGrad',
  'Relu',
];

interface Curve {
  readonly losses: readonly number[];
  readonly validationLosses: readonly number[];
}

async function curve(
  engine: EngineName,
  model: Record<string, unknown>,
  changes: Record<string, unknown> = {},
): Promise<Curve> {
  await loadEngine(engine);
  const recipe = smallRecipe({
    model,
    data: { height: 16, width: 16, train_images: 96 },
    schedule: { epochs: 1 },
    optimizer: { base_lr: 0.02 },
    ...changes,
  });
  const losses: number[] = [];
  const validationLosses: number[] = [];
  await train(recipe, {
    dataset: await openDataset(recipe.data.source),
    save: async () => {},
    signal: new AbortController().signal,
    emit: (event) => {
      if (event.type === 'step') losses.push(event.loss);
      if (event.type === 'epoch') validationLosses.push(event.validationLoss);
    },
  });
  return { losses, validationLosses };
}
