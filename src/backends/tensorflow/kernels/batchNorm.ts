import type * as tf from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE } from '../binding';
import type { Attributes } from '../recording';
import { type Call, converted, given, register } from './register';

/**
 * Registers the kernels that ../../../training/ops/batchNorm.ts requests, using TensorFlow's fused ones: one forward
 * pass and one backward pass. Images may be in a half format. Scale, shift, statistics and their gradients are float32.
 */
export function registerBatchNorm(): void {
  register('BatchNormTraining', (call) => {
    const { momentum } = call.attrs;
    // With momentum 1, the op takes no statistics.
    const before = momentum === 1 ? [NONE, NONE] : RUNNING.map((name) => given(call, name));
    const inputs = [given(call, 'x'), given(call, 'gamma'), given(call, 'beta'), ...before];
    // Outputs: y, the running mean and variance, the batch's mean and variance, and an internal output of oneDNN.
    const [y, runningMean, runningVariance, mean, variance, rest] = normalized(call, inputs, momentum);
    call.backend.release(rest);
    return [y, mean, variance, runningMean, runningVariance];
  });
  register('BatchNormInference', (call) => {
    const names = ['x', 'gamma', 'beta', 'mean', 'variance'];
    const [y, ...rest] = normalized(
      call,
      names.map((name) => given(call, name)),
    );
    call.backend.release(...rest);
    return y;
  });
  register('BatchNormGradient', (call) => {
    const { backend, attrs } = call;
    const x = given(call, 'x');
    return converted(backend, [given(call, 'dy')], backend.typeOf(x), ([dy]) => {
      const inputs = [
        dy as tf.TensorInfo,
        x,
        given(call, 'gamma'),
        given(call, 'mean'),
        given(call, 'variance'),
        NONE,
      ];
      const [dx, dGamma, dBeta, ...rest] = backend.runAll(
        'FusedBatchNormGradV3',
        { ...attributes(backend, x, attrs.epsilon), is_training: true },
        inputs,
        5,
      ) as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, ...tf.TensorInfo[]];
      backend.release(...rest);
      return [dx, dGamma, dBeta];
    });
  });
}

/** The inputs for the running statistics, which persist across batches. */
const RUNNING = ['runningMean', 'runningVariance'] as const;

/** The input of an op that takes no statistics. */
const NONE: Input = { floats: [], shape: [0] };

function attributes(backend: TensorflowBackend, x: tf.TensorInfo, epsilon: number) {
  return {
    T: { type: backend.typeOf(x) },
    U: { type: NATIVE_TYPE.float32 },
    epsilon: { float: epsilon },
    data_format: 'NHWC',
  };
}

type SixTensors = [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];

/**
 * Returns the outputs of FusedBatchNormV3, with a ReLU on the first if requested: in the same pass if the library
 * supports that. In training, the running statistics move toward the batch's.
 */
function normalized(
  call: Call<'BatchNormTraining' | 'BatchNormInference'>,
  inputs: readonly Input[],
  share?: number,
): SixTensors {
  const { backend, attrs } = call;
  const x = given(call, 'x');
  const common: Attributes = {
    ...attributes(backend, x, attrs.epsilon),
    exponential_avg_factor: { float: share ?? 1 },
    is_training: share !== undefined,
  };
  if (attrs.activation !== 'relu') {
    return backend.runAll('FusedBatchNormV3', common, inputs, 6) as SixTensors;
  }
  const fused = {
    ...common,
    num_side_inputs: { int: 0 },
    activation_mode: 'Relu',
    _kernel: 'MklNameChangeOp',
  };
  const outputs = backend.runAllIfKnown('_MklNativeFusedBatchNormEx', fused, inputs, 6);
  if (outputs) return outputs as SixTensors;
  const [y, ...rest] = backend.runAll('FusedBatchNormV3', common, inputs, 6) as SixTensors;
  const rectified = backend.run('Relu', { T: { type: backend.typeOf(y) } }, [y]);
  backend.release(y);
  return [rectified, ...rest];
}
