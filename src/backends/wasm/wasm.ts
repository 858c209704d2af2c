import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as wasm from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { failureOf } from '../../system/errors';
import { type Engine, engineUnavailable } from '../backend';
import { registerBatchNorm } from './batchNorm';
import { registerIndirectConv2d } from './indirectConv2d';
import { registerNorms } from './norms';
import { registerPoolGradients } from './poolGradients';
import { registerRelu } from './relu';
import { registerRounding } from './rounding';
import { registerSums } from './sums';
import { registerUpdates } from './updates';
import { registerWinograd } from './winograd';

/** Loads the WebAssembly backend: XNNPACK's kernels, with SIMD if the CPU supports it. In Node it has one thread. */
export async function loadWasm(): Promise<Engine> {
  wasm.setWasmPaths(binariesFolder() + sep);
  if (!(await tf.setBackend('wasm'))) {
    const { what, remedy } = whyNotStarted();
    throw engineUnavailable('wasm', what, remedy);
  }
  const simd = Boolean(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
  const backend = tf.backend() as wasm.BackendWasm;
  refuseWhenFull(backend);
  const memory = memoryOf(backend);
  registerPoolGradients();
  shareCopies();
  if (simd && memory) {
    registerRounding(memory);
    registerUpdates(memory);
    registerNorms(memory);
    registerWinograd(memory);
    registerIndirectConv2d(memory);
    registerBatchNorm(memory);
    registerRelu(memory);
    registerSums(memory);
  }
  return onThreads(1, simd);
}

function onThreads(count: number, simd: boolean): Engine {
  return {
    name: 'wasm',
    description: `WebAssembly, ${simd ? 'SIMD' : 'no SIMD'}, ${count} thread${count === 1 ? '' : 's'}`,
    threads: count,
    versions: { node: process.versions.node, tfjs: tf.version_core, 'tfjs-backend-wasm': wasm.version_wasm },
    onThreads: (other) => onThreads(other, simd),
  };
}

/** Makes failed allocations throw. The backend itself would write to address 0, or past the end of its memory. */
function refuseWhenFull({ wasm: module }: wasm.BackendWasm): void {
  const allocating = module as typeof module & { _malloc: (bytes: number) => number };
  // The function replaces itself at its first call.
  allocating._malloc(0);
  const allocate = allocating._malloc;
  allocating._malloc = (bytes) => {
    // The call would truncate larger sizes to 32 bits.
    const address = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0)
      throw new RangeError(`Out of memory: ${bytes} bytes could not be allocated`);
    return address;
  };
}

/** Makes the copy of a tensor share its values, as on other backends. The wasm backend would copy them. */
function shareCopies(): void {
  tf.unregisterKernel(tf.Identity, 'wasm');
  tf.registerKernel({
    kernelName: tf.Identity,
    backendName: 'wasm',
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
      (backend as wasm.BackendWasm).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}

/** Returns the memory that holds the backend's tensors, if this build of the backend exposes it. */
function memoryOf({ wasm: module }: wasm.BackendWasm): WebAssembly.Memory | undefined {
  const { asm } = module as typeof module & { asm?: { memory?: WebAssembly.Memory } };
  return asm?.memory;
}

/** Returns the folder with the .wasm files: the bundle's own, or the package's if the sources run unbundled. */
function binariesFolder(): string {
  if (existsSync(join(__dirname, 'tfjs-backend-wasm.wasm'))) return __dirname;
  try {
    return dirname(createRequire(__filename).resolve('@tensorflow/tfjs-backend-wasm'));
  } catch (cause) {
    throw engineUnavailable(
      'wasm',
      l10n.t('tfjs-backend-wasm.wasm is missing from {0}.', __dirname),
      l10n.t('Reinstall Bag of Tricks.'),
      { cause },
    );
  }
}

/** Diagnoses a failed start. TensorFlow.js only prints the reason. This detects missing address space for a memory. */
function whyNotStarted(): Failure {
  try {
    new WebAssembly.Memory({ initial: 1 });
  } catch (error) {
    return failureOf(error);
  }
  return { what: l10n.t('WebAssembly did not start.'), remedy: l10n.t('Reinstall Bag of Tricks.') };
}
