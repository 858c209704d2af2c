import type { ConvolutionOptions, GraphBuilder } from '../builder';
import type { LayerId } from '../graph';

export interface ConvBnReluOptions extends ConvolutionOptions {
  /** Batch norm's epsilon. */
  readonly epsilon?: number;
}

/** Adds a convolution, batch norm and ReLU. Parameters are named `<name>.conv` and `<name>.bn`. */
export function convBnRelu(
  graph: GraphBuilder,
  name: string,
  input: LayerId,
  filters: number,
  { epsilon, ...options }: ConvBnReluOptions,
): LayerId {
  const x = graph.convolution(`${name}.conv`, input, filters, options);
  return graph.relu(graph.batchNorm(`${name}.bn`, x, epsilon === undefined ? {} : { epsilon }));
}
