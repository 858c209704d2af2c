/**
 * The engines: TensorFlow's native library on an NVIDIA GPU, WebGPU on any GPU, TensorFlow's native library on the CPU,
 * WebAssembly, and plain JavaScript as a reference for tests.
 */
export const ENGINE_NAMES = ['tensorflow-gpu', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/**
 * Whether half precision is native or emulated. `auto` may pick an engine of either kind, and an engine may run on a
 * processor of either kind. The run records which it was.
 */
export type HalfExecution = 'native' | 'emulated' | 'emulated_unless_native';

/**
 * How each engine executes half precision. `native`: numbers are stored and multiplied in that format, which is faster.
 * `emulated`: numbers are float32, rounded to the format's values after each layer, with the same numerics but no
 * speedup. WebAssembly and JavaScript have no half format, and TensorFlow.js uses none on WebGPU. For TensorFlow's
 * native library on the CPU it depends on the CPU, and the run records which it was.
 */
export const HALF_PRECISION = {
  'tensorflow-gpu': 'native',
  webgpu: 'emulated',
  tensorflow: 'emulated_unless_native',
  wasm: 'emulated',
  cpu: 'emulated',
} as const satisfies Record<EngineName, HalfExecution>;

/** The user's choice: an engine, or `auto` for the fastest one that works on the machine. */
export const ENGINE_REQUESTS = ['auto', ...ENGINE_NAMES] as const;
export type EngineRequest = (typeof ENGINE_REQUESTS)[number];
