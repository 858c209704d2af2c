import { type ConvolutionOptions, GraphBuilder, type KernelInitializer } from '../builder';
import type { Graph, ImageShape, LayerId } from '../graph';
import { convBnRelu } from './convBnRelu';
import { scaledChannels } from './scaledChannels';

export interface InceptionOptions {
  /** Multiplies the channels of every layer. */
  readonly widthMultiplier: number;
}

/**
 * Inception-V3 (Szegedy et al. 2016, arXiv 1512.00567), as torchvision's inception_v3 without the auxiliary classifier:
 * same names, layout, batch norm epsilon of 0.001 and initialization. Designed for images of 299 x 299. Images must be
 * at least 75 x 75.
 */
export function inceptionV3(
  input: ImageShape,
  classes: number,
  { widthMultiplier }: InceptionOptions,
): Graph {
  const graph = new GraphBuilder(input);
  const net = new InceptionBuilder(graph, widthMultiplier);
  let x = net.unit('Conv2d_1a_3x3', graph.input, 32, { kernelSize: 3, stride: 2, padding: 0 });
  x = net.unit('Conv2d_2a_3x3', x, 32, { kernelSize: 3, padding: 0 });
  x = net.unit('Conv2d_2b_3x3', x, 64, { kernelSize: 3 });
  x = shrunk(graph, x);
  x = net.unit('Conv2d_3b_1x1', x, 80, { kernelSize: 1 });
  x = net.unit('Conv2d_4a_3x3', x, 192, { kernelSize: 3, padding: 0 });
  x = shrunk(graph, x);
  x = net.fiveByFive('Mixed_5b', x, 32);
  x = net.fiveByFive('Mixed_5c', x, 64);
  x = net.fiveByFive('Mixed_5d', x, 64);
  x = net.firstReduction('Mixed_6a', x);
  x = net.factorizedSeven('Mixed_6b', x, 128);
  x = net.factorizedSeven('Mixed_6c', x, 160);
  x = net.factorizedSeven('Mixed_6d', x, 160);
  x = net.factorizedSeven('Mixed_6e', x, 192);
  x = net.secondReduction('Mixed_7a', x);
  x = net.expanded('Mixed_7b', x);
  x = net.expanded('Mixed_7c', x);
  const features = graph.dropout(graph.globalAveragePool(x), { rate: 0.5, per: 'value' });
  return graph.build(graph.dense('fc', features, classes, { initializer: truncatedNormal }));
}

/** torchvision's bounds, at 20 standard deviations. */
const truncatedNormal: KernelInitializer = () => ({ kind: 'truncated_normal', deviation: 0.1, bound: 2 });

const HORIZONTAL = { kernelSize: [1, 7] } as const;
const VERTICAL = { kernelSize: [7, 1] } as const;

/** Builds the modules. Each concatenates the channels of its branches. */
class InceptionBuilder {
  constructor(
    private readonly graph: GraphBuilder,
    private readonly widthMultiplier: number,
  ) {}

  unit(name: string, input: LayerId, channels: number, options: ConvolutionOptions): LayerId {
    return convBnRelu(this.graph, name, input, scaledChannels(channels, this.widthMultiplier), {
      ...options,
      epsilon: 1e-3,
      initializer: truncatedNormal,
    });
  }

  /** Figure 5 of the paper, but keeps one 5x5 convolution (torchvision's InceptionA). */
  fiveByFive(name: string, input: LayerId, poolChannels: number): LayerId {
    const one = this.unit(`${name}.branch1x1`, input, 64, { kernelSize: 1 });
    let five = this.unit(`${name}.branch5x5_1`, input, 48, { kernelSize: 1 });
    five = this.unit(`${name}.branch5x5_2`, five, 64, { kernelSize: 5 });
    let double = this.unit(`${name}.branch3x3dbl_1`, input, 64, { kernelSize: 1 });
    double = this.unit(`${name}.branch3x3dbl_2`, double, 96, { kernelSize: 3 });
    double = this.unit(`${name}.branch3x3dbl_3`, double, 96, { kernelSize: 3 });
    return this.graph.concat([one, five, double, this.#pooled(name, input, poolChannels)]);
  }

  /** Figure 10: halves the image (InceptionB). */
  firstReduction(name: string, input: LayerId): LayerId {
    const three = this.unit(`${name}.branch3x3`, input, 384, { kernelSize: 3, stride: 2, padding: 0 });
    let double = this.unit(`${name}.branch3x3dbl_1`, input, 64, { kernelSize: 1 });
    double = this.unit(`${name}.branch3x3dbl_2`, double, 96, { kernelSize: 3 });
    double = this.unit(`${name}.branch3x3dbl_3`, double, 96, { kernelSize: 3, stride: 2, padding: 0 });
    return this.graph.concat([three, double, shrunk(this.graph, input)]);
  }

  /** Figure 6: 7x7 convolutions factorized into 1x7 and 7x1 (InceptionC). */
  factorizedSeven(name: string, input: LayerId, channels: number): LayerId {
    const one = this.unit(`${name}.branch1x1`, input, 192, { kernelSize: 1 });
    let seven = this.unit(`${name}.branch7x7_1`, input, channels, { kernelSize: 1 });
    seven = this.unit(`${name}.branch7x7_2`, seven, channels, HORIZONTAL);
    seven = this.unit(`${name}.branch7x7_3`, seven, 192, VERTICAL);
    let double = this.unit(`${name}.branch7x7dbl_1`, input, channels, { kernelSize: 1 });
    double = this.unit(`${name}.branch7x7dbl_2`, double, channels, VERTICAL);
    double = this.unit(`${name}.branch7x7dbl_3`, double, channels, HORIZONTAL);
    double = this.unit(`${name}.branch7x7dbl_4`, double, channels, VERTICAL);
    double = this.unit(`${name}.branch7x7dbl_5`, double, 192, HORIZONTAL);
    return this.graph.concat([one, seven, double, this.#pooled(name, input, 192)]);
  }

  /** Halves the image again (InceptionD). */
  secondReduction(name: string, input: LayerId): LayerId {
    let three = this.unit(`${name}.branch3x3_1`, input, 192, { kernelSize: 1 });
    three = this.unit(`${name}.branch3x3_2`, three, 320, { kernelSize: 3, stride: 2, padding: 0 });
    let seven = this.unit(`${name}.branch7x7x3_1`, input, 192, { kernelSize: 1 });
    seven = this.unit(`${name}.branch7x7x3_2`, seven, 192, HORIZONTAL);
    seven = this.unit(`${name}.branch7x7x3_3`, seven, 192, VERTICAL);
    seven = this.unit(`${name}.branch7x7x3_4`, seven, 192, { kernelSize: 3, stride: 2, padding: 0 });
    return this.graph.concat([three, seven, shrunk(this.graph, input)]);
  }

  /** Figure 7: 3x3 convolutions split into parallel 1x3 and 3x1 (InceptionE). */
  expanded(name: string, input: LayerId): LayerId {
    const one = this.unit(`${name}.branch1x1`, input, 320, { kernelSize: 1 });
    const three = this.unit(`${name}.branch3x3_1`, input, 384, { kernelSize: 1 });
    let double = this.unit(`${name}.branch3x3dbl_1`, input, 448, { kernelSize: 1 });
    double = this.unit(`${name}.branch3x3dbl_2`, double, 384, { kernelSize: 3 });
    return this.graph.concat([
      one,
      ...this.#split(`${name}.branch3x3_2`, three),
      ...this.#split(`${name}.branch3x3dbl_3`, double),
      this.#pooled(name, input, 192),
    ]);
  }

  #split(name: string, input: LayerId): LayerId[] {
    return [
      this.unit(`${name}a`, input, 384, { kernelSize: [1, 3] }),
      this.unit(`${name}b`, input, 384, { kernelSize: [3, 1] }),
    ];
  }

  #pooled(name: string, input: LayerId, channels: number): LayerId {
    const mean = this.graph.pool('average', input, { size: 3, stride: 1, padding: 1, countsPadding: true });
    return this.unit(`${name}.branch_pool`, mean, channels, { kernelSize: 1 });
  }
}

function shrunk(graph: GraphBuilder, input: LayerId): LayerId {
  return graph.pool('max', input, { size: 3, stride: 2 });
}
