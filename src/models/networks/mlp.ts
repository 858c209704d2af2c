import { GraphBuilder } from '../builder';
import type { Graph, ImageShape } from '../graph';

export interface MlpOptions {
  /** Size of each hidden layer; [512, 512] in the source. */
  readonly hidden: readonly number[];
}

/**
 * A multilayer perceptron: fully connected layers with ReLU between them. The defaults are from PyTorch's quickstart on
 * Fashion-MNIST.
 */
export function mlp(input: ImageShape, classes: number, { hidden }: MlpOptions): Graph {
  const graph = new GraphBuilder(input);
  let x = graph.flatten(graph.input);
  for (const [index, features] of hidden.entries())
    x = graph.relu(graph.dense(`fc${index + 1}`, x, features));
  return graph.build(graph.dense(`fc${hidden.length + 1}`, x, classes));
}
