import * as tf from '@tensorflow/tfjs-core';
import { ROUNDING_KERNEL } from '../../precision/roundTensor';
import { NATIVE_TYPE } from '../binding';
import { type Call, given, inOneFormat, listed, register, scalar, widened } from './register';

/** TensorFlow ops by TensorFlow.js kernel. */
const UNARY = {
  [tf.Abs]: 'Abs',
  [tf.Ceil]: 'Ceil',
  [tf.Exp]: 'Exp',
  [tf.Floor]: 'Floor',
  [tf.IsFinite]: 'IsFinite',
  [tf.IsInf]: 'IsInf',
  [tf.IsNan]: 'IsNan',
  [tf.Log]: 'Log',
  [tf.Log1p]: 'Log1p',
  [tf.Neg]: 'Neg',
  [tf.Reciprocal]: 'Reciprocal',
  [tf.Round]: 'Round',
  [tf.Rsqrt]: 'Rsqrt',
  [tf.Sigmoid]: 'Sigmoid',
  [tf.Sign]: 'Sign',
  [tf.Sqrt]: 'Sqrt',
  [tf.Square]: 'Square',
  [tf.Tanh]: 'Tanh',
} as const;

const BINARY = {
  [tf.Equal]: 'Equal',
  [tf.FloorDiv]: 'FloorDiv',
  [tf.Greater]: 'Greater',
  [tf.GreaterEqual]: 'GreaterEqual',
  [tf.Less]: 'Less',
  [tf.LessEqual]: 'LessEqual',
  [tf.Maximum]: 'Maximum',
  [tf.Minimum]: 'Minimum',
  [tf.Mod]: 'FloorMod',
  [tf.Multiply]: 'Mul',
  [tf.NotEqual]: 'NotEqual',
  [tf.Pow]: 'Pow',
  [tf.RealDiv]: 'RealDiv',
  [tf.SquaredDifference]: 'SquaredDifference',
  [tf.Sub]: 'Sub',
} as const;

const LOGICAL = { [tf.LogicalAnd]: 'LogicalAnd', [tf.LogicalOr]: 'LogicalOr' } as const;

/**
 * Registers elementwise ops. ReLU and addition, which run between a network's layers, keep a half format. The others
 * compute in float32.
 */
export function registerElementwise(): void {
  for (const [kernel, op] of Object.entries(UNARY)) {
    register(kernel, (call) =>
      widened(call.backend, [given(call, 'x')], (type, x) => call.backend.run(op, { T: { type } }, x)),
    );
  }
  for (const [kernel, op] of Object.entries(BINARY)) {
    register(kernel, (call) =>
      widened(call.backend, operands(call), (type, both) => call.backend.run(op, { T: { type } }, both)),
    );
  }
  for (const [kernel, op] of Object.entries(LOGICAL)) {
    register(kernel, (call) => call.backend.run(op, {}, operands(call)));
  }
  register(tf.LogicalNot, (call) => call.backend.run('LogicalNot', {}, [given(call, 'x')]));
  register(tf.Add, (call) =>
    inOneFormat(call.backend, operands(call), (type, both) =>
      call.backend.run('AddV2', { T: { type } }, both),
    ),
  );
  register(tf.AddN, (call) =>
    inOneFormat(call.backend, listed(call), (type, all) =>
      call.backend.run('AddN', { N: { int: all.length }, T: { type } }, all),
    ),
  );
  register(tf.Relu, (call) =>
    call.backend.run('Relu', { T: { type: call.backend.typeOf(given(call, 'x')) } }, [given(call, 'x')]),
  );
  register('ReluGradient', (call) =>
    inOneFormat(call.backend, [given(call, 'dy'), given(call, 'y')], (type, both) =>
      call.backend.run('ReluGrad', { T: { type } }, both),
    ),
  );
  register(tf.Step, step);
  register(tf.ClipByValue, clip);
  register(tf.Select, (call) => {
    const chosen = [given(call, 't'), given(call, 'e')];
    return widened(call.backend, chosen, (type, both) =>
      call.backend.run('SelectV2', { T: { type } }, [given(call, 'condition'), ...both]),
    );
  });
  register(tf.Cast, ({ inputs, attrs, backend }) =>
    backend.convert(inputs.x as tf.TensorInfo, NATIVE_TYPE[attrs.dtype as keyof typeof NATIVE_TYPE]),
  );
  // Values rounded to a half format are stored in it if the following ops compute in it.
  register(ROUNDING_KERNEL, (call) => {
    const { backend } = call;
    const { format } = call.attrs;
    const rounded = backend.convert(given(call, 'x'), NATIVE_TYPE[format]);
    if (backend.halfFormats.includes(format)) return rounded;
    const widened = backend.convert(rounded, NATIVE_TYPE.float32);
    backend.release(rounded);
    return widened;
  });
}

function operands(call: Call): [tf.TensorInfo, tf.TensorInfo] {
  return [given(call, 'a'), given(call, 'b')];
}

/** Returns 1 for positive values and `alpha` otherwise. */
function step(call: Call<typeof tf.Step>): tf.TensorInfo {
  const { backend, attrs } = call;
  return widened(backend, [given(call, 'x')], (type, [x]) => {
    const above = backend.run('Greater', { T: { type } }, [x as tf.TensorInfo, scalar(0, type)]);
    const y = backend.run('SelectV2', { T: { type } }, [
      above,
      scalar(1, type),
      scalar(attrs.alpha ?? 0, type),
    ]);
    backend.release(above);
    return y;
  });
}

function clip(call: Call<typeof tf.ClipByValue>): tf.TensorInfo {
  const { backend, attrs } = call;
  return widened(backend, [given(call, 'x')], (type, [x]) => {
    const bounded = backend.run('Minimum', { T: { type } }, [
      x as tf.TensorInfo,
      scalar(attrs.clipValueMax, type),
    ]);
    const y = backend.run('Maximum', { T: { type } }, [bounded, scalar(attrs.clipValueMin, type)]);
    backend.release(bounded);
    return y;
  });
}
