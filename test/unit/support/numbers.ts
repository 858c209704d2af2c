import '@tensorflow/tfjs-core/dist/register_all_gradients';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { EngineName } from '../../../src/recipe/engineNames';

/** Values with their shape, independent of any engine. */
export interface Values {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** Returns reproducible, distinct values of about unit magnitude (mulberry32). */
export function values(shape: number[], seed: number): Values {
  let state = seed;
  const data = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * 3 - 1.5;
  });
  return { shape, data };
}

/**
 * Computes on an engine: creates tensors from the inputs, reads back everything that `compute` returns, and checks that
 * no tensor leaks.
 */
export async function on<const Outputs extends readonly tf.Tensor[]>(
  engine: EngineName,
  inputs: readonly Values[],
  // biome-ignore lint/suspicious/noExplicitAny: each op takes tensors of its own ranks
  compute: (...tensors: any[]) => Outputs,
): Promise<{ [Index in keyof Outputs]: Values }> {
  if (tf.getBackend() !== engine) await loadEngine(engine);
  const before = tf.memory().numTensors;
  const tensors = inputs.map(({ shape, data }) => tf.tensor(data.slice(), shape));
  const outputs = compute(...tensors);
  const results = await Promise.all(outputs.map(read));
  tf.dispose([...tensors, ...outputs]);
  expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
  return results as { [Index in keyof Outputs]: Values };
}

/**
 * The reference: a function of plain TensorFlow.js operations and its gradients under `dy`, from the cpu backend's
 * automatic differentiation.
 */
export async function reference(
  inputs: readonly Values[],
  // biome-ignore lint/suspicious/noExplicitAny: as above
  compute: (...tensors: any[]) => tf.Tensor,
  dy?: Values,
): Promise<{ output: Values; gradients: Values[] }> {
  await loadEngine('cpu');
  const tensors = inputs.map(({ shape, data }) => tf.tensor(data.slice(), shape));
  const upstream = dy ? tf.tensor(dy.data.slice(), dy.shape) : undefined;
  const { value, grads } = tf.valueAndGrads(compute)(tensors, upstream);
  const result = { output: await read(value), gradients: await Promise.all(grads.map(read)) };
  tf.dispose([...tensors, ...grads, value, upstream ?? []]);
  return result;
}

async function read(tensor: tf.Tensor): Promise<Values> {
  return { shape: tensor.shape, data: (await tensor.data<'float32'>()).slice() };
}

/** Expects equal shapes, and values equal up to the summation order of float32. */
export function expectClose(actual: Values, expected: Values, tolerance = 2e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const scale = 1 + expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [index, value] of expected.data.entries()) {
    const difference = Math.abs((actual.data[index] ?? Number.NaN) - value);
    if (!(difference <= tolerance * scale)) {
      expect.fail(`value ${index} is ${actual.data[index]}, not ${value} (values reach ${scale})`);
    }
  }
}

/**
 * Compares gradients with finite differences of a scalar function along a random direction through all inputs. An error
 * in any input shows.
 */
export async function expectFiniteDifferences(
  inputs: readonly Values[],
  gradients: readonly Values[],
  loss: (inputs: readonly Values[]) => Promise<number>,
  { step = 1e-2, tolerance = 1e-2 } = {},
): Promise<void> {
  const directions = inputs.map(({ shape }, index) => values(shape, 1000 + index));
  const moved = (by: number) =>
    inputs.map(({ shape, data }, index) => ({
      shape,
      data: data.map((value, at) => value + by * (directions[index]?.data[at] ?? 0)),
    }));
  const numeric = ((await loss(moved(step))) - (await loss(moved(-step)))) / (2 * step);
  const analytic = gradients.reduce((sum, gradient, index) => sum + dot(gradient, directions[index]), 0);
  expect(Math.abs(numeric - analytic), `${numeric} by differences, ${analytic} by the op`).toBeLessThan(
    tolerance * Math.max(1, Math.abs(numeric)),
  );
}

export function dot(left: Values, right: Values | undefined): number {
  return left.data.reduce((sum, value, index) => sum + value * (right?.data[index] ?? Number.NaN), 0);
}
