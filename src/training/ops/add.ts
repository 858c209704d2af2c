import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';

/**
 * Adds two images of the same shape, with ReLU if requested. The gradient of either input is the output's, passed
 * through `reluGradient` if there was a ReLU.
 */
export function add(left: tf.Tensor4D, right: tf.Tensor4D, activation: 'linear' | 'relu'): tf.Tensor4D {
  if (activation === 'relu' && hasKernel('AddRelu')) return runOwnKernel('AddRelu', { left, right }, {});
  return tf.tidy(() => {
    const sum = tf.add<tf.Tensor4D>(left, right);
    return activation === 'relu' ? tf.relu(sum) : sum;
  });
}
