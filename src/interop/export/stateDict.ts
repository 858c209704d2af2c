import type { Graph } from '../../models/graph';
import { torchLayoutsOf } from '../../models/torchLayout';
import type { NamedTensor, TensorValues } from '../../shared/safetensors';

/**
 * A network's values as PyTorch's state dict of the same network has them: in its layout, with the count of
 * batches that each norm there has. For `load_state_dict(strict=True)`.
 *
 * @param values Parameters and buffers by name, in our layout.
 * @param batches Batches that the running statistics have seen.
 * @throws when a value is missing
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
