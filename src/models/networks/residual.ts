import type { GraphBuilder } from '../builder';
import type { LayerId } from '../graph';

/** Options of every residual network. */
export interface ResidualOptions {
  /** The probability to leave out the last block's branch; by default none is left out. */
  readonly stochasticDepth?: number;
}

/**
 * What ends each of the `blocks` residual blocks of a network: relu(branch + shortcut). With stochastic depth
 * the branch of block l = 1 ... L is left out with probability stochasticDepth x l / L, image by image (Huang et
 * al. 2016, equation 4; timm's drop_path, which begins at 0 instead). Blocks are ended in the order of the network.
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

/** A block's shortcut: the identity where shapes agree, else a 1x1 convolution with batch norm. */
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

/** Whether a block of so many filters gives what its input has. */
export function keepsShape(graph: GraphBuilder, input: LayerId, filters: number, stride: number): boolean {
  return stride === 1 && graph.imageShape(input)[2] === filters;
}
