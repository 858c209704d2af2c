import { GraphBuilder, uniformByFanIn } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';

export interface SmallCnnOptions {
  /**
   * Filters of the first convolution; 32 in the source. The second convolution has twice as many, the hidden layer four
   * times as many.
   */
  readonly width: number;
}

/**
 * Two 3x3 convolutions, a max pool and two fully connected layers, with dropout. This is the network of PyTorch's MNIST
 * example (pytorch/examples, mnist/main.py), a common baseline for Fashion-MNIST.
 */
export function smallCnn(input: ImageShape, classes: number, { width }: SmallCnnOptions): Graph {
  const graph = new GraphBuilder(input);
  let x = convolution(graph, 'conv1', graph.input, width);
  x = convolution(graph, 'conv2', x, 2 * width);
  x = graph.dropout(graph.pool('max', x, { size: 2, stride: 2 }), { rate: 0.25, per: 'value' });
  x = graph.relu(graph.dense('fc1', graph.flatten(x), 4 * width));
  return graph.build(graph.dense('fc2', graph.dropout(x, { rate: 0.5, per: 'value' }), classes));
}

function convolution(graph: GraphBuilder, name: string, input: LayerId, filters: number): LayerId {
  const fanIn = 9 * graph.imageShape(input)[2];
  const x = graph.convolution(name, input, filters, {
    kernelSize: 3,
    padding: 0,
    bias: uniformByFanIn(fanIn),
    initializer: uniformByFanIn,
  });
  return graph.relu(x);
}
