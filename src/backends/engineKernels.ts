import * as tf from '@tensorflow/tfjs-core';
import type { OwnKernelName, OwnKernels } from './ownKernels';

/** A kernel that only some engines have: one of ours, or one of TensorFlow.js that not all of its backends have. */
type OptionalKernel = OwnKernelName | typeof tf.Conv2DBackpropFilter | typeof tf.Conv2DBackpropInput;

/** Whether the engine in use has a kernel. An op asks before it takes another way. */
export function hasKernel(name: OptionalKernel): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/**
 * Runs one of our own kernels on the engine in use.
 *
 * @throws when the engine does not have it: ask `hasKernel` first
 */
export function runOwnKernel<Name extends OwnKernelName>(
  name: Name,
  inputs: OwnKernels[Name]['inputs'],
  attributes: OwnKernels[Name]['attributes'],
): OwnKernels[Name]['outputs'] {
  // TensorFlow.js passes both on to the kernel as they are; its own types of them know no names.
  const [named, attrs] = [inputs as tf.NamedTensorMap, attributes as unknown as tf.NamedAttrMap];
  return tf.engine().runKernel<OwnKernels[Name]['outputs']>(name, named, attrs);
}

/** An input of a kernel as a backend knows it. */
type Info<Input> = Input extends tf.Tensor ? tf.TensorInfo & { readonly shape: Input['shape'] } : Input;

/** What one of our own kernels is called with. */
export interface OwnCall<Name extends OwnKernelName> {
  readonly backend: tf.KernelBackend;
  readonly inputs: {
    readonly [Input in keyof OwnKernels[Name]['inputs']]: Info<OwnKernels[Name]['inputs'][Input]>;
  };
  readonly attributes: OwnKernels[Name]['attributes'];
}

/** Registers one of our own kernels on a backend of TensorFlow.js. */
export function registerOwnKernel<Name extends OwnKernelName>(
  backendName: string,
  kernelName: Name,
  compute: (call: OwnCall<Name>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName,
    // `runOwnKernel` gave them.
    kernelFunc: ({ inputs, attrs, backend }) =>
      compute({
        backend: backend as tf.KernelBackend,
        inputs: inputs as unknown as OwnCall<Name>['inputs'],
        attributes: attrs as unknown as OwnCall<Name>['attributes'],
      }),
  });
}
