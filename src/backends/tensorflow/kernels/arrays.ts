import * as tf from '@tensorflow/tfjs-core';
import { NATIVE_TYPE } from '../binding';
import { type Call, given, INT32, inOneFormat, integers, listed, register, scalar } from './register';

/** Registers ops that only move values. They keep the format of their inputs. */
export function registerArrays(): void {
  register(tf.Identity, (call) => call.backend.share(given(call, 'x')));
  register(tf.Reshape, (call) => reshape(call, given(call, 'x'), call.attrs.shape));
  register(tf.ExpandDims, (call) => {
    const input = given(call, 'input');
    const shape = [...input.shape];
    shape.splice(call.attrs.dim < 0 ? call.attrs.dim + shape.length + 1 : call.attrs.dim, 0, 1);
    return reshape(call, input, shape);
  });
  register(tf.Transpose, (call) => moved('Transpose', 'Tperm', call, given(call, 'x'), call.attrs.perm));
  register(tf.Tile, (call) => moved('Tile', 'Tmultiples', call, given(call, 'x'), call.attrs.reps));
  register(tf.BroadcastTo, (call) => moved('BroadcastTo', 'Tidx', call, given(call, 'x'), call.attrs.shape));
  register(tf.Reverse, (call) =>
    moved('ReverseV2', 'Tidx', call, given(call, 'x'), [call.attrs.dims].flat()),
  );
  register(tf.Slice, (call) => {
    const x = given(call, 'x');
    const [begin, size] = tf.slice_util.parseSliceParams(
      x as tf.Tensor,
      call.attrs.begin,
      call.attrs.size,
    ) as [number[], number[]];
    const type = call.backend.typeOf(x);
    return call.backend.run('Slice', { T: { type }, Index: INT32 }, [x, integers(begin), integers(size)]);
  });
  register(tf.PadV2, pad);
  register(tf.Concat, (call) =>
    inOneFormat(call.backend, listed(call), (type, tensors) =>
      call.backend.run('ConcatV2', { N: { int: tensors.length }, T: { type }, Tidx: INT32 }, [
        ...tensors,
        { integers: [call.attrs.axis], shape: [] },
      ]),
    ),
  );
  register(tf.Pack, (call) =>
    inOneFormat(call.backend, listed(call), (type, tensors) =>
      call.backend.run(
        'Pack',
        { N: { int: tensors.length }, T: { type }, axis: { int: call.attrs.axis } },
        tensors,
      ),
    ),
  );
  register(tf.SplitV, split);
  register(tf.GatherV2, gather);
  register(tf.OneHot, oneHot);
  register(tf.Fill, ({ backend, attrs }) => {
    if (typeof attrs.value === 'string') throw new Error("TensorFlow's engine has no tensors of strings");
    const type = NATIVE_TYPE[(attrs.dtype ?? 'float32') as keyof typeof NATIVE_TYPE];
    return backend.run('Fill', { T: { type }, index_type: INT32 }, [
      integers(attrs.shape),
      scalar(attrs.value, type),
    ]);
  });
  register(tf.ZerosLike, (call) => filledLike('ZerosLike', call));
  register(tf.OnesLike, (call) => filledLike('OnesLike', call));
}

function reshape({ backend }: Call, x: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  const size = tf.util.sizeFromShape(x.shape);
  const whole = tf.util.inferFromImplicitShape([...shape], size);
  return backend.run('Reshape', { T: { type: backend.typeOf(x) }, Tshape: INT32 }, [x, integers(whole)]);
}

/** Runs an op that takes one list of integers. */
function moved(
  op: string,
  indexAttribute: string,
  { backend }: Call,
  x: tf.TensorInfo,
  values: readonly number[],
): tf.TensorInfo {
  return backend.run(op, { T: { type: backend.typeOf(x) }, [indexAttribute]: INT32 }, [x, integers(values)]);
}

function pad(call: Call<typeof tf.PadV2>): tf.TensorInfo {
  const { backend, attrs } = call;
  const x = given(call, 'x');
  const type = backend.typeOf(x);
  const { paddings } = attrs;
  return backend.run('PadV2', { T: { type }, Tpaddings: INT32 }, [
    x,
    { integers: paddings.flat(), shape: [paddings.length, 2] },
    scalar(attrs.constantValue ?? 0, type),
  ]);
}

function split(call: Call<typeof tf.SplitV>): tf.TensorInfo[] {
  const { backend, attrs } = call;
  const x = given(call, 'x');
  const [axis = 0] = tf.util.parseAxisParam(attrs.axis, x.shape);
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
  const type = { type: backend.typeOf(x) };
  return backend.runAll(
    'SplitV',
    { T: type, Tlen: INT32, num_split: { int: sizes.length } },
    [x, integers(sizes), { integers: [axis], shape: [] }],
    sizes.length,
  );
}

function gather(call: Call<typeof tf.GatherV2>): tf.TensorInfo {
  const { backend, attrs } = call;
  const x = given(call, 'x');
  return backend.run(
    'GatherV2',
    {
      Tparams: { type: backend.typeOf(x) },
      Tindices: INT32,
      Taxis: INT32,
      batch_dims: { int: attrs.batchDims ?? 0 },
    },
    [x, given(call, 'indices'), { integers: [attrs.axis], shape: [] }],
  );
}

function oneHot(call: Call<typeof tf.OneHot>): tf.TensorInfo {
  const { backend, attrs } = call;
  const type = NATIVE_TYPE[attrs.dtype as keyof typeof NATIVE_TYPE];
  return backend.run('OneHot', { T: { type }, TI: INT32, axis: { int: -1 } }, [
    given(call, 'indices'),
    { integers: [attrs.depth], shape: [] },
    scalar(attrs.onValue, type),
    scalar(attrs.offValue, type),
  ]);
}

function filledLike(op: 'ZerosLike' | 'OnesLike', call: Call): tf.TensorInfo {
  const x = given(call, 'x');
  return call.backend.run(op, { T: { type: call.backend.typeOf(x) } }, [x]);
}
