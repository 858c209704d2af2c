/**
 * A network as data: a list of layers, each with its input, output shape and parameters. Architectures build
 * one, the trainer executes it, and everyone else counts it without TensorFlow.js.
 */

import { assertNever } from '../shared/assertNever';

export type ImageShape = readonly [height: number, width: number, channels: number];
export type VectorShape = readonly [features: number];
/** A layer's output shape without the batch dimension. */
export type Shape = ImageShape | VectorShape;

/** Position of a layer in its graph. */
export type LayerId = number;

/** What a parameter is to the tricks: decay and initialisation are chosen by it. */
export type ParameterKind = 'kernel' | 'bias' | 'gamma' | 'beta';

export type Initializer =
  /** He et al. 2015: normal with standard deviation sqrt(2 / fan). */
  | { readonly kind: 'he_normal'; readonly fan: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Normal, what lies past the bounds on either side drawn again. */
  | { readonly kind: 'truncated_normal'; readonly deviation: number; readonly bound: number }
  /** Uniform in [-bound, bound]. */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface ParameterSpec {
  /** torchvision's name, such as `layer1.0.conv1.weight`. */
  readonly name: string;
  readonly kind: ParameterKind;
  /** TensorFlow.js layout: convolution kernels [height, width, in / groups, out], dense kernels [in, out]. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
}

/** State that training updates without a gradient: batch norm's running statistics. */
export interface BufferSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly value: number;
}

/** Explicit zero padding in pixels, as PyTorch counts it. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export type Layer =
  | { readonly kind: 'input'; readonly shape: ImageShape }
  | {
      readonly kind: 'conv2d';
      readonly name: string;
      readonly input: LayerId;
      readonly kernel: ParameterSpec;
      readonly bias: ParameterSpec | null;
      readonly stride: number;
      readonly padding: Padding;
      /** 1 for a plain convolution, the input's channels for a depthwise one. */
      readonly groups: number;
      readonly shape: ImageShape;
    }
  | {
      readonly kind: 'batch_norm';
      readonly name: string;
      readonly input: LayerId;
      readonly gamma: ParameterSpec;
      readonly beta: ParameterSpec;
      readonly runningMean: BufferSpec;
      readonly runningVariance: BufferSpec;
      /** The last norm of a residual branch: zero_gamma starts its gamma at 0. */
      readonly endsResidualBranch: boolean;
      /** Added to the variance. */
      readonly epsilon: number;
      /** Share of the batch's statistics in the running ones at each step (PyTorch's momentum). */
      readonly momentum: number;
      readonly shape: ImageShape;
    }
  | { readonly kind: 'relu'; readonly input: LayerId; readonly shape: Shape }
  /** min(max(x, 0), 6). */
  | { readonly kind: 'relu6'; readonly input: LayerId; readonly shape: Shape }
  | { readonly kind: 'add'; readonly inputs: readonly [LayerId, LayerId]; readonly shape: ImageShape }
  /** The channels of images of one size, one input's after another's. */
  | { readonly kind: 'concat'; readonly inputs: readonly LayerId[]; readonly shape: ImageShape }
  /**
   * In training, leaves out what falls to a probability of `rate` and scales the rest by 1 / (1 - rate); in use it
   * changes nothing. `per` value it is dropout (Srivastava et al. 2014), `per` image, at the end of a residual
   * branch, stochastic depth (Huang et al. 2016).
   */
  | {
      readonly kind: 'dropout';
      readonly input: LayerId;
      readonly rate: number;
      readonly per: 'value' | 'image';
      readonly shape: Shape;
    }
  | {
      readonly kind: 'pool';
      readonly mode: 'max' | 'average';
      readonly input: LayerId;
      readonly size: readonly [height: number, width: number];
      readonly stride: number;
      readonly padding: Padding;
      /** Whether the zeros of the padding count in a mean. */
      readonly countsPadding: boolean;
      readonly shape: ImageShape;
    }
  /** Means over windows that divide any image into the output's pixels, as PyTorch's AdaptiveAvgPool2d lays them. */
  | { readonly kind: 'adaptive_average_pool'; readonly input: LayerId; readonly shape: ImageShape }
  /** Mean over height and width. */
  | { readonly kind: 'global_average_pool'; readonly input: LayerId; readonly shape: VectorShape }
  | { readonly kind: 'flatten'; readonly input: LayerId; readonly shape: VectorShape }
  | {
      readonly kind: 'dense';
      readonly name: string;
      readonly input: LayerId;
      readonly kernel: ParameterSpec;
      readonly bias: ParameterSpec | null;
      readonly shape: VectorShape;
    };

export interface Graph {
  readonly layers: readonly Layer[];
  readonly output: LayerId;
}

/** Every trainable parameter of a graph, in layer order. */
export function parametersOf(graph: Graph): ParameterSpec[] {
  return graph.layers.flatMap(layerParameters);
}

/** The trainable parameters of a layer. */
export function layerParameters(layer: Layer): ParameterSpec[] {
  switch (layer.kind) {
    case 'conv2d':
    case 'dense':
      return layer.bias ? [layer.kernel, layer.bias] : [layer.kernel];
    case 'batch_norm':
      return [layer.gamma, layer.beta];
    case 'input':
    case 'relu':
    case 'relu6':
    case 'add':
    case 'concat':
    case 'dropout':
    case 'pool':
    case 'adaptive_average_pool':
    case 'global_average_pool':
    case 'flatten':
      return [];
    default:
      return assertNever(layer);
  }
}

/** Number of values of parameters. */
export function elementsOf(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** Every buffer of a graph, in layer order. */
export function buffersOf(graph: Graph): BufferSpec[] {
  return graph.layers.flatMap((layer) =>
    layer.kind === 'batch_norm' ? [layer.runningMean, layer.runningVariance] : [],
  );
}

/** The norms that zero_gamma starts at gamma 0: the last of every residual branch. */
export function zeroGammaNormsOf(graph: Graph): Extract<Layer, { kind: 'batch_norm' }>[] {
  return graph.layers
    .filter((layer) => layer.kind === 'batch_norm')
    .filter((norm) => norm.endsResidualBranch);
}

/** Number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Multiply-adds of one image's forward pass. */
export function multiplyAddsOf(graph: Graph): number {
  return graph.layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
}

/** Multiply-adds of a layer for one image: of convolutions and fully connected layers alone, as in the paper's table 5. */
export function layerMultiplyAdds(layer: Layer): number {
  if (layer.kind === 'conv2d') {
    const [height, width] = layer.shape;
    return height * width * sizeOf(layer.kernel.shape);
  }
  return layer.kind === 'dense' ? sizeOf(layer.kernel.shape) : 0;
}
