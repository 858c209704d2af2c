import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { engineUnavailable } from '../../../src/backends/backend';
import { loadEngine } from '../../../src/backends/index';
import { type HalfFormat, precisionSupport } from '../../../src/backends/precision/formats';
import { engineStates } from '../../../src/engines/choice';
import { SOFTWARE_GPU } from '../../../src/engines/dawn';
import { isOlder } from '../../../src/engines/versions';
import { HALF_PRECISION } from '../../../src/recipe/engineNames';
import { PRESENT_ENGINES } from '../support/presentEngines';

describe('engines', () => {
  it.each(PRESENT_ENGINES)('%s loads, computes, and describes itself', async (name) => {
    const engine = await loadEngine(name);
    expect(engine.name).toBe(name);
    expect(tf.getBackend()).toBe(name === 'tensorflow-gpu' ? 'tensorflow' : name);
    expect(engine.versions).toMatchObject({ node: process.versions.node, tfjs: tf.version_core });
    const product = tf.tidy(() => tf.matMul([[1, 2]], [[3], [4]]));
    expect([...(await product.data())]).toEqual([11]);
    product.dispose();
  });

  it('auto takes wasm if there is no other, with its actual threads and no mention of a GPU', async () => {
    const engine = await loadEngine('auto', { workspace: '/', managed: '/nowhere' });
    expect(engine.name).toBe('wasm');
    expect(engine.description).toMatch(/^WebAssembly, (no )?SIMD, 1 thread$/);
  });

  it.runIf(PRESENT_ENGINES.includes('tensorflow'))('auto takes tensorflow if it works', async () => {
    expect((await loadEngine('auto')).name).toBe('tensorflow');
  });

  it.runIf(PRESENT_ENGINES.includes('webgpu'))(
    'webgpu names its adapter, and calls it a GPU only if it is one',
    async () => {
      const { description } = await loadEngine('webgpu');
      const isSoftware = process.env[SOFTWARE_GPU] !== undefined;
      expect(description).toMatch(
        isSoftware ? /^WebGPU in software \(SwiftShader / : /^WebGPU on the GPU \S/,
      );
    },
  );

  it('wasm has its own kernels for 3x3 convolutions', async () => {
    await loadEngine('wasm');
    expect(tf.getKernel('WinogradConv2D', 'wasm')).toBeDefined();
    expect(tf.getKernel('WinogradKernelGradient', 'wasm')).toBeDefined();
  });

  const known = [
    ['tensorflow-gpu', 'native'],
    ['webgpu', 'emulated'],
    ['wasm', 'emulated'],
    ['cpu', 'emulated'],
  ] as const;
  it.each(known.filter(([name]) => PRESENT_ENGINES.includes(name)))(
    '%s computes in float32; half precision is %s',
    async (name, support) => {
      const engine = await loadEngine(name);
      expect(HALF_PRECISION[name]).toBe(support);
      expect(precisionSupport(engine, 'float32')).toBe('native');
      expect(precisionSupport(engine, 'float16')).toBe(support);
      expect(precisionSupport(engine, 'bfloat16')).toBe(support);
    },
  );

  it.runIf(PRESENT_ENGINES.includes('tensorflow') && process.platform === 'linux' && process.arch === 'x64')(
    'tensorflow computes in the half formats that the processor can multiply',
    async () => {
      const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
      const engine = await loadEngine('tensorflow');
      expect(precisionSupport(engine, 'float32')).toBe('native');
      const isComputed = (format: HalfFormat) =>
        precisionSupport(engine, format) === 'native' || engine.slowFormats?.[format] !== undefined;
      if (flags.includes('avx512f')) expect(isComputed('bfloat16')).toBe(true);
      // The TensorFlow 2.9 library has no kernels for it.
      const isOld = isOlder(engine.versions.tensorflow as string, '2.21');
      if (flags.includes('avx512_fp16') && !isOld) expect(isComputed('float16')).toBe(true);
      if (!flags.some((flag) => ['avx512_fp16', 'amx_fp16', 'avx_ne_convert'].includes(flag))) {
        expect(precisionSupport(engine, 'float16')).toBe('emulated');
      }
      // The doctor probes a format in a separate process. Its answer must match what the trainer does.
      const states = await engineStates();
      for (const { format, execution } of states.find(({ name }) => name === 'tensorflow')?.formats ?? []) {
        expect(precisionSupport(engine, format), format).toBe(execution);
      }
    },
  );

  it('says which engine could not be loaded and why', () => {
    const { failure } = engineUnavailable('wasm', 'a file is missing.');
    expect(failure.what).toBe('The engine "wasm" could not be loaded: a file is missing.');
  });
});
