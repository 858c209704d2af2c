import { adaptiveShares } from '../../models/adaptiveShares';
import type { Graph, ImageShape, Layer, LayerId, Padding } from '../../models/graph';
import { torchLayoutsOf } from '../../models/torchLayout';
import { assertNever } from '../../shared/assertNever';
import { IS_BIG_ENDIAN, swapBytes } from '../../shared/byteOrder';
import type { ImageInput } from './imageInput';
import {
  bytesField,
  bytesOf,
  type Encoded,
  floatField,
  integerField,
  message,
  messageField,
  textField,
} from './protobuf';

/**
 * Writes networks as ONNX files (https://onnx.ai/onnx/intro/concepts.html): the protobuf message ModelProto of
 * onnx.proto. The field numbers here come from that file. Weights are in PyTorch's layout, which ONNX shares.
 */

/** Published in 2022, supported by ONNX Runtime 1.12 and later. */
const IR_VERSION = 8;
const OPSET_VERSION = 17;
const INPUT = 'images';
const OUTPUT = 'logits';
const BATCH = 'batch';
/** TensorProto.DataType. */
const FLOAT = 1;

/** Facts to write besides the network. */
export interface OnnxFacts {
  /** Name of the graph, such as the experiment's. */
  readonly name: string;
  /** Such as resnet50-D. */
  readonly model: string;
  readonly runId: string;
  /** This program's version. */
  readonly version: string;
  readonly input: ImageInput;
}

/**
 * Encodes a network in evaluation mode as an ONNX file. Its input `images` is float32 [batch, channels, height, width],
 * already normalized: (pixel / 255 - mean) / std, per channel. Its output `logits` is float32 [batch, classes]. The
 * file's metadata describe both with the values from `facts`.
 *
 * @param values Parameters and buffers by name, in our layout.
 * @throws if a value is missing
 */
export function encodeOnnx(
  graph: Graph,
  values: ReadonlyMap<string, Float32Array>,
  facts: OnnxFacts,
): Uint8Array {
  const { nodes, constants } = nodesOf(graph);
  const weights = torchLayoutsOf(graph).map(({ name, torchShape, toTorch }) => {
    const ours = values.get(name);
    if (!ours) throw new Error(`There is no ${name}`);
    return tensor(name, torchShape, toTorch(ours));
  });
  const { height, width, channels } = facts.input;
  const classes = shapeOf(graph, graph.output);
  const graphProto = message(
    ...nodes.map((node) => messageField(1, node)),
    textField(2, facts.name),
    ...[...weights, ...constants].map((initializer) => messageField(5, initializer)),
    messageField(11, valueInfo(INPUT, [BATCH, channels, height, width])),
    messageField(12, valueInfo(OUTPUT, [BATCH, ...classes])),
  );
  const model = message(
    integerField(1, IR_VERSION),
    textField(2, 'bag-of-tricks'),
    textField(3, facts.version),
    textField(6, DESCRIPTION),
    messageField(7, graphProto),
    messageField(8, message(textField(1, ''), integerField(2, OPSET_VERSION))),
    ...Object.entries(metadataOf(facts)).map(([key, value]) =>
      messageField(14, message(textField(1, key), textField(2, value))),
    ),
  );
  return bytesOf(model);
}

/** Shown when the file is opened in a viewer. */
const DESCRIPTION =
  'images: float32 [batch, channels, height, width], normalised: (pixel / 255 - mean) / std, by channel. ' +
  'logits: float32 [batch, classes], before softmax. Mean, std, image_size and class_names are in the metadata.';

/** ONNX Runtime's `custom_metadata_map`. Lists are JSON. */
function metadataOf({ model, runId, input }: OnnxFacts): Record<string, string> {
  return {
    class_names: JSON.stringify(input.classNames),
    mean: JSON.stringify(input.mean),
    std: JSON.stringify(input.std),
    image_size: JSON.stringify([input.height, input.width]),
    channels: String(input.channels),
    interpolation: input.interpolation,
    crop_pct: String(input.cropPct),
    model,
    run_id: runId,
  };
}

/** A graph's nodes, and their constant inputs that are not weights. */
interface Nodes {
  readonly nodes: readonly Encoded[];
  readonly constants: readonly Encoded[];
}

function nodesOf(graph: Graph): Nodes {
  const nodes: Encoded[] = [];
  const constants: Encoded[] = [];
  for (const id of graph.layers.keys()) {
    const made = layerNodes(graph, id);
    nodes.push(...made.nodes);
    constants.push(...made.constants);
  }
  return { nodes, constants };
}

/** Returns the nodes of a layer. The output of the last one has the layer's name. */
function layerNodes(graph: Graph, id: LayerId): Nodes {
  const layer = graph.layers[id] as Layer;
  const name = nameOf(graph, id);
  const single = (operator: string, inputs: readonly string[], attributes: readonly Encoded[] = []) => ({
    nodes: [node(operator, inputs, name, attributes)],
    constants: [],
  });
  switch (layer.kind) {
    case 'input':
    // Identity in evaluation mode.
    case 'dropout':
      return { nodes: [], constants: [] };
    case 'conv2d': {
      const { kernel, bias, stride, padding, groups } = layer;
      const [height = 1, width = 1] = kernel.shape;
      return single(
        'Conv',
        [nameOf(graph, layer.input), kernel.name, ...(bias ? [bias.name] : [])],
        [integer('group', groups), ...windowAttributes([height, width], stride, padding)],
      );
    }
    case 'batch_norm': {
      const { gamma, beta, runningMean, runningVariance, epsilon } = layer;
      const parameters = [gamma, beta, runningMean, runningVariance].map((each) => each.name);
      return single(
        'BatchNormalization',
        [nameOf(graph, layer.input), ...parameters],
        [float('epsilon', epsilon)],
      );
    }
    case 'relu':
      return single('Relu', [nameOf(graph, layer.input)]);
    case 'relu6': {
      const [least, most] = ['relu6.least', 'relu6.most'];
      const isFirst = graph.layers.findIndex(({ kind }) => kind === 'relu6') === id;
      return {
        nodes: [node('Clip', [nameOf(graph, layer.input), least, most], name)],
        constants: isFirst
          ? [tensor(least, [], Float32Array.of(0)), tensor(most, [], Float32Array.of(6))]
          : [],
      };
    }
    case 'add':
      return single(
        'Add',
        layer.inputs.map((input) => nameOf(graph, input)),
      );
    case 'concat':
      return single(
        'Concat',
        layer.inputs.map((input) => nameOf(graph, input)),
        [integer('axis', 1)],
      );
    case 'pool': {
      const { mode, size, stride, padding, countsPadding } = layer;
      const window = windowAttributes(size, stride, padding);
      const input = [nameOf(graph, layer.input)];
      return mode === 'max'
        ? single('MaxPool', input, window)
        : single('AveragePool', input, [...window, integer('count_include_pad', Number(countsPadding))]);
    }
    case 'adaptive_average_pool':
      return adaptivePoolNodes(graph, layer, name);
    case 'global_average_pool':
      return {
        nodes: [
          node('GlobalAveragePool', [nameOf(graph, layer.input)], `${name}.image`),
          node('Flatten', [`${name}.image`], name, [integer('axis', 1)]),
        ],
        constants: [],
      };
    case 'flatten':
      return single('Flatten', [nameOf(graph, layer.input)], [integer('axis', 1)]);
    case 'dense':
      return single(
        'Gemm',
        [nameOf(graph, layer.input), layer.kernel.name, ...(layer.bias ? [layer.bias.name] : [])],
        [integer('transB', 1)],
      );
    default:
      return assertNever(layer);
  }
}

/** ONNX has no adaptive pool. The means along rows and columns are matrix products, one on either side of the image. */
function adaptivePoolNodes(
  graph: Graph,
  { input, shape: [outHeight, outWidth] }: Extract<Layer, { kind: 'adaptive_average_pool' }>,
  name: string,
): Nodes {
  const [height, width] = shapeOf(graph, input) as ImageShape;
  const rows = adaptiveShares(height, outHeight);
  const columns = adaptiveShares(width, outWidth);
  const transposed = Array.from({ length: width }, (_, pixel) => columns.map((shares) => shares[pixel] ?? 0));
  return {
    nodes: [
      node('MatMul', [`${name}.rows`, nameOf(graph, input)], `${name}.wide`),
      node('MatMul', [`${name}.wide`, `${name}.columns`], name),
    ],
    constants: [
      tensor(`${name}.rows`, [outHeight, height], Float32Array.from(rows.flat())),
      tensor(`${name}.columns`, [width, outWidth], Float32Array.from(transposed.flat())),
    ],
  };
}

/** Returns the name of a layer's output: the layer's name, or its kind and index. */
function nameOf(graph: Graph, id: LayerId): string {
  const layer = graph.layers[id];
  if (!layer) throw new Error(`No layer ${id}`);
  if (layer.kind === 'input') return INPUT;
  if (layer.kind === 'dropout') return nameOf(graph, layer.input);
  if (id === withoutDropout(graph, graph.output)) return OUTPUT;
  return 'name' in layer ? layer.name : `${layer.kind}_${id}`;
}

/** Skips dropout: returns the layer that computes a layer's output. */
function withoutDropout(graph: Graph, id: LayerId): LayerId {
  const layer = graph.layers[id];
  return layer?.kind === 'dropout' ? withoutDropout(graph, layer.input) : id;
}

function shapeOf(graph: Graph, id: LayerId): readonly number[] {
  const layer = graph.layers[id];
  if (!layer) throw new Error(`No layer ${id}`);
  return layer.shape;
}

/** Encodes a NodeProto with one output, which has the node's name. */
function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Encoded[] = [],
): Encoded {
  return message(
    ...inputs.map((input) => textField(1, input)),
    textField(2, output),
    textField(3, output),
    textField(4, operator),
    ...attributes.map((attribute) => messageField(5, attribute)),
  );
}

function windowAttributes(
  size: readonly [height: number, width: number],
  stride: number,
  { top, left, bottom, right }: Padding,
): Encoded[] {
  return [
    integers('kernel_shape', size),
    integers('strides', [stride, stride]),
    integers('pads', [top, left, bottom, right]),
  ];
}

/** Encodes an AttributeProto. The last field is its AttributeType. */
function float(name: string, value: number): Encoded {
  return message(textField(1, name), floatField(2, value), integerField(20, 1));
}

function integer(name: string, value: number): Encoded {
  return message(textField(1, name), integerField(3, value), integerField(20, 2));
}

function integers(name: string, values: readonly number[]): Encoded {
  return message(textField(1, name), ...values.map((value) => integerField(8, value)), integerField(20, 7));
}

/** Encodes a float32 TensorProto. */
function tensor(name: string, shape: readonly number[], values: Float32Array): Encoded {
  return message(
    ...shape.map((extent) => integerField(1, extent)),
    integerField(2, FLOAT),
    textField(8, name),
    bytesField(9, littleEndian(values)),
  );
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (!IS_BIG_ENDIAN) return bytes;
  const copy = bytes.slice();
  swapBytes(copy, values.BYTES_PER_ELEMENT);
  return copy;
}

/** Encodes a ValueInfoProto of a float32 tensor. A text as an extent means any size. */
function valueInfo(name: string, shape: readonly (number | string)[]): Encoded {
  const dimensions = shape.map((extent) =>
    typeof extent === 'number' ? integerField(1, extent) : textField(2, extent),
  );
  const tensorShape = message(...dimensions.map((dimension) => messageField(1, dimension)));
  const type = message(messageField(1, message(integerField(1, FLOAT), messageField(2, tensorShape))));
  return message(textField(1, name), messageField(2, type));
}
