import * as tf from '@tensorflow/tfjs-core';
import type { OwnKernelName, OwnKernels } from './ownKernels';

/** A kernel that only some engines have: one of ours, or a TensorFlow.js kernel that some of its backends lack. */
type OptionalKernel = OwnKernelName | typeof tf.Conv2DBackpropFilter | typeof tf.Conv2DBackpropInput;

/**
 * Returns whether the current engine has a kernel. An op checks this before it falls back to another implementation.
 */
export function hasKernel(name: OptionalKernel): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/**
 * Runs one of our own kernels on the current engine.
 *
 * @throws if the engine does not have it: check `hasKernel` first
 */
export function runOwnKernel<Name extends OwnKernelName>(
  name: Name,
  inputs: OwnKernels[Name]['inputs'],
  attributes: OwnKernels[Name]['attributes'],
): OwnKernels[Name]['outputs'] {
  // TensorFlow.js passes both to the kernel unchanged. Its own types for them have no names.
  const [named, attrs] = [inputs as tf.NamedTensorMap, attributes as unknown as tf.NamedAttrMap];
  return tf.engine().runKernel<OwnKernels[Name]['outputs']>(name, named, attrs);
}

/** A kernel's input as a backend sees it. */
type Info<Input> = Input extends tf.Tensor ? tf.TensorInfo & { readonly shape: Input['shape'] } : Input;

/** The arguments of one of our own kernels. */
export interface OwnCall<Name extends OwnKernelName> {
  readonly backend: tf.KernelBackend;
  readonly inputs: {
    readonly [Input in keyof OwnKernels[Name]['inputs']]: Info<OwnKernels[Name]['inputs'][Input]>;
  };
  readonly attributes: OwnKernels[Name]['attributes'];
}

/** Registers one of our own kernels on a TensorFlow.js backend. */
export function registerOwnKernel<Name extends OwnKernelName>(
  backendName: string,
  kernelName: Name,
  compute: (call: OwnCall<Name>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName,
    // `runOwnKernel` passed them.
    kernelFunc: ({ inputs, attrs, backend }) =>
      compute({
        backend: backend as tf.KernelBackend,
        inputs: inputs as unknown as OwnCall<Name>['inputs'],
        attributes: attrs as unknown as OwnCall<Name>['attributes'],
      }),
  });
}
