import * as tf from '@tensorflow/tfjs-core';

/** Returns whether all values of all tensors are finite. Reads back one number. */
export async function allFinite(tensors: Iterable<tf.Tensor>): Promise<boolean> {
  const total = tf.tidy(() => {
    // 0 for a finite value, NaN for any other. Sums of the values themselves could overflow.
    const zeros = [...tensors].map((tensor) => tf.sum(tf.mul(tensor, 0)));
    return zeros.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(zeros));
  });
  const [value] = await total.data<'float32'>();
  total.dispose();
  return value === 0;
}
