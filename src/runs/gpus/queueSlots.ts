import { type AnyRecipe, isCommandRecipe } from '../../recipe/anyRecipe';
import { findGpus } from '../../system/gpus/find';
import type { Gpu } from '../../system/gpus/gpu';
import { realPathOf } from '../../system/insideFolder';
import { isCommandManifest } from '../commandRun';
import { type QueuedRun, termsOf } from '../queue';
import type { ReadableEntry } from '../store';
import { chooseGpus, type GpuUse, withoutRun, withRun } from './choose';
import { type GpuUser, gpuUsers, useBy } from './leases';
import { type GpuNeed, gpuNeed } from './need';

/** The queued runs that use GPUs, apart from the others. */
export interface GpuQueue {
  /** The runs that can start now, next one first. */
  readonly starting: readonly QueuedRun[];
  /** The runs that wait for GPUs that others use. */
  readonly waiting: readonly QueuedRun[];
  /** The runs that use no GPU, as far as can be known before they start. */
  readonly others: readonly QueuedRun[];
  /** Folders of the runs in training that use GPUs. */
  readonly busy: ReadonlySet<string>;
}

/**
 * Decides which queued runs find a free GPU, in order: none overtakes another that waits for one. Runs of all stores
 * count, whoever started them.
 *
 * @param queue the queued runs that may start
 * @param training the runs of this store that a process trains or is about to
 * @param atOnce how many runs may use a GPU at a time, unless a run's terms say so
 */
export async function gpuQueue(
  queue: readonly QueuedRun[],
  training: readonly ReadableEntry[],
  atOnce: number,
): Promise<GpuQueue> {
  const asksFor = queue.some(({ manifest }) => isCommandManifest(manifest));
  const gpus = asksFor ? await findGpus() : [];
  const needOf = ({ manifest }: ReadableEntry) => gpuNeed(manifest.recipe, gpus, process.env);
  if (gpus.length === 0) return { starting: [], waiting: [], others: queue, busy: new Set() };
  const { use, busy, left } = await useWith(training, gpus, { needOf, atOnce });
  let now = use;
  const starting: QueuedRun[] = [];
  const waiting: QueuedRun[] = [];
  const others: QueuedRun[] = [];
  for (const run of queue) {
    const need = needOf(run);
    if (need.kind === 'none') {
      others.push(run);
      continue;
    }
    if (need.kind === 'impossible') {
      // Its trainer says why.
      starting.push(run);
      continue;
    }
    const most = run.terms.atOnce ?? atOnce;
    const free = await withoutOwn(now, left, run);
    const chosen = waiting.length > 0 ? null : chooseGpus(need, free, most);
    if (chosen) {
      now = withRun(free, chosen, most);
      starting.push(run);
    } else {
      waiting.push(run);
    }
  }
  return { starting, waiting, others, busy };
}

/** Returns how many runs of a recipe can train at a time, if `atOnce` may use the same GPU. */
export async function runSlots(recipe: AnyRecipe, atOnce: number): Promise<number> {
  if (!isCommandRecipe(recipe)) return atOnce;
  const need = gpuNeed(recipe, await findGpus(), process.env);
  return need.kind === 'any' ? Math.max(1, Math.floor(need.of.length / need.count)) * atOnce : atOnce;
}

/** Returns how the GPUs are used, including by runs that have started but not yet taken theirs. */
async function useWith(
  training: readonly ReadableEntry[],
  gpus: readonly Gpu[],
  { needOf, atOnce }: { readonly needOf: (run: ReadableEntry) => GpuNeed; readonly atOnce: number },
): Promise<{
  readonly use: GpuUse;
  readonly busy: ReadonlySet<string>;
  readonly left: readonly GpuUser[];
}> {
  const users = await gpuUsers(gpus);
  const holding = new Set(users.map(({ run }) => run));
  const busy = new Set<string>();
  let use = useBy(users);
  for (const run of training) {
    const need = needOf(run);
    if (need.kind !== 'any' && need.kind !== 'these') continue;
    busy.add(run.folder);
    if (holding.has(await realPathOf(run.folder))) continue;
    const most = (await termsOf(run.folder)).atOnce ?? atOnce;
    use = withRun(use, chooseGpus(need, use, most) ?? [], most);
  }
  return { use, busy, left: users.filter(({ isLeft }) => isLeft) };
}

/** Returns the use without what a run's own killed trainer left: the run ends that before it takes GPUs. */
async function withoutOwn(use: GpuUse, left: readonly GpuUser[], { folder }: QueuedRun): Promise<GpuUse> {
  if (left.length === 0) return use;
  const own = await realPathOf(folder);
  return left
    .filter(({ run }) => run === own)
    .reduce((rest, { gpu, most }) => withoutRun(rest, gpu, most), use);
}
