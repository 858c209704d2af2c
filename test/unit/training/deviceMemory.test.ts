import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { DeviceMemoryError } from '../../../src/backends/deviceError';
import { loadEngine } from '../../../src/backends/index';
import type { DawnBackend } from '../../../src/backends/webgpu/backend';
import { batchBytes } from '../../../src/models/stepMemory';
import { memoryFailure, webgpuStepMemory } from '../../../src/training/trainer/deviceMemory';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { trainHere } from '../support/trainHere';

const MEBIBYTE = 2 ** 20;

const recipe = (batch_size: number) =>
  smallRecipe({
    model: { width: 8 },
    data: { height: 16, width: 16, train_images: batch_size, validation_images: 4, batch_size },
    schedule: { epochs: 1 },
  });

describe.runIf(PRESENT_ENGINES.includes('webgpu'))('the memory of a step', () => {
  it('is estimated to within a third of what webgpu takes for it', async () => {
    const batch = 16;
    const small = recipe(batch);
    await loadEngine('webgpu');
    const { bufferManager } = tf.backend() as DawnBackend;
    const before = bufferManager.numBytesAllocated;
    await trainHere(small);
    const taken = bufferManager.numBytesAllocated - before;
    const ratio = batchBytes(webgpuStepMemory(small), batch) / taken;
    expect(ratio).toBeGreaterThan(2 / 3);
    expect(ratio).toBeLessThan(4 / 3);
  });
});

describe('too little memory', () => {
  const large = recipe(256);

  it('says how much was needed, and which batch would fit', () => {
    const error = new DeviceMemoryError(20 * MEBIBYTE, 2 * MEBIBYTE, 1024 * MEBIBYTE);
    expect(memoryFailure(error, large)).toEqual({
      what: 'The GPU ran out of memory: a step of 256 images needs about 48 MiB, but 20 MiB were available.',
      remedy: expect.stringMatching(/^A data\.batch_size of 64 would fit\./),
    });
  });

  it('names no batch if none would fit', () => {
    const error = new DeviceMemoryError(MEBIBYTE / 4, 2 * MEBIBYTE, 1024 * MEBIBYTE);
    expect(memoryFailure(error, large).remedy).toMatch(/^Free GPU memory and resume the run, or /);
  });

  it('suggests only smaller batches, whoever else took the memory', () => {
    const error = new DeviceMemoryError(500 * MEBIBYTE, 2 * MEBIBYTE, 1024 * MEBIBYTE);
    expect(memoryFailure(error, large).remedy).toMatch(/^A data\.batch_size of 128 would fit\./);
  });

  it('detects a tensor that is too large for the GPU, whatever its memory', () => {
    const error = new DeviceMemoryError(0, 5 * 1024 * MEBIBYTE, 1024 * MEBIBYTE);
    expect(memoryFailure(error, large)).toEqual({
      what: 'A step of 256 images needs a tensor of 5.0 GiB, but the GPU allows at most 1.0 GiB.',
      remedy: expect.stringMatching(/^A data\.batch_size of 32 would fit\./),
    });
  });
});
