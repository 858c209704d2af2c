import * as tf from '@tensorflow/tfjs-core';
import { type Call, given, INT32, integers, register, scalar, widened } from './register';

/** TensorFlow ops by TensorFlow.js kernel. */
const REDUCTIONS = [
  [tf.Max, 'Max'],
  [tf.Mean, 'Mean'],
  [tf.Min, 'Min'],
  [tf.Prod, 'Prod'],
  [tf.Sum, 'Sum'],
] as const;
const LOGICAL = [
  [tf.All, 'All'],
  [tf.Any, 'Any'],
] as const;
type Reduction = (typeof REDUCTIONS | typeof LOGICAL)[number][0];

/** Registers ops that reduce one or more axes, in float32. */
export function registerReductions(): void {
  for (const [kernel, op] of REDUCTIONS) {
    register(kernel, (call) => {
      const { backend, attrs } = call;
      return widened(backend, [given(call, 'x')], (type, [x]) =>
        backend.run(op, { T: { type }, Tidx: INT32, keep_dims: attrs.keepDims ?? false }, [
          x as tf.TensorInfo,
          integers(axesOf(call)),
        ]),
      );
    });
  }
  for (const [kernel, op] of LOGICAL) {
    register(kernel, (call) =>
      call.backend.run(op, { Tidx: INT32, keep_dims: call.attrs.keepDims ?? false }, [
        given(call, 'x'),
        integers(axesOf(call)),
      ]),
    );
  }
  // ../../../training/ops/norm.ts requests this one.
  register('SumOfSquares', (call) => {
    const { backend } = call;
    return widened(backend, [given(call, 'x')], (type, x) => {
      const half = backend.run('L2Loss', { T: { type } }, x);
      const whole = backend.run('Mul', { T: { type } }, [half, scalar(2, type)]);
      backend.release(half);
      return whole;
    });
  });
  register(tf.ArgMax, (call) => argument('ArgMax', call));
  register(tf.ArgMin, (call) => argument('ArgMin', call));
  register(tf.Softmax, (call) => alongLast('Softmax', given(call, 'logits'), call));
  register(tf.LogSoftmax, (call) => alongLast('LogSoftmax', given(call, 'logits'), call));
}

/** Returns the axes that a kernel's attributes name, or all axes. */
function axesOf(call: Call<Reduction>): number[] {
  const { attrs } = call;
  // Max uses another attribute name.
  const axes = 'reductionIndices' in attrs ? attrs.reductionIndices : attrs.axis;
  return tf.util.parseAxisParam(axes, given(call, 'x').shape);
}

function argument(op: 'ArgMax' | 'ArgMin', call: Call<'ArgMax' | 'ArgMin'>): tf.TensorInfo {
  const { backend, attrs } = call;
  return widened(backend, [given(call, 'x')], (type, [x]) =>
    backend.run(op, { T: { type }, Tidx: INT32, output_type: INT32 }, [
      x as tf.TensorInfo,
      { integers: [attrs.axis], shape: [] },
    ]),
  );
}

function alongLast(op: 'Softmax' | 'LogSoftmax', logits: tf.TensorInfo, { backend }: Call): tf.TensorInfo {
  return widened(backend, [logits], (type, x) => backend.run(op, { T: { type } }, x));
}
