import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { DawnBackend } from '../../../src/backends/webgpu/backend';
import { constant, GraphBuilder } from '../../../src/models/builder';
import { buffersOf, type Graph, type LayerId, parametersOf } from '../../../src/models/graph';
import { plan } from '../../../src/models/plan';
import type { EngineName } from '../../../src/recipe/engineNames';
import { Network } from '../../../src/training/network/network';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { Random } from '../../../src/training/random';
import { dot, type Values, values } from '../support/numbers';
import { PRESENT_ENGINES } from '../support/presentEngines';

describe.each(PRESENT_ENGINES)('network on %s', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  // SwiftShader, which webgpu is tested on, is too slow for these. Its gradients are compared with the other engines'
  // below.
  it.runIf(engine !== 'webgpu').each([
    ['of residual blocks', smallNetwork],
    ['of branches and dropout', branchedNetwork],
  ])(
    'has the gradients that finite differences show, parameter by parameter, in a network %s',
    async (_name, build) => {
      const graph = build();
      const initial = initialValues(graph);
      const { gradients } = await step(graph, initial);
      for (const { name, shape } of parametersOf(graph)) {
        const direction = values([...shape], 77);
        const moved = (by: number) =>
          new Map(initial).set(
            name,
            (initial.get(name) as Float32Array).map(
              (value, at) => value + by * (direction.data[at] as number),
            ),
          );
        const reach = 2e-3;
        const lossAt = async (by: number) => (await step(graph, moved(by))).loss;
        const numeric = ((await lossAt(reach)) - (await lossAt(-reach))) / (2 * reach);
        const analytic = dot(gradients.get(name) as Values, direction);
        expect(Math.abs(numeric - analytic), `${name}: ${numeric}, not ${analytic}`).toBeLessThan(
          0.02 * Math.max(0.05, Math.abs(numeric)),
        );
      }
    },
  );

  it('computes the same bits again', async () => {
    const graph = branchedNetwork();
    const initial = initialValues(graph);
    expect(await step(graph, initial)).toEqual(await step(graph, initial));
  });

  it('keeps the count and the bytes of tensors, and the memory under them, from step 10 to the last', async () => {
    const builder = new GraphBuilder([4, 4, 2]);
    const block = identityBlock(builder, builder.input);
    const narrowed = builder.convolution('narrow', block, 2, { kernelSize: 3, stride: 2 });
    const graph = builder.build(builder.dense('fc', builder.globalAveragePool(narrowed), 3));
    const network = new Network(graph, initialValues(graph));
    const images = tensor(values([4, 4, 4, 2], 5)) as tf.Tensor4D;
    const targets = oneHot([0, 1, 2, 0]);
    const usage = () => {
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      return { numTensors, numDataBuffers, numBytes, heap: heapBytes(engine) };
    };
    const train = async () => {
      const pass = network.forward(images);
      const { loss, dLogits } = softmaxCrossEntropy(pass.logits, targets);
      const gradients = pass.backward(dLogits);
      for (const [name, gradient] of gradients) {
        const parameter = network.parameters.get(name) as tf.Tensor;
        network.assign(
          name,
          tf.tidy(() => tf.sub(parameter, tf.mul(gradient, 0.01))),
        );
      }
      network.predict(images).dispose();
      // As in training: an engine that computes in the background must not run out of room for queued commands.
      await loss.data();
      tf.dispose([loss, dLogits, ...gradients.values()]);
    };
    for (let count = 0; count < 10; count++) await train();
    const early = usage();
    // SwiftShader is far slower per step than the others.
    const steps = engine === 'webgpu' ? 40 : 1000;
    for (let count = 10; count < steps; count++) await train();
    expect(usage()).toEqual(early);
    network.dispose();
    tf.dispose([images, targets]);
  });

  it('frees everything when a pass ends without a backward pass, and when the network does', () => {
    const before = tf.memory().numTensors;
    const graph = branchedNetwork();
    const network = new Network(graph, initialValues(graph));
    const images = tensor(values([3, 6, 6, 2], 5)) as tf.Tensor4D;
    const pass = network.forward(images, network.drawMasks(images.shape[0], Random.seeded(1, 'dropout')));
    pass.dispose();
    pass.dispose();
    images.dispose();
    expect(tf.memory().numTensors).toBe(before + network.parameters.size + network.buffers.size);
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  describe('an identity block whose last gamma is 0', () => {
    const builder = new GraphBuilder([5, 4, 3]);
    const graph = builder.build(builder.flatten(identityBlock(builder, builder.input)));
    const initial = initialValues(graph)
      .set('block.bn2.weight', new Float32Array(3))
      .set('block.bn2.bias', new Float32Array(3));
    const x = values([2, 5, 4, 3], 5);

    it('returns relu(x) exactly', async () => {
      const network = new Network(graph, initial);
      const images = tensor(x) as tf.Tensor4D;
      const pass = network.forward(images);
      expect([...(await pass.logits.data())]).toEqual([...x.data].map((value) => Math.max(value, 0)));
      pass.dispose();
      tf.dispose(images);
      network.dispose();
    });

    it('sends exactly no gradient into the branch, and some to its last norm', async () => {
      const network = new Network(graph, initial);
      const images = tensor(x) as tf.Tensor4D;
      const pass = network.forward(images);
      const dLogits = tensor(values([2, 60], 6)) as tf.Tensor2D;
      const gradients = pass.backward(dLogits);
      const allZero = await Promise.all(
        [...gradients].map(async ([name, gradient]) => [
          name,
          (await gradient.data()).every((value) => value === 0),
        ]),
      );
      expect(Object.fromEntries(allZero)).toEqual({
        'block.conv1.weight': true,
        'block.bn1.weight': true,
        'block.bn1.bias': true,
        'block.conv2.weight': true,
        'block.bn2.weight': false,
        'block.bn2.bias': false,
      });
      tf.dispose([images, dLogits, ...gradients.values()]);
      network.dispose();
    });
  });

  describe('stochastic depth', () => {
    const builder = new GraphBuilder([2, 2, 1]);
    const doubled = builder.convolution('conv', builder.input, 1, { kernelSize: 1 });
    const sum = builder.add(builder.dropout(doubled, { rate: 0.5, per: 'image' }), builder.input);
    const graph = builder.build(builder.flatten(sum));
    const initial = new Map([['conv.weight', Float32Array.of(2)]]);
    const x = values([40, 2, 2, 1], 5);
    const multiplesOf = async (output: tf.Tensor) => {
      const factors = [...(await output.data())].map((value, index) => value / (x.data[index] as number));
      return Array.from({ length: 40 }, (_, image) => factors.slice(4 * image, 4 * image + 4));
    };

    it('drops the branch of some images, and scales it for the others', async () => {
      const network = new Network(graph, initial);
      const images = tensor(x) as tf.Tensor4D;
      const pass = network.forward(images, network.drawMasks(images.shape[0], Random.seeded(1, 'dropout')));
      const multiples = await multiplesOf(pass.logits);
      // x + 0, or x + 2 x / (1 - 0.5).
      for (const image of multiples) {
        const expected = (image[0] as number) < 3 ? 1 : 5;
        for (const factor of image) expect(factor).toBeCloseTo(expected, 5);
      }
      const left = multiples.filter(([factor]) => Math.round(factor as number) === 5).length;
      expect(left).toBeGreaterThan(8);
      expect(left).toBeLessThan(32);
      pass.dispose();
      tf.dispose(images);
      network.dispose();
    });

    it('has every branch, unscaled, in use', async () => {
      const network = new Network(graph, initial);
      const images = tensor(x) as tf.Tensor4D;
      const logits = network.predict(images);
      for (const factor of (await multiplesOf(logits)).flat()) expect(factor).toBeCloseTo(3, 5);
      tf.dispose([images, logits]);
      network.dispose();
    });

    it('draws again at each pass, from the given stream', async () => {
      const network = new Network(graph, initial);
      const images = tensor(x) as tf.Tensor4D;
      const outputs = async (random: Random) => {
        const passes = [0, 1].map(() => network.forward(images, network.drawMasks(images.shape[0], random)));
        const both = await Promise.all(passes.map(async ({ logits }) => [...(await logits.data())]));
        for (const pass of passes) pass.dispose();
        return both;
      };
      const [first, second] = await outputs(Random.seeded(1, 'dropout'));
      expect(second).not.toEqual(first);
      expect(await outputs(Random.seeded(1, 'dropout'))).toEqual([first, second]);
      expect(() => network.forward(images)).toThrow('random numbers');
      tf.dispose(images);
      network.dispose();
    });
  });

  describe('batch norm', () => {
    const builder = new GraphBuilder([2, 1, 1]);
    const graph = builder.build(builder.flatten(builder.batchNorm('bn', builder.input)));
    const batch = { shape: [2, 2, 1, 1], data: Float32Array.of(1, 2, 3, 6) };

    it('trains on the batch statistics and predicts by the running ones', async () => {
      const neutral = new Map([
        ['bn.weight', Float32Array.of(1)],
        ['bn.bias', Float32Array.of(0)],
      ]);
      const network = new Network(graph, new Map([...initialValues(graph), ...neutral]));
      const images = tensor(batch) as tf.Tensor4D;
      const pass = network.forward(images);
      // Mean 3, biased variance 3.5, unbiased variance 14 / 3.
      await expectValues(
        pass.logits,
        [1, 2, 3, 6].map((x) => (x - 3) / Math.sqrt(3.5 + 1e-5)),
      );
      const state = await network.read();
      expect(state.get('bn.running_mean')?.[0]).toBeCloseTo(0.3, 6);
      expect(state.get('bn.running_var')?.[0]).toBeCloseTo(0.9 + 0.1 * (14 / 3), 6);
      const logits = network.predict(images);
      await expectValues(
        logits,
        [1, 2, 3, 6].map((x) => (x - 0.3) / Math.sqrt(0.9 + 0.1 * (14 / 3) + 1e-5)),
      );
      expect(await network.read()).toEqual(state);
      pass.dispose();
      tf.dispose([images, logits]);
      network.dispose();
    });
  });

  it('restores running statistics after passes, or keeps them', async () => {
    const graph = smallNetwork();
    const network = new Network(graph, initialValues(graph));
    const images = tensor(values([3, 6, 6, 2], 5)) as tf.Tensor4D;
    network.forward(images).dispose();
    const before = await network.read();
    const count = tf.memory().numTensors;
    const undone = network.holdBuffers();
    network.forward(images).dispose();
    const once = await network.read();
    network.forward(tf.mul(images, Number.POSITIVE_INFINITY)).dispose();
    expect(await network.read()).not.toEqual(once);
    undone.restore();
    expect(await network.read()).toEqual(before);
    const stood = network.holdBuffers();
    network.forward(images).dispose();
    stood.dispose();
    expect(await network.read()).toEqual(once);
    expect(once).not.toEqual(before);
    // The images with infinite values.
    expect(tf.memory().numTensors).toBe(count + 1);
    images.dispose();
    network.dispose();
  });

  it('reads its values as given, and the new ones after an assignment', async () => {
    const graph = smallNetwork();
    const initial = initialValues(graph);
    const network = new Network(graph, initial);
    expect(await network.read()).toEqual(initial);
    const count = tf.memory().numTensors;
    network.assign('fc.bias', tf.tensor1d([7, 8, 9]));
    expect(tf.memory().numTensors).toBe(count);
    expect((await network.read()).get('fc.bias')).toEqual(Float32Array.of(7, 8, 9));
    network.dispose();
  });

  it('refuses values that are missing or of another size', () => {
    const graph = smallNetwork();
    const network = new Network(graph, initialValues(graph));
    const wrong = tf.tensor1d([1]);
    expect(() => network.assign('fc.bias', wrong)).toThrow('fc.bias has the shape [3], not [1]');
    expect(() => network.assign('nowhere', wrong)).toThrow('nowhere');
    const short = initialValues(graph).set('fc.bias', new Float32Array(2));
    expect(() => new Network(graph, short)).toThrow('fc.bias has 2 values, not those of [3]');
    network.dispose();
    wrong.dispose();
  });
});

describe.each(PRESENT_ENGINES.filter((engine) => engine !== 'cpu'))('a training step on %s', (engine) => {
  it.each([
    ['of residual blocks', smallNetwork],
    ['of branches and dropout', branchedNetwork],
  ])('is that on cpu, in a network %s', async (_name, build) => {
    const graph = build();
    await loadEngine('cpu');
    const onCpu = await step(graph, initialValues(graph));
    await loadEngine(engine);
    const here = await step(graph, initialValues(graph));
    expect(here.loss).toBeCloseTo(onCpu.loss, 5);
    for (const [name, gradient] of onCpu.gradients) {
      for (const [index, value] of gradient.data.entries()) {
        expect(here.gradients.get(name)?.data[index], name).toBeCloseTo(value, 4);
      }
    }
  });
});

describe('plan', () => {
  const outline = (graph: Graph) =>
    plan(graph).map(({ layer, activation, output }) => `${layer.kind} ${activation} ${output}`);

  it('fuses a ReLU into the batch norm or the addition that only it reads', () => {
    const builder = new GraphBuilder([4, 4, 2]);
    const graph = builder.build(identityBlock(builder, builder.input));
    expect(outline(graph)).toEqual([
      'conv2d linear 1',
      'batch_norm relu 3',
      'conv2d linear 4',
      'batch_norm linear 5',
      'add relu 7',
    ]);
  });

  it('does not fuse a ReLU if another step reads its input', () => {
    const builder = new GraphBuilder([4, 4, 2]);
    const norm = builder.batchNorm('bn', builder.input);
    const graph = builder.build(builder.add(norm, builder.relu(norm)));
    expect(outline(graph)).toEqual(['batch_norm linear 1', 'relu linear 2', 'add linear 3']);
  });

  it('requests no gradient of the images', () => {
    const builder = new GraphBuilder([4, 4, 2]);
    const graph = builder.build(identityBlock(builder, builder.input));
    expect(plan(graph).map(({ needsGradient }) => needsGradient)).toEqual([
      [false],
      [true],
      [true],
      [true],
      [true, false],
    ]);
  });
});

/** Every kind of layer, residual blocks that keep their shape and that change it, odd sizes. */
function smallNetwork(): Graph {
  const builder = new GraphBuilder([6, 6, 2]);
  let x = builder.convolution('stem', builder.input, 4, { kernelSize: 3, bias: constant(0) });
  x = builder.pool('max', x, { size: 3, stride: 2, padding: 1 });
  x = identityBlock(builder, x);
  const shortcut = builder.batchNorm(
    'down.bn',
    builder.convolution('down.conv', builder.pool('average', x, { size: 2, stride: 1 }), 6, {
      kernelSize: 1,
      stride: 2,
    }),
  );
  let branch = builder.convolution('branch.depthwise', x, 4, { kernelSize: 3, groups: 4, padding: 0 });
  branch = builder.relu(builder.convolution('branch.pointwise', branch, 6, { kernelSize: 1 }));
  x = builder.relu(builder.add(shortcut, branch));
  const features = builder.flatten(x);
  return builder.build(builder.dense('fc', features, 3));
}

/** The additional layers of Inception, DenseNet and VGG: branches, kernels of other shapes, more pools, dropout. */
function branchedNetwork(): Graph {
  const builder = new GraphBuilder([6, 6, 2]);
  const stem = builder.relu(builder.convolution('stem', builder.input, 4, { kernelSize: 3, padding: 0 }));
  const seven = builder.convolution('seven.vertical', stem, 3, { kernelSize: [7, 1] });
  const branches = [
    builder.convolution('one', stem, 2, { kernelSize: 1 }),
    builder.batchNorm('seven.bn', builder.convolution('seven.horizontal', seven, 3, { kernelSize: [1, 7] })),
    builder.pool('average', stem, { size: 3, stride: 1, padding: 1, countsPadding: true }),
    stem,
  ];
  let x = builder.relu(builder.batchNorm('bn', builder.concat(branches)));
  const channels = builder.imageShape(x)[2];
  const branch = builder.batchNorm(
    'branch.bn',
    builder.convolution('branch', x, channels, { kernelSize: 1 }),
  );
  x = builder.relu(builder.add(builder.dropout(branch, { rate: 0.4, per: 'image' }), x));
  x = builder.adaptiveAveragePool(builder.pool('max', x, { size: 2, stride: 1 }), [2, 4]);
  const features = builder.dropout(builder.globalAveragePool(x), { rate: 0.3, per: 'value' });
  return builder.build(builder.dense('fc', features, 3));
}

function identityBlock(builder: GraphBuilder, input: LayerId): LayerId {
  const channels = builder.imageShape(input)[2];
  let x = builder.convolution('block.conv1', input, channels, { kernelSize: 3 });
  x = builder.relu(builder.batchNorm('block.bn1', x));
  x = builder.convolution('block.conv2', x, channels, { kernelSize: 3 });
  x = builder.batchNorm('block.bn2', x, { endsResidualBranch: true });
  return builder.relu(builder.add(x, input));
}

/** Random parameters, gammas near 1, and new buffers. */
function initialValues(graph: Graph): Map<string, Float32Array> {
  const parameters = parametersOf(graph).map(({ name, kind, shape }, index) => {
    const { data } = values([...shape], 100 + index);
    return [name, kind === 'gamma' ? data.map((value) => 1 + value / 5) : data] as const;
  });
  const buffers = buffersOf(graph).map(
    ({ name, shape, value }) => [name, new Float32Array(shape[0] ?? 0).fill(value)] as const,
  );
  return new Map([...parameters, ...buffers]);
}

/** Runs one forward and backward pass on fixed images of three classes. Returns the loss and the gradients. */
async function step(graph: Graph, initial: ReadonlyMap<string, Float32Array>) {
  const before = tf.memory().numTensors;
  const network = new Network(graph, initial);
  const images = tensor(values([3, 6, 6, 2], 5)) as tf.Tensor4D;
  const targets = oneHot([0, 1, 2]);
  const pass = network.forward(images, network.drawMasks(images.shape[0], Random.seeded(1, 'dropout')));
  const { loss, dLogits } = softmaxCrossEntropy(pass.logits, targets);
  const gradients = pass.backward(dLogits);
  const result = {
    loss: (await loss.data())[0] as number,
    gradients: new Map(
      await Promise.all(
        [...gradients].map(
          async ([name, gradient]): Promise<[string, Values]> => [
            name,
            { shape: gradient.shape, data: (await gradient.data<'float32'>()).slice() },
          ],
        ),
      ),
    ),
  };
  tf.dispose([images, targets, loss, dLogits, ...gradients.values()]);
  network.dispose();
  expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
  return result;
}

/**
 * Returns the memory that TensorFlow.js does not count: the wasm engine's whole memory, and the buffers that webgpu
 * keeps for reuse.
 */
function heapBytes(engine: EngineName): number {
  if (engine === 'wasm')
    return (tf.backend() as BackendWasm & { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
  if (engine === 'webgpu') return (tf.backend() as DawnBackend).memory().numBytesAllocatedInGPU;
  return 0;
}

function tensor({ shape, data }: Values): tf.Tensor {
  return tf.tensor(data.slice(), shape);
}

function oneHot(labels: readonly number[]): tf.Tensor2D {
  return tf.tensor2d(labels.map((label) => [0, 1, 2].map((index) => (index === label ? 1 : 0))));
}

async function expectValues(actual: tf.Tensor, expected: readonly number[]): Promise<void> {
  for (const [index, value] of (await actual.data()).entries())
    expect(value).toBeCloseTo(expected[index] ?? 0, 5);
}
