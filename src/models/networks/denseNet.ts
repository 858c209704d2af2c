import { constant, GraphBuilder, heByFanIn } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';

/** Layers per block of DenseNet-121 (Huang et al. 2017, table 1). */
const BLOCKS = [6, 12, 24, 16] as const;

export interface DenseNetOptions {
  /** Channels that each layer adds: k in the paper, 32 for DenseNet-121. */
  readonly growthRate: number;
}

/**
 * DenseNet-121 (Huang et al. 2017, arXiv 1608.06993), with the names and initialization of torchvision's densenet121.
 * Each layer sees the outputs of all earlier layers of its block. Transitions between blocks halve the channels and the
 * image.
 */
export function denseNet121(input: ImageShape, classes: number, { growthRate }: DenseNetOptions): Graph {
  const graph = new GraphBuilder(input);
  let x = graph.convolution('features.conv0', graph.input, 2 * growthRate, {
    kernelSize: 7,
    stride: 2,
    initializer: heByFanIn,
  });
  x = graph.relu(graph.batchNorm('features.norm0', x));
  x = graph.pool('max', x, { size: 3, stride: 2, padding: 1 });
  for (const [index, layers] of BLOCKS.entries()) {
    const block = index + 1;
    for (let layer = 1; layer <= layers; layer++) {
      const grown = denseLayer(graph, `features.denseblock${block}.denselayer${layer}`, x, growthRate);
      x = graph.concat([x, grown]);
    }
    if (block < BLOCKS.length) x = transition(graph, `features.transition${block}`, x);
  }
  x = graph.relu(graph.batchNorm('features.norm5', x));
  return graph.build(graph.dense('classifier', graph.globalAveragePool(x), classes, { bias: constant(0) }));
}

function denseLayer(graph: GraphBuilder, name: string, input: LayerId, growthRate: number): LayerId {
  const bottleneck = normReluConv(graph, name, 1, input, 4 * growthRate, 1);
  return normReluConv(graph, name, 2, bottleneck, growthRate, 3);
}

function transition(graph: GraphBuilder, name: string, input: LayerId): LayerId {
  const channels = Math.floor(graph.imageShape(input)[2] / 2);
  return graph.pool('average', normReluConv(graph, name, '', input, channels, 1), { size: 2, stride: 2 });
}

function normReluConv(
  graph: GraphBuilder,
  name: string,
  number: 1 | 2 | '',
  input: LayerId,
  filters: number,
  kernelSize: number,
): LayerId {
  const x = graph.relu(graph.batchNorm(`${name}.norm${number}`, input));
  return graph.convolution(`${name}.conv${number}`, x, filters, { kernelSize, initializer: heByFanIn });
}
