import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import { type OwnCall, registerOwnKernel } from '../engineKernels';
import type { OwnKernelName } from '../ownKernels';

/** The arguments of one of our own kernels of the wasm backend. */
export interface Call<Name extends OwnKernelName> extends OwnCall<Name> {
  readonly backend: BackendWasm;
}

/** Registers one of our own kernels on the wasm backend. */
export function register<Name extends OwnKernelName>(
  kernelName: Name,
  compute: (call: Call<Name>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  registerOwnKernel('wasm', kernelName, (call) => compute({ ...call, backend: call.backend as BackendWasm }));
}
