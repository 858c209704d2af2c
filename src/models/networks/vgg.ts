import { constant, GraphBuilder, type KernelInitializer } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';

/** 3x3 convolutions before each stage's pool: configuration D of Simonyan and Zisserman 2015. */
const STAGES = [2, 2, 3, 3, 3] as const;

/** Feature map size after the convolutions for a 224 x 224 image, and the classifier's input size. */
const FEATURES = [7, 7] as const;

export interface VggOptions {
  /** Channels of the first stage; 64 in the paper. The classifier's hidden layers have 64 times as many. */
  readonly width: number;
}

/**
 * VGG-16 with batch norm (Simonyan and Zisserman 2015, arXiv 1409.1556), as torchvision's vgg16_bn: same names, biases
 * before the norms, and initialization.
 *
 * Feature maps of images that are not 224 x 224 are average-pooled to 7 x 7 before the classifier, as in torchvision,
 * which keeps the classifier's shape independent of the image size. Below 224, pixels repeat. Images must be at least
 * 32 x 32. The rows of the first classifier kernel are ordered by height, width and channel. torchvision orders them by
 * channel, height and width.
 */
export function vgg16(input: ImageShape, classes: number, { width }: VggOptions): Graph {
  const graph = new GraphBuilder(input);
  let x = graph.input;
  // torchvision's numbering counts each convolution, norm, ReLU and pool.
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
