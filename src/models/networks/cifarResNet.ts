import { GraphBuilder } from '../builder';
import type { Graph, ImageShape } from '../graph';
import { basicBranch, type ResidualOptions, residualSums, shortcut } from './residual';

/** Blocks per stage, for three stages: depth = 6n + 2 (He et al. 2016, section 4.2). */
export const CIFAR_RESNETS = {
  resnet8: 1,
  resnet14: 2,
  resnet20: 3,
  resnet32: 5,
  resnet44: 7,
  resnet56: 9,
  resnet110: 18,
} as const;
export type CifarResNetName = keyof typeof CIFAR_RESNETS;

export interface CifarResNetOptions extends ResidualOptions {
  /** Channels of the first stage; 16 in the paper. */
  readonly width: number;
}

/**
 * The CIFAR ResNet (He et al. 2016, section 4.2). It has a 3x3 stem, three stages of basic blocks, global average
 * pooling and a classifier. The stages have `width`, 2 `width` and 4 `width` channels at full, half and quarter size. A
 * block that changes shape uses a 1x1 convolution with batch norm as its shortcut.
 */
export function cifarResNet(
  name: CifarResNetName,
  input: ImageShape,
  classes: number,
  options: CifarResNetOptions,
): Graph {
  const { width } = options;
  const graph = new GraphBuilder(input);
  const sum = residualSums(graph, 3 * CIFAR_RESNETS[name], options);
  let x = graph.convolution('conv1', graph.input, width, { kernelSize: 3 });
  x = graph.relu(graph.batchNorm('bn1', x));
  for (const [stage, filters] of [width, 2 * width, 4 * width].entries()) {
    for (let block = 0; block < CIFAR_RESNETS[name]; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const blockName = `layer${stage + 1}.${block}`;
      const branch = basicBranch(graph, blockName, x, filters, stride);
      x = sum(branch, shortcut(graph, blockName, x, filters, stride));
    }
  }
  return graph.build(graph.dense('fc', graph.globalAveragePool(x), classes));
}
