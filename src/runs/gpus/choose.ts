import type { Gpu } from '../../system/gpus/gpu';
import type { GpuNeed } from './need';

/** For each GPU by its id, the limit of each run that uses it: how many runs may use the GPU next to it and itself. */
export type GpuUse = ReadonlyMap<string, readonly number[]>;

/**
 * Chooses GPUs for a run, those with the fewest runs first. Null if they are not all free.
 *
 * @param most how many runs may use a GPU while this run does, including itself
 */
export function chooseGpus(
  need: Extract<GpuNeed, { kind: 'any' | 'these' }>,
  use: GpuUse,
  most: number,
): readonly Gpu[] | null {
  const limitsOf = ({ id }: Gpu) => use.get(id) ?? [];
  const isFree = (gpu: Gpu) => limitsOf(gpu).length < Math.min(most, ...limitsOf(gpu));
  if (need.kind === 'these') return need.gpus.every(isFree) ? need.gpus : null;
  const free = need.of.filter(isFree).sort((a, b) => limitsOf(a).length - limitsOf(b).length);
  return free.length < need.count ? null : free.slice(0, need.count);
}

/** Returns the use of a GPU after a run with this limit no longer uses it. */
export function withoutRun(use: GpuUse, gpu: string, most: number): GpuUse {
  const limits = use.get(gpu) ?? [];
  const index = limits.indexOf(most);
  return index < 0 ? use : new Map([...use, [gpu, limits.toSpliced(index, 1)]]);
}

/** Returns the use of GPUs after another run took some. */
export function withRun(use: GpuUse, gpus: readonly Gpu[], most: number): GpuUse {
  return new Map([...use, ...gpus.map(({ id }) => [id, [...(use.get(id) ?? []), most]] as const)]);
}
