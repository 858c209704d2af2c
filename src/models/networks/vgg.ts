import { constant, GraphBuilder, type KernelInitializer } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';

/** By stage, the 3x3 convolutions before its pool: configuration D of Simonyan and Zisserman 2015. */
const STAGES = [2, 2, 3, 3, 3] as const;

/** What the convolutions leave of an image of 224 x 224, and what its classifier takes. */
const FEATURES = [7, 7] as const;

export interface VggOptions {
  /** Channels of the first stage, 64 in the paper; the hidden layers of the classifier have 64 times as many. */
  readonly width: number;
}

/**
 * VGG-16 with batch norm (Simonyan and Zisserman 2015, arXiv 1409.1556), as torchvision's vgg16_bn: its names,
 * biases before the norms, and initialisation.
 *
 * Other images than those of 224 x 224 are averaged to 7 x 7 before the classifier, as in torchvision, so that
 * the classifier has the same shape for all of them; below 224 pixels are repeated. At least 32 x 32 are needed.
 * The rows of the classifier's first kernel go by height, width and channel, those of torchvision's by channel,
 * height and width.
 */
export function vgg16(input: ImageShape, classes: number, { width }: VggOptions): Graph {
  const graph = new GraphBuilder(input);
  let x = graph.input;
  // In torchvision's numbering each convolution, norm, ReLU and pool counts.
  let index = 0;
  for (const [stage, convolutions] of STAGES.entries()) {
    const filters = width * 2 ** Math.min(stage, 3);
    for (let count = 0; count < convolutions; count++) {
      x = graph.convolution(`features.${index}`, x, filters, { kernelSize: 3, bias: constant(0) });
      x = graph.relu(graph.batchNorm(`features.${index + 1}`, x));
      index += 3;
    }
    x = graph.pool('max', x, { size: 2, stride: 2 });
    index += 1;
  }
  const features = graph.flatten(graph.adaptiveAveragePool(x, FEATURES));
  x = hidden(graph, 'classifier.0', features, 64 * width);
  x = hidden(graph, 'classifier.3', x, 64 * width);
  return graph.build(dense(graph, 'classifier.6', x, classes));
}

function hidden(graph: GraphBuilder, name: string, input: LayerId, features: number): LayerId {
  return graph.dropout(graph.relu(dense(graph, name, input, features)), { rate: 0.5, per: 'value' });
}

const normal: KernelInitializer = () => ({ kind: 'normal', deviation: 0.01 });

function dense(graph: GraphBuilder, name: string, input: LayerId, features: number): LayerId {
  return graph.dense(name, input, features, { initializer: normal, bias: constant(0) });
}
