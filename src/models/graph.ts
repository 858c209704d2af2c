/**
 * A network as data: a list of layers, each with its input, output shape and parameters. Architectures build it, the
 * trainer executes it, and all other code analyzes it without TensorFlow.js.
 */

import { assertNever } from '../shared/assertNever';

export type ImageShape = readonly [height: number, width: number, channels: number];
export type VectorShape = readonly [features: number];
/** A layer's output shape without the batch dimension. */
export type Shape = ImageShape | VectorShape;

/** Index of a layer in its graph. */
export type LayerId = number;

/** Role of a parameter. Weight decay and initialization depend on it. */
export type ParameterKind = 'kernel' | 'bias' | 'gamma' | 'beta';

export type Initializer =
  /** He et al. 2015: normal with standard deviation sqrt(2 / fan). */
  | { readonly kind: 'he_normal'; readonly fan: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Normal. Values beyond the bound on either side are redrawn. */
  | { readonly kind: 'truncated_normal'; readonly deviation: number; readonly bound: number }
  /** Uniform in [-bound, bound]. */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface ParameterSpec {
  /** torchvision's name, e.g. `layer1.0.conv1.weight`. */
  readonly name: string;
  readonly kind: ParameterKind;
  /** TensorFlow.js layout: convolution kernels [height, width, in / groups, out], dense kernels [in, out]. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
}

/** State that training updates without a gradient: the running statistics of batch norm. */
export interface BufferSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly value: number;
}

/** Explicit zero padding in pixels, as in PyTorch. */
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
      /** 1 for a plain convolution, the number of input channels for a depthwise one. */
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
      /** Whether this is the last norm of a residual branch. zero_gamma initializes its gamma to 0. */
      readonly endsResidualBranch: boolean;
      /** Added to the variance. */
      readonly epsilon: number;
      /** Weight of the batch statistics in each update of the running statistics (PyTorch's momentum). */
      readonly momentum: number;
      readonly shape: ImageShape;
    }
  | { readonly kind: 'relu'; readonly input: LayerId; readonly shape: Shape }
  /** min(max(x, 0), 6). */
  | { readonly kind: 'relu6'; readonly input: LayerId; readonly shape: Shape }
  | { readonly kind: 'add'; readonly inputs: readonly [LayerId, LayerId]; readonly shape: ImageShape }
  /** Concatenates the channels of same-sized images, in input order. */
  | { readonly kind: 'concat'; readonly inputs: readonly LayerId[]; readonly shape: ImageShape }
  /**
   * In training, drops values with probability `rate` and scales the rest by 1 / (1 - rate). A no-op in inference.
   * `per` value is dropout (Srivastava et al. 2014). `per` image, at the end of a residual branch, is stochastic depth
   * (Huang et al. 2016).
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
      /** Whether padding zeros count in a mean. */
      readonly countsPadding: boolean;
      readonly shape: ImageShape;
    }
  /** Averages windows that divide any image into the output pixels, as PyTorch's AdaptiveAvgPool2d does. */
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

/** Returns every trainable parameter of a graph, in layer order. */
export function parametersOf(graph: Graph): ParameterSpec[] {
  return graph.layers.flatMap(layerParameters);
}

/** Returns the trainable parameters of a layer. */
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

/** Returns the total number of values in `parameters`. */
export function elementsOf(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** Returns every buffer of a graph, in layer order. */
export function buffersOf(graph: Graph): BufferSpec[] {
  return graph.layers.flatMap((layer) =>
    layer.kind === 'batch_norm' ? [layer.runningMean, layer.runningVariance] : [],
  );
}

/** Returns the norms whose gamma zero_gamma initializes to 0: the last one of every residual branch. */
export function zeroGammaNormsOf(graph: Graph): Extract<Layer, { kind: 'batch_norm' }>[] {
  return graph.layers
    .filter((layer) => layer.kind === 'batch_norm')
    .filter((norm) => norm.endsResidualBranch);
}

/** Returns the number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Returns the multiply-adds of one image's forward pass. */
export function multiplyAddsOf(graph: Graph): number {
  return graph.layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
}

/**
 * Returns the multiply-adds of a layer for one image. Only convolutions and fully connected layers count, as in the
 * paper's table 5.
 */
export function layerMultiplyAdds(layer: Layer): number {
  if (layer.kind === 'conv2d') {
    const [height, width] = layer.shape;
    return height * width * sizeOf(layer.kernel.shape);
  }
  return layer.kind === 'dense' ? sizeOf(layer.kernel.shape) : 0;
}
