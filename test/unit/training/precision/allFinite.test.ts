import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../../../src/backends/index';
import { allFinite } from '../../../../src/training/loop/allFinite';
import { PRESENT_ENGINES } from '../../support/presentEngines';

describe.each(PRESENT_ENGINES)('the check for finite gradients on %s', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  /** Checks gradients of several shapes, with one value at one index among them. */
  const check = async (value: number, tensor: number, index: number) => {
    const before = tf.memory().numTensors;
    const shapes = [[3, 3, 5, 7], [1], [129]];
    const gradients = shapes.map((shape, each) => {
      const data = new Float32Array(tf.util.sizeFromShape(shape)).fill(-2.5);
      if (each === tensor) data[index] = value;
      return tf.tensor(data, shape);
    });
    const finite = await allFinite(gradients);
    tf.dispose(gradients);
    expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
    return finite;
  };

  const places = [
    [0, 0],
    [0, 314],
    [1, 0],
    [2, 127],
    [2, 128],
  ] as const;

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('finds a %s', async (value) => {
    for (const [tensor, index] of places) {
      expect(await check(value, tensor, index), `in tensor ${tensor} at ${index}`).toBe(false);
    }
  });

  it.each([0, -0, 1e-45, 65504, 3.4028234663852886e38])('passes %s', async (value) => {
    for (const [tensor, index] of places) expect(await check(value, tensor, index)).toBe(true);
  });

  it('passes large values whose sum is infinite, and finds infinities that cancel', async () => {
    const large = tf.fill([64], 3e38);
    const opposite = tf.tensor1d([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(await allFinite([large, large])).toBe(true);
    expect(await allFinite([large, opposite])).toBe(false);
    expect(await allFinite([])).toBe(true);
    tf.dispose([large, opposite]);
  });
});
