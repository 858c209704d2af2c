import type { GraphBuilder } from '../builder';
import type { LayerId } from '../graph';

/** Options of every residual network. */
export interface ResidualOptions {
  /** Probability of dropping the branch of the last block. By default no branch is dropped. */
  readonly stochasticDepth?: number;
}

/**
 * Returns the function that ends each of a network's `blocks` residual blocks: relu(branch + shortcut). With stochastic
 * depth, the branch of block l = 1 ... L is dropped with probability stochasticDepth x l / L, per image (Huang et al.
 * 2016, equation 4; timm's drop_path starts at 0 instead). Call it in the order of the network.
 */
export function residualSums(
  graph: GraphBuilder,
  blocks: number,
  { stochasticDepth = 0 }: ResidualOptions,
): (branch: LayerId, shortcut: LayerId) => LayerId {
  let block = 0;
  return (branch, shortcut) => {
    block += 1;
    const left = graph.dropout(branch, { rate: (stochasticDepth * block) / blocks, per: 'image' });
    return graph.relu(graph.add(left, shortcut));
  };
}

/** The branch of a basic block: two 3x3 convolutions (He et al. 2016, figure 5). */
export function basicBranch(
  graph: GraphBuilder,
  name: string,
  input: LayerId,
  filters: number,
  stride: number,
): LayerId {
  let x = graph.convolution(`${name}.conv1`, input, filters, { kernelSize: 3, stride });
  x = graph.relu(graph.batchNorm(`${name}.bn1`, x));
  x = graph.convolution(`${name}.conv2`, x, filters, { kernelSize: 3 });
  return graph.batchNorm(`${name}.bn2`, x, { endsResidualBranch: true });
}

/** A block's shortcut: the identity if the shapes match, else a 1x1 convolution with batch norm. */
export function shortcut(
  graph: GraphBuilder,
  name: string,
  input: LayerId,
  filters: number,
  stride: number,
): LayerId {
  if (keepsShape(graph, input, filters, stride)) return input;
  const x = graph.convolution(`${name}.downsample.0`, input, filters, { kernelSize: 1, stride });
  return graph.batchNorm(`${name}.downsample.1`, x);
}

/** Whether a block with this number of filters keeps its input's shape. */
export function keepsShape(graph: GraphBuilder, input: LayerId, filters: number, stride: number): boolean {
  return stride === 1 && graph.imageShape(input)[2] === filters;
}
