import * as tf from '@tensorflow/tfjs-core';

/** Concatenates the channels of images [batch, height, width, channels]. */
export function concat(images: readonly tf.Tensor4D[]): tf.Tensor4D {
  return tf.concat4d([...images], 3);
}

/** Returns the gradient of the input whose `channels` channels start at channel `first` of the output. */
export function concatGradient(dy: tf.Tensor4D, first: number, channels: number): tf.Tensor4D {
  const [batch, height, width] = dy.shape;
  return tf.slice4d(dy, [0, 0, 0, first], [batch, height, width, channels]);
}
