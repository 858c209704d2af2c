import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { compile } from '../../../src/backends/compiling';
import { loadEngine } from '../../../src/backends/index';
import type { Precision } from '../../../src/backends/precision/formats';
import type { TensorflowBackend } from '../../../src/backends/tensorflow/backend';
import { compilesHalves } from '../../../src/backends/tensorflow/halfFormats';
import { graphOf } from '../../../src/recipe/draft';
import { distilled } from '../../../src/training/effects/distillation';
import {
  CompiledBatchPass,
  type LossBatch,
  type PassedBatch,
  passBatch,
} from '../../../src/training/loop/batchPass';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { JointUpdate } from '../../../src/training/optimizers/jointUpdate';
import { Random } from '../../../src/training/random';
import { smallRecipe } from '../../support/smallTraining';
import { values } from '../support/numbers';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { trainHere } from '../support/trainHere';

/** A network and a batch of four 32x32 images, which all models accept. */
function partsOf(model: object, precision: Precision = 'float32', hasTeacher = false) {
  const recipe = smallRecipe({ model: { ...model }, data: { height: 32, width: 32 } });
  const graph = graphOf(recipe);
  const network = new Network(
    graph,
    initialValues(graph, recipe.initialization, Random.seeded(1, 'initialization')),
    precision,
  );
  const teacherLogits = hasTeacher ? tf.tensor2d(values([4, 3], 9).data, [4, 3]) : null;
  const batch: LossBatch = {
    images: tf.tensor4d(values([4, 32, 32, 1], 7).data, [4, 32, 32, 1]),
    targets: tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [4, 3]),
    labels: tf.tensor1d([0, 1, 2, 0], 'int32'),
    teacherLogits,
  };
  const dispose = () => {
    network.dispose();
    tf.dispose([batch.images, batch.targets, batch.labels, ...(teacherLogits ? [teacherLogits] : [])]);
  };
  const loss = hasTeacher
    ? distilled(softmaxCrossEntropy, { temperature: 3, weight: 0.5 })
    : softmaxCrossEntropy;
  return { network, batch, loss, dispose };
}

/** Returns a pass's values by name, including its running statistics, which are restored afterwards. */
function numbersOf(network: Network, pass: () => PassedBatch): Map<string, Float32Array> {
  const held = network.holdBuffers();
  const { measure, gradients } = pass();
  const read = [['measure', measure] as const, ...gradients, ...network.buffers].map(
    ([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()] as const,
  );
  tf.dispose([measure, ...gradients.values()]);
  held.restore();
  return new Map(read);
}

/** Returns the distance between two sets of values, relative to their norm. */
function distance(some: Float32Array, others: Float32Array): number {
  const norm = (value: (index: number) => number) =>
    Math.hypot(...Array.from(some, (_, index) => value(index)));
  return norm((i) => (some[i] as number) - (others[i] as number)) / (norm((i) => others[i] as number) || 1);
}

describe('an engine that does not compile', () => {
  test('says so, and computes nothing', async () => {
    await loadEngine('wasm');
    expect(compile([], () => expect.unreachable())).toBeNull();
  });
});

describe.runIf(PRESENT_ENGINES.includes('tensorflow'))('on tensorflow', () => {
  beforeAll(async () => {
    await loadEngine('tensorflow');
  });

  test.each<[string, object, Precision, number, boolean]>([
    ['a ResNet', { name: 'resnet8', width: 4 }, 'float32', 1e-4, false],
    ['one that learns from a teacher', { name: 'resnet8', width: 4 }, 'float32', 1e-4, true],
    ['one in bfloat16', { name: 'resnet8', width: 16 }, 'bfloat16', 0.05, false],
    ['one in float16', { name: 'resnet8', width: 4 }, 'float16', 0.05, false],
    ['a ResNet of bottlenecks', { name: 'resnet50', variant: 'D', width: 4 }, 'float32', 1e-3, false],
    ['one with dropout', { name: 'cnn' }, 'float32', 1e-4, false],
    ['one with dropout in bfloat16', { name: 'cnn' }, 'bfloat16', 0.05, false],
  ])('a compiled pass of %s gives the numbers of its ops, the same each time', (...row) => {
    const [, model, precision, tolerance, hasTeacher] = row;
    const before = tf.memory().numTensors;
    const { network, batch, loss, dispose } = partsOf(model, precision, hasTeacher);
    // The state of a trained network before the first step of a resumed training.
    network.predict(batch.images).dispose();
    const factor = tf.scalar(8);
    const masks = (seed: number) => network.drawMasks(4, Random.seeded(seed, 'dropout'));
    const expected = numbersOf(network, () => passBatch(network, batch, factor, loss, masks(1)));
    const compiled = CompiledBatchPass.compile(network, batch, factor, loss);
    if (!compiled) throw new Error('It is not compiled');
    const given = numbersOf(network, () => compiled.run(batch, factor, masks(1)));
    expect([...given.keys()]).toEqual([...expected.keys()]);
    for (const [name, some] of given) {
      expect(distance(some, expected.get(name) as Float32Array), name).toBeLessThan(tolerance);
    }
    expect(numbersOf(network, () => compiled.run(batch, factor, masks(1)))).toEqual(given);
    // Weights, images, masks and the loss factor are inputs. None of them is recorded as a constant.
    for (const [name, weight] of network.parameters) {
      network.assign(
        name,
        tf.tidy(() => tf.mul(weight, 0.9)),
      );
    }
    const other = { ...batch, images: tf.mul<tf.Tensor4D>(batch.images, 0.5) };
    const half = tf.scalar(4);
    const moved = numbersOf(network, () => compiled.run(other, half, masks(2)));
    for (const [name, some] of numbersOf(network, () => passBatch(network, other, half, loss, masks(2)))) {
      expect(distance(moved.get(name) as Float32Array, some), name).toBeLessThan(tolerance);
    }
    compiled.dispose();
    dispose();
    tf.dispose([factor, half, other.images]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a pass in half precision stays op by op where the library may not end it as a graph', async () => {
    const { halfFormats = [] } = await loadEngine('tensorflow');
    const backend = tf.backend() as TensorflowBackend;
    const factor = tf.scalar(1);
    const isCompiled = (precision: Precision) => {
      const { network, batch, loss, dispose } = partsOf({ name: 'resnet8' }, precision);
      const compiled = CompiledBatchPass.compile(network, batch, factor, loss);
      compiled?.dispose();
      dispose();
      return compiled !== null;
    };
    const asLoaded = backend.compilesHalves;
    for (const format of halfFormats) expect(isCompiled(format), format).toBe(asLoaded);
    backend.compilesHalves = false;
    for (const format of halfFormats) expect(isCompiled(format), format).toBe(false);
    expect(isCompiled('float32')).toBe(true);
    backend.compilesHalves = asLoaded;
    factor.dispose();
  });

  test.each([
    ['2.21.0', ['amx_bf16'], true],
    ['2.9.1', ['avx512_bf16'], true],
    ['2.9.1', ['avx512_bf16', 'amx_bf16'], false],
    ['2.9.1', null, false],
  ])('TensorFlow %s on a processor with %j compiles half precision: %s', (version, flags, expected) => {
    expect(compilesHalves(version, flags)).toBe(expected);
  });

  test('a pass compiled for some batches is not used for others', () => {
    const { network, batch, loss, dispose } = partsOf({ name: 'resnet8' });
    const factor = tf.scalar(1);
    const compiled = CompiledBatchPass.compile(network, batch, factor, loss);
    const fewer = tf.slice(batch.images, 0, 2);
    expect(compiled?.fits(batch)).toBe(true);
    expect(compiled?.fits({ ...batch, images: fewer })).toBe(false);
    compiled?.dispose();
    dispose();
    tf.dispose([factor, fewer]);
  });

  test('a computation that reads more than its inputs is not compiled', () => {
    const [x, other] = [tf.scalar(1), tf.scalar(2)];
    expect(compile([x], () => [tf.add(x, other)])).toBeNull();
    tf.dispose([x, other]);
  });

  test('an error in a computation fails its compilation', () => {
    const fail = () => {
      throw new Error('of its own');
    };
    expect(() => compile([], fail)).toThrow('of its own');
  });

  describe('with a folder for temporary files', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'compiled-'));
      vi.stubEnv('TMPDIR', folder);
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true, force: true });
    });

    test.each([
      ['', {}],
      [' with stochastic depth', { tricks: { stochastic_depth: { rate: 0.5 } } }],
      [' by AdamW', { optimizer: { name: 'adamw', base_lr: 0.001 } }],
      [' by LAMB', { optimizer: { name: 'lamb', base_lr: 0.001 } }],
      [' by LARS', { tricks: { lars: true } }],
    ])('a training%s leaks no tensor, no graph and no file', async (_, changes) => {
      const { binding } = tf.backend() as TensorflowBackend;
      const run = vi.spyOn(CompiledBatchPass.prototype, 'run');
      const update = vi.spyOn(JointUpdate.prototype, 'run');
      const before = [tf.memory().numTensors, binding.getNumOfSavedModels()];
      const { final, steps } = await trainHere(smallRecipe({ engine: 'tensorflow', ...changes }));
      expect(final.type).toBe('done');
      expect(run).toHaveBeenCalledTimes(steps.length);
      expect(update).toHaveBeenCalledTimes(steps.length);
      expect([tf.memory().numTensors, binding.getNumOfSavedModels()]).toEqual(before);
      expect(await readdir(folder)).toEqual([]);
      run.mockRestore();
      update.mockRestore();
    });

    test.skipIf(process.platform === 'win32')(
      'a training continues op by op if no file can be written',
      async () => {
        await rm(folder, { recursive: true });
        const run = vi.spyOn(CompiledBatchPass.prototype, 'run');
        const { final } = await trainHere(smallRecipe({ engine: 'tensorflow' }));
        expect(final.type).toBe('done');
        expect(run).not.toHaveBeenCalled();
        run.mockRestore();
      },
    );
  });
});
