/**
 * What can compute a training: an NVIDIA GPU by TensorFlow's own library, any GPU by WebGPU, TensorFlow's library on
 * the processor, WebAssembly, or plain JavaScript, which is a reference for tests.
 */
export const ENGINE_NAMES = ['tensorflow-gpu', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/**
 * Whether half precision is computed in or emulated. `auto` may come to an engine of either kind, and an engine to a
 * processor of either kind; the run says which it was.
 */
export type HalfExecution = 'native' | 'emulated' | 'emulated_unless_native';

/**
 * How an engine comes by half precision: `native` where the numbers lie and multiply in that format, which is faster;
 * `emulated` where they are float32, rounded to the format's values after each layer: the same numerics at no gain
 * in speed. WebAssembly and JavaScript have no half format, and TensorFlow.js uses none on WebGPU. With TensorFlow's
 * library on the processor it depends on that one; the run says which it was.
 */
export const HALF_PRECISION = {
  'tensorflow-gpu': 'native',
  webgpu: 'emulated',
  tensorflow: 'emulated_unless_native',
  wasm: 'emulated',
  cpu: 'emulated',
} as const satisfies Record<EngineName, HalfExecution>;

/** What a person asks for: an engine, or `auto` for the fastest one that works on the machine. */
export const ENGINE_REQUESTS = ['auto', ...ENGINE_NAMES] as const;
export type EngineRequest = (typeof ENGINE_REQUESTS)[number];
