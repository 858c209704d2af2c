import { buffersOf, type Graph, type ImageShape, type LayerId, parametersOf, sizeOf } from './graph';

/**
 * PyTorch's layout of a parameter or buffer. Convolution kernels are [out, in / groups, height, width] there and
 * [height, width, in / groups, out] here. Fully connected kernels are [out, in] there and [in, out] here. Everything
 * else is the same.
 */
export interface TorchLayout {
  readonly name: string;
  /** Shape in this product's layout. */
  readonly shape: readonly number[];
  readonly torchShape: readonly number[];
  /** Reorders values from this product's layout to PyTorch's. */
  toTorch(values: Float32Array): Float32Array;
  /** Reorders values from PyTorch's layout to this product's. */
  fromTorch(values: Float32Array): Float32Array;
}

/** Returns the layouts of all parameters and buffers of a graph, in layer order. */
export function torchLayoutsOf(graph: Graph): TorchLayout[] {
  const images = flattenedImagesOf(graph);
  const kernels = new Set(
    parametersOf(graph)
      .filter(({ kind }) => kind === 'kernel')
      .map(({ name }) => name),
  );
  return [...parametersOf(graph), ...buffersOf(graph)].map(({ name, shape }) =>
    kernels.has(name) ? kernelLayout(name, shape, images.get(name)) : sameLayout(name, shape),
  );
}

function sameLayout(name: string, shape: readonly number[]): TorchLayout {
  return { name, shape, torchShape: shape, toTorch: (values) => values, fromTorch: (values) => values };
}

/**
 * @param image Shape of a fully connected kernel's input before flattening. Rows here are ordered by height, width and
 *   channel. PyTorch's columns are ordered by channel, height and width.
 */
function kernelLayout(name: string, shape: readonly number[], image: ImageShape | undefined): TorchLayout {
  const [rows = 1, columns = 1, inputs, outputs] = shape;
  const extents: Extents =
    inputs !== undefined && outputs !== undefined
      ? [rows, columns, inputs, outputs]
      : [...(image ?? ([1, 1, rows] as const)), columns];
  const [height, width, channels, out] = extents;
  return {
    name,
    shape,
    torchShape: shape.length === 4 ? [out, channels, height, width] : [columns, rows],
    toTorch: (values) => transposed(values, extents, [3, 2, 0, 1]),
    fromTorch: (values) => transposed(values, [out, channels, height, width], [2, 3, 1, 0]),
  };
}

type Extents = readonly [number, number, number, number];
type Axis = 0 | 1 | 2 | 3;

/** Permutes the axes of a row-major array with these extents into the order `axes`. */
function transposed(
  values: Float32Array,
  extents: Extents,
  axes: readonly [Axis, Axis, Axis, Axis],
): Float32Array {
  if (values.length !== sizeOf(extents)) throw new Error(`${values.length} values for [${extents}]`);
  const [, second, third, fourth] = extents;
  const strides: Extents = [second * third * fourth, third * fourth, fourth, 1];
  const [e0, e1, e2, e3] = axes.map((axis) => extents[axis]) as unknown as Extents;
  const [s0, s1, s2, s3] = axes.map((axis) => strides[axis]) as unknown as Extents;
  const result = new Float32Array(values.length);
  let to = 0;
  for (let a = 0; a < e0; a++) {
    for (let b = 0; b < e1; b++) {
      for (let c = 0; c < e2; c++) {
        let from = a * s0 + b * s1 + c * s2;
        for (let d = 0; d < e3; d++, from += s3) result[to++] = values[from] as number;
      }
    }
  }
  return result;
}

/**
 * Returns the image shape that each fully connected kernel's input was flattened from, by kernel name. Kernels without
 * one are omitted.
 */
function flattenedImagesOf(graph: Graph): Map<string, ImageShape> {
  return new Map(
    graph.layers.flatMap((layer) => {
      const image = layer.kind === 'dense' ? flattenedImage(graph, layer.input) : null;
      return layer.kind === 'dense' && image ? [[layer.kernel.name, image]] : [];
    }),
  );
}

/**
 * Returns the shape of the image that a layer's output was flattened from. Looks through layers that keep the order of
 * values, such as ReLU.
 */
function flattenedImage(graph: Graph, id: LayerId): ImageShape | null {
  const layer = graph.layers[id];
  if (!layer || layer.kind === 'dense' || !('input' in layer)) return null;
  const input = graph.layers[layer.input]?.shape;
  if (layer.kind === 'flatten') return input?.length === 3 ? input : null;
  return input?.join() === layer.shape.join() ? flattenedImage(graph, layer.input) : null;
}
