import type * as tf from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE } from '../binding';
import type { Attributes } from '../recording';
import { type Call, converted, given, register } from './register';

/**
 * The kernels that ../../../training/ops/batchNorm.ts asks for, over TensorFlow's fused ones: one pass forward and one
 * backward. Images may be in a half format; scale, shift, statistics and their gradients are float32.
 */
export function registerBatchNorm(): void {
  register('BatchNormTraining', (call) => {
    const { momentum } = call.attrs;
    // With a share of 1 the op takes no statistics.
    const before = momentum === 1 ? [NONE, NONE] : RUNNING.map((name) => given(call, name));
    const inputs = [given(call, 'x'), given(call, 'gamma'), given(call, 'beta'), ...before];
    // Outputs: y, the running means and variances, the batch's, and what only oneDNN knows.
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

/** The inputs of what a training carries from batch to batch. */
const RUNNING = ['runningMean', 'runningVariance'] as const;

/** What an op takes where there is nothing to give. */
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
 * FusedBatchNormV3's outputs, the first with a ReLU where asked: in the same pass where the library has that. In
 * training, the running statistics take a share of the batch's.
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
