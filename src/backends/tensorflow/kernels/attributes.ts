import type * as tf from '@tensorflow/tfjs-core';
import type { OwnKernelName, OwnKernels } from '../../ownKernels';

/** Attributes by TensorFlow.js kernel name, for the kernels that have any. */
interface StandardAttributes {
  All: tf.AllAttrs;
  Any: tf.AnyAttrs;
  ArgMax: tf.ArgMaxAttrs;
  ArgMin: tf.ArgMinAttrs;
  AvgPool: tf.AvgPoolAttrs;
  AvgPoolGrad: tf.AvgPoolGradAttrs;
  BatchMatMul: tf.BatchMatMulAttrs;
  BroadcastTo: tf.BroadCastToAttrs;
  Cast: tf.CastAttrs;
  ClipByValue: tf.ClipByValueAttrs;
  Concat: tf.ConcatAttrs;
  Conv2D: tf.Conv2DAttrs;
  Conv2DBackpropFilter: tf.Conv2DBackpropFilterAttrs;
  Conv2DBackpropInput: tf.Conv2DBackpropInputAttrs;
  DepthwiseConv2dNative: tf.DepthwiseConv2dNativeAttrs;
  DepthwiseConv2dNativeBackpropFilter: tf.DepthwiseConv2dNativeBackpropFilterAttrs;
  DepthwiseConv2dNativeBackpropInput: tf.DepthwiseConv2dNativeBackpropInputAttrs;
  ExpandDims: tf.ExpandDimsAttrs;
  Fill: tf.FillAttrs;
  FusedDepthwiseConv2D: tf.FusedDepthwiseConv2DAttrs;
  GatherV2: tf.GatherV2Attrs;
  Max: tf.MaxAttrs;
  MaxPool: tf.MaxPoolAttrs;
  MaxPoolGrad: tf.MaxPoolGradAttrs;
  Mean: tf.MeanAttrs;
  Min: tf.MinAttrs;
  OneHot: tf.OneHotAttrs;
  Pack: tf.PackAttrs;
  PadV2: tf.PadV2Attrs;
  Prod: tf.ProdAttrs;
  Reshape: tf.ReshapeAttrs;
  Reverse: tf.ReverseAttrs;
  Slice: tf.SliceAttrs;
  SplitV: tf.SplitVAttrs;
  Step: tf.StepAttrs;
  Sum: tf.SumAttrs;
  Tile: tf.TileAttrs;
  Transpose: tf.TransposeAttrs;
}

/** The attributes of a kernel by its name. Unknown for a kernel without attributes, or for an arbitrary name. */
export type AttributesOf<Name extends string> = Name extends OwnKernelName
  ? OwnKernels[Name]['attributes']
  : Name extends keyof StandardAttributes
    ? StandardAttributes[Name]
    : unknown;
