import * as tf from '@tensorflow/tfjs-core';

/** The channels of images [batch, height, width, channels], one image's after another's. */
export function concat(images: readonly tf.Tensor4D[]): tf.Tensor4D {
  return tf.concat4d([...images], 3);
}

/** The gradient of the input whose `channels` channels begin at channel `first` of the output. */
export function concatGradient(dy: tf.Tensor4D, first: number, channels: number): tf.Tensor4D {
  const [batch, height, width] = dy.shape;
  return tf.slice4d(dy, [0, 0, 0, first], [batch, height, width, channels]);
}
