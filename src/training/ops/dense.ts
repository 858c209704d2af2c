import * as tf from '@tensorflow/tfjs-core';

/** x [batch, in] times kernel [in, out], plus bias [out] where there is one. */
export function dense(x: tf.Tensor2D, kernel: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const product: tf.Tensor2D = tf.matMul(x, kernel);
    return bias ? tf.add<tf.Tensor2D>(product, bias) : product;
  });
}

/** The gradient of the input, [batch, in]. */
export function denseInputGradient(dy: tf.Tensor2D, kernel: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => tf.matMul(dy, tf.transpose(kernel)));
}

/** The gradient of the kernel, [in, out]. The bias's is the row sum of `dy`. */
export function denseKernelGradient(x: tf.Tensor2D, dy: tf.Tensor2D): tf.Tensor2D {
  // Transposed before the product: matMul's own transposeA is a scalar loop on the wasm engine, 15x slower.
  return tf.tidy(() => tf.matMul(tf.transpose(x), dy));
}
