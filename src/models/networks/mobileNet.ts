import { GraphBuilder } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';
import { scaledChannels } from './scaledChannels';

/** Channels and blocks per stage. The first block of every stage except the first has stride 2. */
const STAGES = [
  [64, 1],
  [128, 2],
  [256, 2],
  [512, 6],
  [1024, 2],
] as const;

export interface MobileNetOptions {
  /** Multiplies the channels of every layer; alpha in the paper. */
  readonly widthMultiplier: number;
  /** ReLU if absent, as in the paper. The authors' code and timm use ReLU6. */
  readonly activation?: 'relu6';
}

/**
 * MobileNet V1 (Howard et al. 2017, arXiv 1704.04861, table 1): a 3x3 convolution of stride 2, then alternating
 * depthwise 3x3 and pointwise 1x1 convolutions. Batch norm and ReLU or ReLU6 follow each. Parameters are named as in
 * timm.
 */
export function mobileNet(
  input: ImageShape,
  classes: number,
  { widthMultiplier, activation }: MobileNetOptions,
): Graph {
  const graph = new GraphBuilder(input);
  const activate = (layer: LayerId) => (activation === 'relu6' ? graph.relu6(layer) : graph.relu(layer));
  let x = graph.convolution('conv_stem', graph.input, scaledChannels(32, widthMultiplier), {
    kernelSize: 3,
    stride: 2,
  });
  x = activate(graph.batchNorm('bn1', x));
  for (const [stage, [channels, blocks]] of STAGES.entries()) {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = separable(
        graph,
        activate,
        `blocks.${stage}.${block}`,
        x,
        scaledChannels(channels, widthMultiplier),
        stride,
      );
    }
  }
  return graph.build(graph.dense('classifier', graph.globalAveragePool(x), classes));
}

function separable(
  graph: GraphBuilder,
  activate: (layer: LayerId) => LayerId,
  name: string,
  input: LayerId,
  filters: number,
  stride: number,
): LayerId {
  const channels = graph.imageShape(input)[2];
  let x = graph.convolution(`${name}.conv_dw`, input, channels, { kernelSize: 3, stride, groups: channels });
  x = activate(graph.batchNorm(`${name}.bn1`, x));
  x = graph.convolution(`${name}.conv_pw`, x, filters, { kernelSize: 1 });
  return activate(graph.batchNorm(`${name}.bn2`, x));
}
