import * as tf from '@tensorflow/tfjs-core';
import { isOlder } from '../../engines/versions';
import { runOwnKernel } from '../engineKernels';
import type { HalfFormat } from '../precision/formats';
import { roundTensor } from '../precision/roundTensor';

/** Channels whose products are summed: one large, and ones that are lost beside it in a sum of halves. */
const CHANNELS = 65;
const LARGE = 2048;

/**
 * Whether the library, as the engine in use, computes in a half format: sums products in float32, and has batch norm.
 * On a processor that depends on what it multiplies. oneDNN takes bfloat16 from AVX-512 on and float16 from
 * AVX512-FP16 on; below, TensorFlow's other kernels add up halves, slowly, and its batch norm fails.
 *
 * Asked while halves are stored as such.
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

/** The first TensorFlow whose graphs were seen to come to an end in bfloat16 on a processor with AMX. */
const AMX_SINCE = '2.21';

/**
 * Whether a library computes in half formats as a graph too. In TensorFlow 2.9 oneDNN's gradients of filters wait for
 * each other's threads for ever, where two of them run at a time in bfloat16 on a processor with AMX.
 *
 * @param flags The processor's; null where they are not known.
 */
export function compilesHalves(version: string, flags: readonly string[] | null): boolean {
  return !isOlder(version, AMX_SINCE) || (flags !== null && !flags.includes('amx_bf16'));
}
