import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CACHE_MB, DATA_WORKERS } from '../../../../src/protocol/dataVariables';
import {
  cacheBytesHere,
  computeThreads,
  dataWorkersHere,
} from '../../../../src/training/data/pipeline/resources';

beforeEach(() => {
  vi.stubEnv(DATA_WORKERS, '');
  vi.stubEnv(CACHE_MB, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('threads that prepare images', () => {
  test('are as many as the environment says', () => {
    vi.stubEnv(DATA_WORKERS, '7');
    expect(dataWorkersHere(1)).toBe(7);
  });

  test.each(['', '0', '-1', '1.5', 'many'])(
    'default to the remaining cores, at least one, if it says %o',
    (asked) => {
      vi.stubEnv(DATA_WORKERS, asked);
      expect(dataWorkersHere(availableParallelism())).toBe(1);
      expect(dataWorkersHere(1)).toBe(Math.max(1, availableParallelism() - 1));
    },
  );

  test('leave one core to feed a GPU, and all to TensorFlow on the CPU', () => {
    expect(computeThreads('webgpu', 1)).toBe(1);
    expect(computeThreads('tensorflow-gpu', 1)).toBe(1);
    expect(computeThreads('tensorflow', 1)).toBe(availableParallelism());
    expect(computeThreads('wasm', 3)).toBe(3);
  });
});

describe('memory for decoded images', () => {
  test('is as much as the environment says', () => {
    vi.stubEnv(CACHE_MB, '0');
    expect(cacheBytesHere()).toBe(0);
    vi.stubEnv(CACHE_MB, '1.5');
    expect(cacheBytesHere()).toBe(1.5 * 2 ** 20);
  });

  test.each(['', '-1', 'much'])('is at most 512 MiB if it says %o', (asked) => {
    vi.stubEnv(CACHE_MB, asked);
    expect(cacheBytesHere()).toBeGreaterThan(0);
    expect(cacheBytesHere()).toBeLessThanOrEqual(512 * 2 ** 20);
  });
});
