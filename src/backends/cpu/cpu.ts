import * as cpu from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../backend';
import type { HalfFormat } from '../precision/formats';
import { roundArray } from '../precision/round';
import { ROUNDING_KERNEL } from '../precision/roundTensor';

/** The plain JavaScript backend: slow, simple, and the reference the other engines are tested against. */
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
  tf.registerKernel({
    kernelName: ROUNDING_KERNEL,
    backendName: 'cpu',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { dataId, shape } = inputs.x as tf.TensorInfo;
      const { format } = attrs as unknown as { format: HalfFormat };
      const { values } = (backend as cpu.MathBackendCPU).data.get(dataId);
      const rounded = roundArray(values as Float32Array, format);
      return (backend as cpu.MathBackendCPU).makeTensorInfo(shape, 'float32', rounded);
    },
  });
}
