import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/models/builder';
import { buildGraph } from '../../../src/models/catalog';
import { type Graph, sizeOf } from '../../../src/models/graph';
import { type TorchLayout, torchLayoutsOf } from '../../../src/models/torchLayout';

/** A depthwise and a grouped convolution, a hidden layer on their flattened output, and a classifier. */
function graphOfAll(channels: number): Graph {
  const graph = new GraphBuilder([5, 4, channels]);
  let x = graph.convolution('depthwise', graph.input, channels, { kernelSize: 3, groups: channels });
  x = graph.convolution('grouped', x, 6, {
    kernelSize: 2,
    groups: channels / 2,
    bias: { kind: 'constant', value: 0 },
  });
  x = graph.relu(graph.flatten(graph.batchNorm('norm', x)));
  x = graph.relu(graph.dense('hidden', x, 7));
  return graph.build(graph.dense('classifier', x, 3));
}

const layoutOf = (graph: Graph, name: string): TorchLayout =>
  torchLayoutsOf(graph).find((layout) => layout.name === name) as TorchLayout;

/** Values 0, 1, 2, ...: each value is its original position. */
const positions = ({ shape }: TorchLayout) => Float32Array.from({ length: sizeOf(shape) }, (_, at) => at);

/** Returns the value at an index of a row-major array. */
function at(values: Float32Array, shape: readonly number[], index: readonly number[]): number | undefined {
  return values[index.reduce((position, i, axis) => position * (shape[axis] ?? Number.NaN) + i, 0)];
}

describe("PyTorch's layout", () => {
  test.each(['depthwise.weight', 'grouped.weight'])('of %s is [out, in / groups, height, width]', (name) => {
    const layout = layoutOf(graphOfAll(4), name);
    const [height = 0, width = 0, inputs = 0, outputs = 0] = layout.shape;
    expect(layout.torchShape).toEqual([outputs, inputs, height, width]);
    const ours = positions(layout);
    const theirs = layout.toTorch(ours);
    for (let h = 0; h < height; h++)
      for (let w = 0; w < width; w++)
        for (let i = 0; i < inputs; i++)
          for (let o = 0; o < outputs; o++) {
            expect(at(theirs, layout.torchShape, [o, i, h, w])).toBe(at(ours, layout.shape, [h, w, i, o]));
          }
  });

  test('of a fully connected kernel is [out, in]', () => {
    const layout = layoutOf(graphOfAll(4), 'classifier.weight');
    expect(layout.shape).toEqual([7, 3]);
    expect(layout.torchShape).toEqual([3, 7]);
    const theirs = layout.toTorch(positions(layout));
    for (let i = 0; i < 7; i++)
      for (let o = 0; o < 3; o++) expect(at(theirs, [3, 7], [o, i])).toBe(3 * i + o);
  });

  test("of a kernel on a flattened image follows PyTorch's order of the image, channels first", () => {
    const layout = layoutOf(graphOfAll(4), 'hidden.weight');
    // The unpadded 2 x 2 kernel produces a 4 x 3 image with 6 channels.
    expect(layout.shape).toEqual([4 * 3 * 6, 7]);
    expect(layout.torchShape).toEqual([7, 6 * 4 * 3]);
    const theirs = layout.toTorch(positions(layout));
    for (let h = 0; h < 4; h++)
      for (let w = 0; w < 3; w++)
        for (let c = 0; c < 6; c++)
          for (let o = 0; o < 7; o++) {
            expect(at(theirs, [7, 6, 4, 3], [o, c, h, w])).toBe(((h * 3 + w) * 6 + c) * 7 + o);
          }
  });

  test('of biases, norms and statistics equals ours', () => {
    for (const name of [
      'grouped.bias',
      'norm.weight',
      'norm.bias',
      'norm.running_mean',
      'norm.running_var',
    ]) {
      const layout = layoutOf(graphOfAll(4), name);
      expect(layout.torchShape).toEqual(layout.shape);
      expect(layout.toTorch(positions(layout))).toEqual(positions(layout));
    }
  });

  test('and back restores the values', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), (halfTheChannels) => {
        for (const layout of torchLayoutsOf(graphOfAll(2 * halfTheChannels))) {
          const ours = positions(layout);
          expect(sizeOf(layout.torchShape)).toBe(sizeOf(layout.shape));
          expect(layout.fromTorch(layout.toTorch(ours))).toEqual(ours);
          expect(layout.toTorch(layout.fromTorch(ours))).toEqual(ours);
        }
      }),
    );
  });

  test("of a ResNet's classifier needs no order of an image, which is averaged before it", () => {
    const graph = buildGraph({ name: 'resnet18', width: 4, variant: 'B' }, [32, 32, 3], 10);
    const layout = layoutOf(graph, 'fc.weight');
    expect([...layout.toTorch(positions(layout)).subarray(0, 3)]).toEqual([0, 10, 20]);
  });
});
