import * as tf from '@tensorflow/tfjs-core';

/** A computation that an engine compiled ahead of time. */
export interface CompiledComputation {
  /** Returns the outputs for inputs of the shapes it was compiled for. The caller owns them. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** A backend whose engine runs a whole computation faster than its ops one by one. */
export interface CompilingBackend {
  /**
   * Computes once to record the ops. All values other than the inputs become constants.
   *
   * @returns null if the engine cannot compile it
   * @throws whatever the computation throws
   */
  compile(inputs: readonly tf.TensorInfo[], compute: () => readonly tf.TensorInfo[]): CompiledInfo | null;
}

/** Like `CompiledComputation`, for tensors as backends see them. */
export interface CompiledInfo {
  run(inputs: readonly tf.TensorInfo[]): tf.TensorInfo[];
  dispose(): void;
}

/**
 * Compiles a computation on the current engine. Returns null if the engine does not compile, or cannot compile this
 * computation.
 *
 * Disposes the tensors that `compute` returns. The compiled computation may differ in the last digits.
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
