import * as tf from '@tensorflow/tfjs-core';

/** A computation that an engine knows beforehand. */
export interface CompiledComputation {
  /** The outputs for inputs of the shapes that it was compiled for. They are the caller's. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** What a backend has whose engine runs a whole computation faster than its ops one by one. */
export interface CompilingBackend {
  /**
   * Computes once to see the ops, whose numbers other than the inputs are taken as constants.
   *
   * @returns null where the engine cannot compile it
   * @throws whatever the computation throws
   */
  compile(inputs: readonly tf.TensorInfo[], compute: () => readonly tf.TensorInfo[]): CompiledInfo | null;
}

/** As `CompiledComputation`, of tensors as backends know them. */
export interface CompiledInfo {
  run(inputs: readonly tf.TensorInfo[]): tf.TensorInfo[];
  dispose(): void;
}

/**
 * Compiles a computation on the engine in use; null where that does not compile, or not this one.
 *
 * What `compute` returns is disposed. What the compiled one computes may differ in the last digits.
 */
export function compile(
  inputs: readonly tf.Tensor[],
  compute: () => readonly tf.Tensor[],
): CompiledComputation | null {
  const backend = tf.backend();
  if (!isCompiling(backend)) return null;
  const made: tf.Tensor[] = [];
  try {
    const compiled = backend.compile(inputs, () => {
      made.push(...compute());
      return made;
    });
    return (
      compiled && {
        run: (given) =>
          compiled
            .run(given)
            .map(({ dataId, shape, dtype }) =>
              tf.engine().makeTensorFromDataId(dataId, shape, dtype, backend),
            ),
        dispose: () => compiled.dispose(),
      }
    );
  } finally {
    tf.dispose(made);
  }
}

function isCompiling(backend: tf.KernelBackend): backend is tf.KernelBackend & CompilingBackend {
  return 'compile' in backend;
}
