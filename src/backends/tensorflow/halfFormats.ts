import * as tf from '@tensorflow/tfjs-core';
import { isOlder } from '../../engines/versions';
import { runOwnKernel } from '../engineKernels';
import type { HalfFormat } from '../precision/formats';
import { roundTensor } from '../precision/roundTensor';

/** Channels of the test products: one large value, and ones that a half-precision sum would lose. */
const CHANNELS = 65;
const LARGE = 2048;

/**
 * Returns whether the library, as the current engine, computes in a half format: whether it sums products in float32
 * and has batch norm. On a CPU this depends on the kernel that multiplies. oneDNN supports bfloat16 from AVX-512 on and
 * float16 from AVX512-FP16 on. On older CPUs, TensorFlow's other kernels sum in half precision, slowly, and its batch
 * norm fails.
 *
 * Call it while halves are stored as such.
 */
export function computesIn(format: HalfFormat): boolean {
  try {
    return tf.tidy(() => {
      const ones = roundTensor(tf.ones<tf.Rank.R4>([1, 1, 1, CHANNELS]), format);
      const weights = [LARGE, ...Array<number>(CHANNELS - 1).fill(1)];
      const filter = roundTensor(tf.tensor4d(weights, [1, 1, CHANNELS, 1]), format);
      const [sum] = tf.conv2d(ones, filter, 1, 'valid').dataSync();
      if (sum !== LARGE + CHANNELS - 1) return false;
      const [one, none] = [tf.ones<tf.Rank.R1>([CHANNELS]), tf.zeros<tf.Rank.R1>([CHANNELS])];
      const inputs = { x: ones, gamma: one, beta: none, mean: none, variance: one };
      runOwnKernel('BatchNormInference', inputs, { epsilon: 1e-3, activation: 'relu' });
      return true;
    });
  } catch {
    return false;
  }
}

/** The first TensorFlow release whose bfloat16 graphs were seen to finish on a CPU with AMX. */
const AMX_SINCE = '2.21';

/**
 * Returns whether a library also computes graphs in half formats. In TensorFlow 2.9, oneDNN's filter gradients deadlock
 * if two of them run in parallel in bfloat16 on a CPU with AMX.
 *
 * @param flags The CPU's flags; null if unknown.
 */
export function compilesHalves(version: string, flags: readonly string[] | null): boolean {
  return !isOlder(version, AMX_SINCE) || (flags !== null && !flags.includes('amx_bf16'));
}
