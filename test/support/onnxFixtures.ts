import type { ImageInput } from '../../src/interop/export/imageInput';
import type { OnnxFacts } from '../../src/interop/export/onnx';
import { constant, GraphBuilder } from '../../src/models/builder';
import { buildGraph } from '../../src/models/catalog';
import { buffersOf, type Graph, type ImageShape, parametersOf, sizeOf } from '../../src/models/graph';

/** The networks in test/fixtures/onnx. bench/parity/exports.ts wrote their files, and ONNX Runtime has read them. */
export const ONNX_FIXTURES: Readonly<Record<'layers' | 'resnet8', Graph>> = {
  layers: everyLayer([11, 9, 3], 5),
  resnet8: buildGraph({ name: 'resnet8', width: 4 }, [12, 10, 3], 5),
};
export type OnnxFixture = keyof typeof ONNX_FIXTURES;

/** The number of images that the fixtures' logits belong to. */
export const FIXTURE_IMAGES = 2;

/**
 * Builds a network with every kind of layer except the global pool (which resnet8 has), with uneven paddings and
 * windows.
 */
function everyLayer(image: ImageShape, classes: number): Graph {
  const graph = new GraphBuilder(image);
  let x = graph.convolution('stem', graph.input, 6, { kernelSize: [3, 1], stride: 2, bias: constant(0) });
  x = graph.relu(graph.batchNorm('norm', x, { epsilon: 1e-3 }));
  const depthwise = graph.convolution('depthwise', x, 6, { kernelSize: 3, groups: 6 });
  x = graph.add(graph.dropout(depthwise, { rate: 0.5, per: 'image' }), x);
  x = graph.concat([
    graph.pool('max', x, { size: 3, stride: 2, padding: 1 }),
    graph.pool('average', x, { size: 3, stride: 2, padding: 1 }),
    graph.pool('average', x, { size: 3, stride: 2, padding: 1, countsPadding: true }),
  ]);
  x = graph.pool('average', x, { size: 2, stride: 2, reachesAll: true });
  x = graph.flatten(graph.adaptiveAveragePool(x, [3, 1]));
  x = graph.relu(graph.dense('hidden', graph.dropout(x, { rate: 0.5, per: 'value' }), 4));
  return graph.build(graph.dropout(graph.dense('head', x, classes), { rate: 0.5, per: 'value' }));
}

/**
 * Returns values that depend only on their names: kernels with He initialization's scale, norm scales and variances
 * around 1.
 */
export function fixtureValues(graph: Graph): Map<string, Float32Array> {
  const parameters = parametersOf(graph).map(({ name, kind, shape }) => {
    const fanIn = sizeOf(shape.slice(0, -1));
    const spread = kind === 'kernel' ? Math.sqrt(6 / fanIn) : 0.3;
    const center = kind === 'gamma' ? 1 : 0;
    return [name, drawn(name, sizeOf(shape)).map((value) => center + spread * value)] as const;
  });
  const buffers = buffersOf(graph).map(
    ({ name, shape, value }) => [name, drawn(name, sizeOf(shape)).map((each) => value + 0.3 * each)] as const,
  );
  return new Map([...parameters, ...buffers]);
}

/** [images, height, width, channels] */
export function fixtureImages(graph: Graph): Float32Array {
  return drawn('images', FIXTURE_IMAGES * sizeOf(graph.layers[0]?.shape ?? []));
}

/** Returns what the fixture files state in addition to the network. */
export function fixtureFacts(graph: Graph): OnnxFacts {
  return {
    name: 'fixture',
    model: 'small',
    runId: '2026-01-01-small',
    version: '1.2.3',
    input: inputOf(graph),
  };
}

function inputOf(graph: Graph): ImageInput {
  const [height = 0, width = 0, channels = 0] = graph.layers[0]?.shape ?? [];
  return {
    height,
    width,
    channels,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: 'bicubic',
    cropPct: 0.875,
    classNames: ['apple', 'Äpfel', '梨', 'class 10', 'class 9'],
  };
}

/** Returns values in [-1, 1): MurmurHash3's finalizer applied to the name's hash plus the index. */
function drawn(name: string, size: number): Float32Array {
  let seed = 0;
  for (const character of name) seed = (Math.imul(seed, 31) + character.charCodeAt(0)) | 0;
  return Float32Array.from({ length: size }, (_, index) => {
    let h = (index + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}
