import { GraphBuilder } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';
import { convBnRelu } from './convBnRelu';
import { type ResidualOptions, residualSums } from './residual';

export interface ResNet9Options extends ResidualOptions {
  /** Channels of the first convolution; 64 in the source. */
  readonly width: number;
}

/**
 * ResNet-9, the fast CIFAR network of Page 2018, "How to train your ResNet" (myrtle.ai), winner of DAWNBench. It has a
 * 3x3 convolution, three stages that double the channels and halve the image, a global max pool and a classifier. The
 * first and last stages have a residual block.
 *
 * The block is the basic block of He et al., with the last ReLU after the sum, as in Composer. Page puts that ReLU
 * before the sum. There it would pass no gradient to a last gamma and beta of 0, so zero gamma could never leave 0.
 */
export function resNet9(input: ImageShape, classes: number, options: ResNet9Options): Graph {
  const { width } = options;
  const graph = new GraphBuilder(input);
  const sum = residualSums(graph, 2, options);
  const stage = (name: string, x: LayerId, filters: number) =>
    graph.pool('max', convBnRelu(graph, name, x, filters, { kernelSize: 3 }), { size: 2, stride: 2 });
  let x = convBnRelu(graph, 'prep', graph.input, width, { kernelSize: 3 });
  x = stage('layer1', x, 2 * width);
  x = sum(branch(graph, 'layer1.residual', x), x);
  x = stage('layer2', x, 4 * width);
  x = stage('layer3', x, 8 * width);
  x = sum(branch(graph, 'layer3.residual', x), x);
  return graph.build(graph.dense('linear', graph.flatten(graph.globalMaxPool(x)), classes));
}

function branch(graph: GraphBuilder, name: string, input: LayerId): LayerId {
  const channels = graph.imageShape(input)[2];
  let x = convBnRelu(graph, `${name}.res1`, input, channels, { kernelSize: 3 });
  x = graph.convolution(`${name}.res2.conv`, x, channels, { kernelSize: 3 });
  return graph.batchNorm(`${name}.res2.bn`, x, { endsResidualBranch: true });
}
