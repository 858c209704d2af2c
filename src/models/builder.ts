import {
  type BufferSpec,
  type Graph,
  type ImageShape,
  type Initializer,
  type Layer,
  type LayerId,
  type Padding,
  type ParameterSpec,
  type Shape,
  sizeOf,
} from './graph';

/** Batch norm constants of PyTorch and torchvision. */
const BATCH_NORM = { epsilon: 1e-5, momentum: 0.1 } as const;

/** One number for both axes, or height and width. */
type Extent = number | readonly [height: number, width: number];

/** Returns a kernel's initializer for its fan-in (the number of values that each output sums). */
export type KernelInitializer = (fanIn: number) => Initializer;

/**
 * PyTorch's default for the kernels and biases of convolutions and fully connected layers: uniform within 1 / sqrt(fan
 * in).
 */
export const uniformByFanIn: KernelInitializer = (fanIn) => ({
  kind: 'uniform',
  bound: 1 / Math.sqrt(fanIn),
});

/** He et al. 2015, by fan-in. */
export const heByFanIn: KernelInitializer = (fanIn) => ({ kind: 'he_normal', fan: fanIn });

export interface ConvolutionOptions {
  readonly kernelSize: Extent;
  readonly stride?: number;
  /** Padding in pixels on every side, or [top and bottom, left and right]. By default it keeps the size at stride 1. */
  readonly padding?: Extent;
  readonly groups?: number;
  /** The bias initializer. No bias by default. */
  readonly bias?: Initializer;
  /** Default: He et al. 2015, by fan-out, as in torchvision's ResNets. */
  readonly initializer?: KernelInitializer;
}

export interface DenseOptions {
  /** Default: PyTorch's. */
  readonly initializer?: KernelInitializer;
  /** Default: PyTorch's. */
  readonly bias?: Initializer;
}

/** Builds a graph layer by layer and infers shapes. An impossible shape is a programming error and throws. */
export class GraphBuilder {
  readonly #layers: Layer[] = [];
  /** The input layer: images of [height, width, channels]. */
  readonly input: LayerId;

  constructor(shape: ImageShape) {
    this.input = this.#push({ kind: 'input', shape });
  }

  convolution(name: string, input: LayerId, filters: number, options: ConvolutionOptions): LayerId {
    const { stride = 1, groups = 1, bias = null } = options;
    const kernelSize = pair(options.kernelSize);
    const padding = pair(options.padding ?? [(kernelSize[0] - 1) >> 1, (kernelSize[1] - 1) >> 1]);
    const [height, width, channels] = this.imageShape(input);
    const shape = [...kernelSize, channels / groups, filters];
    const pixels = kernelSize[0] * kernelSize[1];
    return this.#push({
      kind: 'conv2d',
      name,
      input,
      kernel: parameter(
        `${name}.weight`,
        'kernel',
        shape,
        options.initializer?.((pixels * channels) / groups) ?? {
          kind: 'he_normal',
          fan: (pixels * filters) / groups,
        },
      ),
      bias: bias && parameter(`${name}.bias`, 'bias', [filters], bias),
      stride,
      padding: evenly(padding),
      groups,
      shape: [
        windows(height + 2 * padding[0], kernelSize[0], stride),
        windows(width + 2 * padding[1], kernelSize[1], stride),
        filters,
      ],
    });
  }

  /** Adds batch norm over the channels. */
  batchNorm(
    name: string,
    input: LayerId,
    options: { readonly endsResidualBranch?: boolean; readonly epsilon?: number } = {},
  ): LayerId {
    const shape = this.imageShape(input);
    const channels = [shape[2]];
    return this.#push({
      kind: 'batch_norm',
      name,
      input,
      gamma: parameter(`${name}.weight`, 'gamma', channels, constant(1)),
      beta: parameter(`${name}.bias`, 'beta', channels, constant(0)),
      runningMean: buffer(`${name}.running_mean`, channels, 0),
      runningVariance: buffer(`${name}.running_var`, channels, 1),
      endsResidualBranch: options.endsResidualBranch ?? false,
      ...BATCH_NORM,
      epsilon: options.epsilon ?? BATCH_NORM.epsilon,
      shape,
    });
  }

  relu(input: LayerId): LayerId {
    return this.#push({ kind: 'relu', input, shape: this.shapeOf(input) });
  }

  relu6(input: LayerId): LayerId {
    return this.#push({ kind: 'relu6', input, shape: this.shapeOf(input) });
  }

  add(left: LayerId, right: LayerId): LayerId {
    const shape = this.imageShape(left);
    if (this.imageShape(right).join() !== shape.join()) {
      throw new Error(`Cannot add ${shape} and ${this.shapeOf(right)}`);
    }
    return this.#push({ kind: 'add', inputs: [left, right], shape });
  }

  /** Concatenates channels. All inputs must have the same height and width. */
  concat(inputs: readonly LayerId[]): LayerId {
    const shapes = inputs.map((input) => this.imageShape(input));
    const [height, width] = shapes[0] ?? [0, 0];
    if (shapes.some((shape) => shape[0] !== height || shape[1] !== width)) {
      throw new Error(`Cannot concatenate ${shapes.join(' and ')}`);
    }
    const channels = shapes.reduce((sum, shape) => sum + shape[2], 0);
    return this.#push({ kind: 'concat', inputs, shape: [height, width, channels] });
  }

  /** Adds no layer at rate 0. */
  dropout(input: LayerId, options: { readonly rate: number; readonly per: 'value' | 'image' }): LayerId {
    if (options.rate === 0) return input;
    return this.#push({ kind: 'dropout', input, ...options, shape: this.shapeOf(input) });
  }

  pool(
    mode: 'max' | 'average',
    input: LayerId,
    options: {
      readonly size: Extent;
      readonly stride: number;
      readonly padding?: number;
      readonly countsPadding?: boolean;
      /** Whether the last window may start inside the image and end outside (PyTorch's ceil_mode). */
      readonly reachesAll?: boolean;
    },
  ): LayerId {
    const { stride, padding = 0, countsPadding = false, reachesAll = false } = options;
    const size = pair(options.size);
    const [height, width, channels] = this.imageShape(input);
    const bottom = padding + (reachesAll ? missing(height + 2 * padding, size[0], stride) : 0);
    const right = padding + (reachesAll ? missing(width + 2 * padding, size[1], stride) : 0);
    return this.#push({
      kind: 'pool',
      mode,
      input,
      size,
      stride,
      padding: { top: padding, bottom, left: padding, right },
      countsPadding,
      shape: [
        windows(padding + height + bottom, size[0], stride),
        windows(padding + width + right, size[1], stride),
        channels,
      ],
    });
  }

  /** Takes the maximum over height and width. The output is a 1x1 image. */
  globalMaxPool(input: LayerId): LayerId {
    const [height, width] = this.imageShape(input);
    return this.pool('max', input, { size: [height, width], stride: 1 });
  }

  /** Averages windows of an image of any size down to `size`. Adds no layer if the image already has that size. */
  adaptiveAveragePool(input: LayerId, size: readonly [height: number, width: number]): LayerId {
    const [height, width, channels] = this.imageShape(input);
    if (height === size[0] && width === size[1]) return input;
    return this.#push({ kind: 'adaptive_average_pool', input, shape: [...size, channels] });
  }

  globalAveragePool(input: LayerId): LayerId {
    return this.#push({ kind: 'global_average_pool', input, shape: [this.imageShape(input)[2]] });
  }

  flatten(input: LayerId): LayerId {
    return this.#push({ kind: 'flatten', input, shape: [sizeOf(this.shapeOf(input))] });
  }

  /** Adds a fully connected layer with bias. */
  dense(name: string, input: LayerId, features: number, options: DenseOptions = {}): LayerId {
    const shape = this.shapeOf(input);
    if (shape.length !== 1) throw new Error(`A dense layer takes a vector, not ${shape}`);
    const { initializer = uniformByFanIn, bias = uniformByFanIn(shape[0]) } = options;
    return this.#push({
      kind: 'dense',
      name,
      input,
      kernel: parameter(`${name}.weight`, 'kernel', [shape[0], features], initializer(shape[0])),
      bias: parameter(`${name}.bias`, 'bias', [features], bias),
      shape: [features],
    });
  }

  /** Returns the graph that ends in `output`. */
  build(output: LayerId): Graph {
    return { layers: [...this.#layers], output };
  }

  shapeOf(id: LayerId): Shape {
    const layer = this.#layers[id];
    if (!layer) throw new Error(`No layer ${id}`);
    return layer.shape;
  }

  imageShape(id: LayerId): ImageShape {
    const shape = this.shapeOf(id);
    if (shape.length !== 3) throw new Error(`Layer ${id} gives a vector, not an image`);
    return shape;
  }

  #push(layer: Layer): LayerId {
    if (layer.shape.some((extent) => extent < 1 || !Number.isInteger(extent))) {
      throw new Error(`Layer ${layer.kind} has the impossible shape ${layer.shape}`);
    }
    return this.#layers.push(layer) - 1;
  }
}

function windows(extent: number, size: number, stride: number): number {
  return Math.floor((extent - size) / stride) + 1;
}

/** Returns the pixels to add after `extent` for the windows to cover all of it. */
function missing(extent: number, size: number, stride: number): number {
  return Math.max(Math.ceil((extent - size) / stride), 0) * stride + size - extent;
}

function pair(extent: Extent): readonly [height: number, width: number] {
  return typeof extent === 'number' ? [extent, extent] : extent;
}

function evenly([vertical, horizontal]: readonly [number, number]): Padding {
  return { top: vertical, bottom: vertical, left: horizontal, right: horizontal };
}

export function constant(value: number): Initializer {
  return { kind: 'constant', value };
}

function parameter(
  name: string,
  kind: ParameterSpec['kind'],
  shape: readonly number[],
  initializer: Initializer,
): ParameterSpec {
  return { name, kind, shape, initializer };
}

function buffer(name: string, shape: readonly number[], value: number): BufferSpec {
  return { name, shape, value };
}
