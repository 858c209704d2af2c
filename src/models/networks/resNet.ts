import { GraphBuilder } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';
import { basicBranch, keepsShape, type ResidualOptions, residualSums, shortcut } from './residual';

type Block = 'basic' | 'bottleneck';

/** Block type and blocks per stage (He et al. 2016, table 1). */
export const RESNETS = {
  resnet18: { block: 'basic', stages: [2, 2, 2, 2] },
  resnet34: { block: 'basic', stages: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', stages: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', stages: [3, 4, 23, 3] },
  resnet152: { block: 'bottleneck', stages: [3, 8, 36, 3] },
} as const satisfies Record<string, { block: Block; stages: readonly number[] }>;
export type ResNetName = keyof typeof RESNETS;

/** The tweaks of He et al. 2018, section 4. Each letter includes the earlier ones. */
export type ResNetVariant = 'A' | 'B' | 'C' | 'D';

export interface ResNetOptions extends ResidualOptions {
  /** Channels of the stem and the first stage; 64 in the paper. */
  readonly width: number;
  readonly variant: ResNetVariant;
}

/** ResNet for ImageNet: a stem that downsamples by 4, four stages, global average pooling, a classifier. */
export function resNet(name: ResNetName, input: ImageShape, classes: number, options: ResNetOptions): Graph {
  const { width, variant } = options;
  const graph = new GraphBuilder(input);
  const { block, stages } = RESNETS[name];
  const sum = residualSums(
    graph,
    stages.reduce((total, blocks) => total + blocks, 0),
    options,
  );
  const shortcutOf = variant === 'D' ? averagingShortcut : shortcut;
  let x = graph.pool('max', stem(graph, width, variant), { size: 3, stride: 2, padding: 1 });
  for (const [stage, blocks] of stages.entries()) {
    const channels = width * 2 ** stage;
    for (let index = 0; index < blocks; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const blockName = `layer${stage + 1}.${index}`;
      const branch =
        block === 'basic'
          ? basicBranch(graph, blockName, x, channels, stride)
          : bottleneckBranch(graph, blockName, x, { channels, stride, variant });
      const filters = graph.imageShape(branch)[2];
      x = sum(branch, shortcutOf(graph, blockName, x, filters, stride));
    }
  }
  return graph.build(graph.dense('fc', graph.globalAveragePool(x), classes));
}

/** A 7x7 convolution of stride 2. Variants C and D use three 3x3 convolutions instead. */
function stem(graph: GraphBuilder, width: number, variant: ResNetVariant): LayerId {
  if (variant === 'A' || variant === 'B') {
    const x = graph.convolution('conv1', graph.input, width, { kernelSize: 7, stride: 2 });
    return graph.relu(graph.batchNorm('bn1', x));
  }
  const half = width / 2;
  let x = graph.convolution('conv1.0', graph.input, half, { kernelSize: 3, stride: 2 });
  x = graph.relu(graph.batchNorm('conv1.1', x));
  x = graph.convolution('conv1.3', x, half, { kernelSize: 3 });
  x = graph.relu(graph.batchNorm('conv1.4', x));
  x = graph.convolution('conv1.6', x, width, { kernelSize: 3 });
  return graph.relu(graph.batchNorm('bn1', x));
}

interface BlockOptions {
  readonly channels: number;
  readonly stride: number;
  readonly variant: ResNetVariant;
}

/** 1x1, 3x3, 1x1. ResNet-B moves the stride from the first to the second convolution. */
function bottleneckBranch(graph: GraphBuilder, name: string, input: LayerId, options: BlockOptions): LayerId {
  const { channels, stride, variant } = options;
  const [first, second] = variant === 'A' ? [stride, 1] : [1, stride];
  let x = graph.convolution(`${name}.conv1`, input, channels, { kernelSize: 1, stride: first });
  x = graph.relu(graph.batchNorm(`${name}.bn1`, x));
  x = graph.convolution(`${name}.conv2`, x, channels, { kernelSize: 3, stride: second });
  x = graph.relu(graph.batchNorm(`${name}.bn2`, x));
  x = graph.convolution(`${name}.conv3`, x, 4 * channels, { kernelSize: 1 });
  return graph.batchNorm(`${name}.bn3`, x, { endsResidualBranch: true });
}

/**
 * ResNet-D's shortcut: average pooling before the 1x1 convolution, because a strided 1x1 convolution would skip pixels.
 */
const averagingShortcut: typeof shortcut = (graph, name, input, filters, stride) => {
  if (keepsShape(graph, input, filters, stride)) return input;
  const pooled =
    stride === 1 ? input : graph.pool('average', input, { size: 2, stride: 2, reachesAll: true });
  const x = graph.convolution(`${name}.downsample.1`, pooled, filters, { kernelSize: 1 });
  return graph.batchNorm(`${name}.downsample.2`, x);
};
