import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';

/** Returns the Euclidean norm of all values, a scalar. */
export function normOf(x: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.sqrt(sumOfSquares(x)));
}

function sumOfSquares(x: tf.Tensor): tf.Scalar {
  if (hasKernel('SumOfSquares')) return runOwnKernel('SumOfSquares', { x }, {});
  // Uses a matrix product, because a reduction by tf.sum is slower on the wasm engine. See docs/performance.md. That
  // engine caches its preparation of a right-hand side by tensor, and corrupts its memory if the tensor is also a
  // filter.
  const squares = tf.reshape(tf.square(x), [1, x.size]);
  return tf.reshape(tf.matMul(squares, tf.ones([x.size, 1])), []);
}
