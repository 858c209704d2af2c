import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';

/** The Euclidean norm of all values, a scalar. */
export function normOf(x: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.sqrt(sumOfSquares(x)));
}

function sumOfSquares(x: tf.Tensor): tf.Scalar {
  if (hasKernel('SumOfSquares')) return runOwnKernel('SumOfSquares', { x }, {});
  // As a product of matrices: a reduction by tf.sum runs several times slower on the wasm engine. That engine keeps
  // what it prepared for a right-hand side by its tensor, and corrupts its memory where that is a filter as well.
  const squares = tf.reshape(tf.square(x), [1, x.size]);
  return tf.reshape(tf.matMul(squares, tf.ones([x.size, 1])), []);
}
