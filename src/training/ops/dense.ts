import * as tf from '@tensorflow/tfjs-core';

/** Multiplies x [batch, in] by a kernel [in, out] and adds the bias [out] if there is one. */
export function dense(x: tf.Tensor2D, kernel: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const product: tf.Tensor2D = tf.matMul(x, kernel);
    return bias ? tf.add<tf.Tensor2D>(product, bias) : product;
  });
}

/** Returns the gradient of the input, [batch, in]. */
export function denseInputGradient(dy: tf.Tensor2D, kernel: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => tf.matMul(dy, tf.transpose(kernel)));
}

/** Returns the gradient of the kernel, [in, out]. The bias gradient is the row sum of `dy`. */
export function denseKernelGradient(x: tf.Tensor2D, dy: tf.Tensor2D): tf.Tensor2D {
  // Transposes before the product: matMul's own transposeA is a slow scalar loop on the wasm engine. See
  // docs/performance.md.
  return tf.tidy(() => tf.matMul(tf.transpose(x), dy));
}
