import type { Graph } from '../../models/graph';
import { torchLayoutsOf } from '../../models/torchLayout';
import type { NamedTensor, TensorValues } from '../../shared/safetensors';

/**
 * Returns a network's values as the PyTorch state dict of the same network: in PyTorch's layout, with
 * `num_batches_tracked` for each batch norm. For `load_state_dict(strict=True)`.
 *
 * @param values Parameters and buffers by name, in our layout.
 * @param batches Number of batches that the running statistics have seen.
 * @throws if a value is missing
 */
export function stateDictOf(
  graph: Graph,
  values: ReadonlyMap<string, Float32Array>,
  batches: number,
): NamedTensor<TensorValues>[] {
  const tensors = torchLayoutsOf(graph).map(({ name, torchShape, toTorch }) => {
    const ours = values.get(name);
    if (!ours) throw new Error(`There is no ${name}`);
    return { name, shape: torchShape, values: toTorch(ours) };
  });
  const counts = graph.layers
    .filter((layer) => layer.kind === 'batch_norm')
    .map(({ name }) => ({
      name: `${name}.num_batches_tracked`,
      shape: [],
      values: BigInt64Array.of(BigInt(batches)),
    }));
  return [...tensors, ...counts];
}
