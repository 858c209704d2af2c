import * as cpu from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../backend';
import { registerOwnKernel } from '../engineKernels';
import { roundArray } from '../precision/round';
import { ROUNDING_KERNEL } from '../precision/roundTensor';

/** Loads the plain JavaScript backend: slow, simple, and the reference for tests of the other engines. */
export async function loadCpu(): Promise<Engine> {
  await tf.setBackend('cpu');
  if (!tf.getKernel(ROUNDING_KERNEL, 'cpu')) registerRounding();
  return {
    name: 'cpu',
    description: 'JavaScript, 1 thread',
    versions: { node: process.versions.node, tfjs: tf.version_core, 'tfjs-backend-cpu': cpu.version_cpu },
  };
}

function registerRounding(): void {
  registerOwnKernel('cpu', ROUNDING_KERNEL, (call) => {
    const backend = call.backend as cpu.MathBackendCPU;
    const { dataId, shape } = call.inputs.x;
    const { values } = backend.data.get(dataId);
    const rounded = roundArray(values as Float32Array, call.attributes.format);
    return backend.makeTensorInfo(shape, 'float32', rounded);
  });
}
