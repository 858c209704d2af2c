import type { AmdGpu } from './amdGpu';

/**
 * Returns the serial number of an AMD GPU from the text of its `properties` in the kernel's topology
 * (/sys/class/kfd/kfd/topology/nodes/N). Null if the node is a CPU, or the GPU has none.
 */
export function serialOfNode(properties: string): string | null {
  const value = (name: string) => new RegExp(`^${name} (\\d+)$`, 'm').exec(properties)?.[1] ?? '0';
  if (value('simd_count') === '0' || value('unique_id') === '0') return null;
  return BigInt(value('unique_id')).toString(16).padStart(16, '0');
}

/**
 * Numbers GPUs in the order of the kernel's topology, which is that of ROCm's variables. AMD's programs may number them
 * otherwise. Leaves them as they are if they cannot all be told apart there.
 */
export function inTopologyOrder(gpus: readonly AmdGpu[], serials: readonly string[]): readonly AmdGpu[] {
  const rankOf = ({ serial }: AmdGpu) => (serial === null ? -1 : serials.indexOf(serial));
  const ranks = new Set(gpus.map(rankOf));
  if (ranks.has(-1) || ranks.size < gpus.length || serials.length !== gpus.length) return gpus;
  return gpus.map((gpu) => ({ ...gpu, index: rankOf(gpu) })).sort((a, b) => a.index - b.index);
}
