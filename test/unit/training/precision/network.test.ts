import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../../../src/backends/index';
import type { HalfFormat, Precision } from '../../../../src/backends/precision/formats';
import { roundArray, roundToBfloat16, roundToHalf } from '../../../../src/backends/precision/round';
import { GraphBuilder } from '../../../../src/models/builder';
import { buffersOf, type Graph, parametersOf, sizeOf } from '../../../../src/models/graph';
import { cifarResNet } from '../../../../src/models/networks/cifarResNet';
import type { EngineName } from '../../../../src/recipe/engineNames';
import { allFinite } from '../../../../src/training/loop/allFinite';
import { Network } from '../../../../src/training/network/network';
import { type Values, values } from '../../support/numbers';

type Matrix = readonly (readonly number[])[];

describe.each<EngineName>(['cpu', 'wasm'])('a network in half precision on %s', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  it.each<HalfFormat>(['float16', 'bfloat16'])(
    'computes like float32 with each result rounded to %s',
    (format) => {
      const graph = smallGraph();
      const initial = initialValues(graph);
      const images = values([3, 2, 2, 2], 5);
      const dLogits = values([3, 2], 6);
      const hand = byHand(initial, images, dLogits, format);
      const { logits, predicted, gradients } = step(graph, initial, images, dLogits, format);
      expect(logits).toEqual(hand.logits);
      expect(predicted).toEqual(hand.predicted);
      for (const name of ['conv.weight', 'conv.bias', 'fc.weight', 'fc.bias']) {
        expect(gradients.get(name), name).toEqual(hand.gradients.get(name));
      }
      for (const name of ['bn.weight', 'bn.bias']) {
        const gradient = gradients.get(name) as number[];
        for (const [index, value] of gradient.entries()) {
          expect(value).toBeCloseTo(hand.gradients.get(name)?.[index] as number, 5);
        }
        // In float32: no half format can represent all of its digits.
        expect(gradient, name).not.toEqual([...roundArray(Float32Array.from(gradient), format)]);
      }
    },
  );

  it.each([
    ['float16', 2 ** -11],
    ['bfloat16', 2 ** -8],
  ] as const)('has the gradients of float32, but for a few roundings to %s', (format, unit) => {
    const graph = smallGraph();
    const initial = initialValues(graph);
    const compute = (precision: Precision) =>
      step(graph, initial, values([3, 2, 2, 2], 5), values([3, 2], 6), precision).gradients;
    const exact = compute('float32');
    for (const [name, gradient] of compute(format)) {
      expect(relativeError(gradient, exact.get(name) as number[]), name).toBeLessThan(4 * unit);
    }
  });

  it('keeps its parameters in float32, and computes with an update at once', async () => {
    const graph = smallGraph();
    const initial = initialValues(graph);
    const network = new Network(graph, initial, 'float16');
    const images = tensor(values([3, 2, 2, 2], 5)) as tf.Tensor4D;
    network.predict(images).dispose();
    expect(await network.read()).toEqual(initial);
    const changed = new Map(initial).set('fc.weight', Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6));
    network.assign('fc.weight', tf.tensor2d(changed.get('fc.weight') as Float32Array, [3, 2]));
    const fresh = new Network(graph, changed, 'float16');
    expect(numbersOf(network.predict(images))).toEqual(numbersOf(fresh.predict(images)));
    network.dispose();
    fresh.dispose();
    images.dispose();
  });

  it('rounds its parameters once a step, leaves no tensor, and keeps what it rounded out of a tidy', () => {
    const before = tf.memory().numTensors;
    const graph = smallGraph();
    const network = new Network(graph, initialValues(graph), 'float16');
    const images = tensor(values([3, 2, 2, 2], 5)) as tf.Tensor4D;
    const dLogits = tensor(values([3, 2], 6)) as tf.Tensor2D;
    const owned = tf.memory().numTensors;
    for (let count = 0; count < 20; count++) {
      tf.dispose(tf.tidy(() => network.predict(images)));
      const halves = 4;
      expect(tf.memory().numTensors).toBe(owned + halves);
      const gradients = network.forward(images).backward(dLogits);
      network.predict(images).dispose();
      expect(tf.memory().numTensors).toBe(owned + halves + gradients.size);
      for (const [name, gradient] of gradients) network.assign(name, gradient);
      expect(tf.memory().numTensors).toBe(owned);
    }
    tf.dispose([images, dLogits]);
    network.predict(tf.zeros([1, 2, 2, 2])).dispose();
    network.dispose();
    // The zeros created above.
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it('overflows where half does, to gradients that are not finite', async () => {
    const graph = smallGraph();
    const initial = initialValues(graph);
    const images = values([3, 2, 2, 2], 5);
    const large = { ...values([3, 2], 6), data: values([3, 2], 6).data.map((value) => value * 60_000) };
    const finite = async (precision: Precision, parameters: typeof initial, dLogits: Values) => {
      const { gradients } = step(graph, parameters, images, dLogits, precision);
      const tensors = [...gradients.values()].map((gradient) => tf.tensor1d(gradient));
      const all = await allFinite(tensors);
      tf.dispose(tensors);
      return all;
    };
    const moderate = values([3, 2], 6);
    const heavy = new Map(initial).set('conv.weight', new Float32Array(6).fill(60_000));
    expect(await finite('float16', initial, moderate)).toBe(true);
    for (const precision of ['float32', 'bfloat16'] as const) {
      expect(await finite(precision, initial, large), precision).toBe(true);
      expect(await finite(precision, heavy, moderate), precision).toBe(true);
    }
    expect(await finite('float16', initial, large), 'a gradient past 65504').toBe(false);
    expect(await finite('float16', heavy, moderate), 'an activation past 65504').toBe(false);
  });

  it('loses small gradients that a scaled loss keeps', () => {
    const graph = smallGraph();
    const initial = initialValues(graph);
    const images = values([3, 2, 2, 2], 5);
    const { shape, data } = values([3, 2], 6);
    const small = { shape, data: data.map((value) => value * 2 ** -27) };
    const scaled = { shape, data: small.data.map((value) => value * 65536) };
    const kernel = (dLogits: Values, precision: Precision) =>
      step(graph, initial, images, dLogits, precision).gradients.get('fc.weight') as number[];
    expect(kernel(small, 'float16').every((value) => value === 0)).toBe(true);
    const exact = kernel(small, 'float32');
    for (const [index, value] of kernel(scaled, 'float16').entries()) {
      expect(Math.abs(value / 65536 / (exact[index] as number) - 1)).toBeLessThan(0.01);
    }
  });
});

describe('ResNet-20 in half precision', () => {
  const graph = cifarResNet('resnet20', [8, 8, 3], 10, { width: 8 });
  const initial = initialValues(graph);
  const images = values([16, 8, 8, 3], 5);
  const dLogits = values([16, 10], 6);
  const compute = (precision: Precision) => step(graph, initial, images, dLogits, precision);

  beforeAll(async () => {
    await loadEngine('wasm');
  });

  // A deep network amplifies rounding errors, most where values cross the zero of a ReLU. float32 with rounded
  // parameters shows by how much.
  it.each<HalfFormat>(['float16', 'bfloat16'])(
    'is as far from float32 as roundings to %s take it',
    (format) => {
      const flat = ({ gradients }: ReturnType<typeof step>) => [...gradients.values()].flat();
      const perturbed = new Map([...initial].map(([name, value]) => [name, roundArray(value, format)]));
      const exact = flat(compute('float32'));
      const distance = relativeError(flat(step(graph, perturbed, images, dLogits, 'float32')), exact);
      const error = relativeError(flat(compute(format)), exact);
      expect(error / distance).toBeGreaterThan(0.5);
      expect(error / distance).toBeLessThan(2);
    },
  );

  it('has kernel and bias gradients that are halves', () => {
    const { gradients, logits } = compute('float16');
    expect(logits).toEqual(logits.map(roundToHalf));
    for (const { name, kind } of parametersOf(graph)) {
      const gradient = gradients.get(name) as number[];
      const isHalf = gradient.every((value) => roundToHalf(value) === value);
      expect(isHalf, name).toBe(kind === 'kernel' || kind === 'bias');
    }
  });

  it('computes the same bits again', () => {
    expect(compute('float16')).toEqual(compute('float16'));
    expect(compute('bfloat16')).toEqual(compute('bfloat16'));
  });
});

/** A convolution, a batch norm next to a shortcut, a pool and a classifier. */
function smallGraph(): Graph {
  const builder = new GraphBuilder([2, 2, 2]);
  const convolved = builder.convolution('conv', builder.input, 3, {
    kernelSize: 1,
    bias: { kind: 'constant', value: 0 },
  });
  const sum = builder.relu(builder.add(builder.batchNorm('bn', convolved), convolved));
  const pooled = builder.pool('average', sum, { size: 2, stride: 2 });
  return builder.build(builder.dense('fc', builder.flatten(pooled), 2));
}

/** Computes `smallGraph` in plain arithmetic, forward and backward, from the definitions of its layers. */
function byHand(
  parameters: ReadonlyMap<string, Float32Array>,
  images: Values,
  dLogits: Values,
  format: HalfFormat,
) {
  const round = format === 'float16' ? roundToHalf : roundToBfloat16;
  const each = (matrix: Matrix, change: (value: number, row: number, column: number) => number): Matrix =>
    matrix.map((row, i) => row.map((value, j) => change(value, i, j)));
  const rounded = (matrix: Matrix) => each(matrix, round);
  const rows = (data: Iterable<number>, width: number): Matrix => {
    const flat = [...data];
    return Array.from({ length: flat.length / width }, (_, row) =>
      flat.slice(row * width, (row + 1) * width),
    );
  };
  const parameter = (name: string) => parameters.get(name) as Float32Array;
  const at = (matrix: Matrix, row: number, column: number) => matrix[row]?.[column] as number;
  const columns = (matrix: Matrix) => transposed(matrix).map((column) => column.reduce((a, b) => a + b, 0));

  const x = rounded(rows(images.data, 2));
  const kernel = rounded(rows(parameter('conv.weight'), 3));
  const bias = roundArray(parameter('conv.bias'), format);
  const weights = rounded(rows(parameter('fc.weight'), 2));
  const shift = roundArray(parameter('fc.bias'), format);
  const [gamma, beta] = [parameter('bn.weight'), parameter('bn.bias')];
  const pixels = x.length;

  const c = rounded(each(product(x, kernel), (value, _row, j) => value + (bias[j] as number)));
  const mean = columns(c).map((sum) => sum / pixels);
  const centred = each(c, (value, _row, j) => value - (mean[j] as number));
  const variance = columns(each(centred, (value) => value ** 2)).map((sum) => sum / pixels);
  const rest = (from: readonly number[], spread: readonly number[]) => {
    const normalized = each(
      c,
      (value, _row, j) => (value - (from[j] as number)) / Math.sqrt((spread[j] as number) + 1e-5),
    );
    const n = rounded(
      each(normalized, (value, _row, j) => value * (gamma[j] as number) + (beta[j] as number)),
    );
    const sum = each(rounded(each(n, (value, i, j) => value + at(c, i, j))), (value) => Math.max(value, 0));
    const pooled = rounded(
      Array.from({ length: pixels / 4 }, (_, image) =>
        columns(sum.slice(4 * image, 4 * image + 4)).map((value) => value / 4),
      ),
    );
    const logits = rounded(each(product(pooled, weights), (value, _row, j) => value + (shift[j] as number)));
    return { normalized, sum, pooled, logits };
  };
  const { normalized, sum, pooled, logits } = rest(mean, variance);

  const d = rounded(rows(dLogits.data, 2));
  const dPooled = rounded(product(d, transposed(weights)));
  const dPixel = rounded(each(dPooled, (value) => value / 4));
  const dSum = each(sum, (value, i, j) => (value > 0 ? at(dPixel, i >> 2, j) : 0));
  const dBeta = columns(dSum);
  const dGamma = columns(each(dSum, (value, i, j) => value * at(normalized, i, j)));
  const dNorm = rounded(
    each(dSum, (value, i, j) => {
      const along = ((dBeta[j] as number) + at(normalized, i, j) * (dGamma[j] as number)) / pixels;
      return ((gamma[j] as number) / Math.sqrt((variance[j] as number) + 1e-5)) * (value - along);
    }),
  );
  const dConvolved = rounded(each(dNorm, (value, i, j) => value + at(dSum, i, j)));

  const running = {
    mean: mean.map((value) => 0.1 * value),
    variance: variance.map((value) => 0.9 + (0.1 * value * pixels) / (pixels - 1)),
  };
  return {
    logits: logits.flat(),
    predicted: rest(running.mean, running.variance).logits.flat(),
    gradients: new Map([
      ['conv.weight', rounded(product(transposed(x), dConvolved)).flat()],
      ['conv.bias', columns(dConvolved).map(round)],
      ['bn.weight', dGamma],
      ['bn.bias', dBeta],
      ['fc.weight', rounded(product(transposed(pooled), d)).flat()],
      ['fc.bias', columns(d).map(round)],
    ]),
  };
}

function product(left: Matrix, right: Matrix): Matrix {
  return left.map((row) =>
    transposed(right).map((column) => row.reduce((sum, value, k) => sum + value * (column[k] as number), 0)),
  );
}

function transposed(matrix: Matrix): Matrix {
  return (matrix[0] ?? []).map((_, column) => matrix.map((row) => row[column] as number));
}

/** Runs a training pass, then predicts with the running statistics from that pass. */
function step(
  graph: Graph,
  initial: ReadonlyMap<string, Float32Array>,
  images: Values,
  dLogits: Values,
  precision: Precision,
) {
  const before = tf.memory().numTensors;
  const network = new Network(graph, initial, precision);
  const x = tensor(images) as tf.Tensor4D;
  const upstream = tensor(dLogits) as tf.Tensor2D;
  const pass = network.forward(x);
  const logits = [...pass.logits.dataSync<'float32'>()];
  const gradients = pass.backward(upstream);
  const result = {
    logits,
    predicted: numbersOf(network.predict(x)),
    gradients: new Map([...gradients].map(([name, gradient]) => [name, numbersOf(gradient)])),
  };
  tf.dispose([x, upstream]);
  network.dispose();
  expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
  return result;
}

/** Random parameters, gammas near 1, and new buffers. */
function initialValues(graph: Graph): Map<string, Float32Array> {
  const parameters = parametersOf(graph).map(({ name, kind, shape, initializer }, index) => {
    const { data } = values([...shape], 100 + index);
    if (kind === 'gamma') return [name, data.map((value) => 1 + value / 5)] as const;
    const deviation = initializer.kind === 'he_normal' ? Math.sqrt(2 / initializer.fan) : 0.5;
    return [name, data.map((value) => value * deviation)] as const;
  });
  const buffers = buffersOf(graph).map(
    ({ name, shape, value }) => [name, new Float32Array(sizeOf(shape)).fill(value)] as const,
  );
  return new Map([...parameters, ...buffers]);
}

function tensor({ shape, data }: Values): tf.Tensor {
  return tf.tensor(data.slice(), shape);
}

/** Reads a tensor and disposes it. */
function numbersOf(read: tf.Tensor): number[] {
  const numbers = [...read.dataSync<'float32'>()];
  read.dispose();
  return numbers;
}

/** Returns the norm of the difference relative to the norm of the expected values. */
function relativeError(actual: readonly number[], expected: readonly number[]): number {
  const differences = actual.map((value, index) => value - (expected[index] as number));
  return Math.hypot(...differences) / Math.hypot(...expected);
}
