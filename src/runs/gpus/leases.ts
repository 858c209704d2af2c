/**
 * Leases of GPUs. They are the user's, not a store's, so that all windows, command lines and workspaces share the GPUs
 * of a machine. A GPU has numbered slots, and each slot is a folder that one process holds, by the same rules as a run:
 * a killed process has lost it, once its command has ended too, and a frozen one has not. Only one process chooses at a
 * time.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import envPaths from 'env-paths';
import { z } from 'zod';
import { parseJson } from '../../shared/parseJson';
import { isSystemError } from '../../system/errors';
import type { Gpu } from '../../system/gpus/gpu';
import { realPathOf } from '../../system/insideFolder';
import { readPlain } from '../../system/plainFiles';
import { replaceFile } from '../../system/replaceFile';
import { hasCommand } from '../lease/commandProcesses';
import { claimLease, claimWithRetry, type Lease, livenessOf, readLease, releaseLease } from '../lease/lease';
import { keepLease } from '../trainer/leaseKeeper';
import { chooseGpus, type GpuUse } from './choose';
import type { GpuNeed } from './need';

/** How often to ask again for a GPU that others use. */
const POLL_MS = 500;

/** The largest share by which that time varies, so that processes do not always ask together. */
const SPREAD = 0.2;

const userSchema = z.object({
  /** The token of the lease that this is about. */
  token: z.string(),
  /** The real path of the run's folder. */
  run: z.string(),
  /** How many runs may use the GPU while this run does. */
  most: z.int().min(1),
  /** The attempt at the run. Older releases do not write it. */
  attempt: z.int().positive().optional(),
});

/** A run that uses a GPU. */
export interface GpuUser {
  readonly gpu: string;
  readonly slot: number;
  /** Null if that is not known. */
  readonly run: string | null;
  readonly most: number;
  /** Whether the run's trainer was killed, and what its command started still runs. */
  readonly isLeft: boolean;
}

/** A run that wants GPUs. */
export interface GpuRequest {
  readonly need: Extract<GpuNeed, { kind: 'any' | 'these' }>;
  readonly most: number;
  readonly runFolder: string;
  readonly attempt: number;
}

/** The GPUs that a run of this process has. */
export interface HeldGpus {
  readonly gpus: readonly Gpu[];
  /** Gives them back. */
  release(): Promise<void>;
}

/** The folder of the leases. */
function leasesFolder(): string {
  return join(envPaths('bag-of-tricks', { suffix: '' }).data, 'gpus');
}

const gpuFolder = (gpu: string): string => join(leasesFolder(), gpu.replace(/[^\w.-]/g, '_'));
const slotFolder = (gpu: string, slot: number): string => join(gpuFolder(gpu), `slot-${slot}`);
const userPath = (folder: string): string => join(folder, 'user.json');

/** Returns which runs use each of some GPUs, in all stores. */
export async function gpuUsers(gpus: readonly Gpu[]): Promise<readonly GpuUser[]> {
  return (await Promise.all(gpus.map(({ id }) => usersOf(id)))).flat();
}

/** Returns how much each GPU is used. */
export function useBy(users: readonly GpuUser[]): GpuUse {
  const use = new Map<string, number[]>();
  for (const { gpu, most } of users) use.set(gpu, [...(use.get(gpu) ?? []), most]);
  return use;
}

/**
 * Takes GPUs for a run of this process, and holds them until they are given back or the process ends. Waits until they
 * are free.
 *
 * @param onWaiting called once if it has to wait
 * @throws the signal's reason, or the file system's error
 */
export async function takeGpus(
  request: GpuRequest,
  signal: AbortSignal,
  onWaiting: () => void,
): Promise<HeldGpus> {
  for (let hasTold = false; ; ) {
    signal.throwIfAborted();
    const taking = await tryToTake(request);
    if (taking.outcome === 'taken') return taking.held;
    if (taking.outcome === 'used' && !hasTold) {
      hasTold = true;
      onWaiting();
    }
    await delay(POLL_MS * (1 + SPREAD * Math.random()), undefined, { signal }).catch(() => {});
  }
}

type Taking =
  | { readonly outcome: 'taken'; readonly held: HeldGpus }
  /** Other runs use them. */
  | { readonly outcome: 'used' }
  /** Another process is choosing. */
  | { readonly outcome: 'busy' };

/** Takes GPUs if they are free. */
async function tryToTake({ need, most, runFolder, attempt }: GpuRequest): Promise<Taking> {
  await mkdir(leasesFolder(), { recursive: true });
  const choosing = await claimWithRetry(leasesFolder(), 'change');
  if (!choosing.ok) return { outcome: 'busy' };
  try {
    const users = await gpuUsers(need.kind === 'any' ? need.of : need.gpus);
    const gpus = chooseGpus(need, useBy(users), most);
    if (!gpus) return { outcome: 'used' };
    const run = await realPathOf(runFolder);
    const leases: { readonly folder: string; readonly lease: Lease }[] = [];
    for (const { id } of gpus) {
      const taken = new Set(users.flatMap(({ gpu, slot }) => (gpu === id ? [slot] : [])));
      const folder = slotFolder(id, firstFree(taken));
      await mkdir(folder, { recursive: true });
      const { lease, ok } = await claimLease(folder, 'training');
      if (!ok) throw new Error(`${folder} is taken.`);
      leases.push({ folder, lease });
      await replaceFile(
        userPath(folder),
        `${JSON.stringify({ token: lease.holder?.token ?? '', run, most, attempt })}\n`,
      );
      keepLease(folder, lease, () => {});
    }
    const release = async () => {
      for (const { folder, lease } of leases) await releaseLease(folder, lease);
    };
    return { outcome: 'taken', held: { gpus, release } };
  } finally {
    await releaseLease(leasesFolder(), choosing.lease);
  }
}

function firstFree(taken: ReadonlySet<number>): number {
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}

async function usersOf(gpu: string): Promise<GpuUser[]> {
  const names = await readdir(gpuFolder(gpu)).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const slots = names.flatMap((name) => /^slot-(\d{1,4})$/.exec(name)?.[1] ?? []).map(Number);
  const users = await Promise.all(
    slots.map(async (slot): Promise<GpuUser[]> => {
      const folder = slotFolder(gpu, slot);
      const lease = await readLease(folder);
      if (!lease) return [];
      const isLeft = (await livenessOf(lease)) === 'gone';
      const written = await readUser(folder);
      // Without its word, a run has the GPU for itself.
      const said = written?.token === lease.holder?.token ? written : null;
      // The guard of the command has not ended it yet.
      if (isLeft && !(said?.attempt !== undefined && (await hasCommand(said.run, said.attempt)))) return [];
      return [{ gpu, slot, run: said?.run ?? null, most: said?.most ?? 1, isLeft }];
    }),
  );
  return users.flat();
}

async function readUser(folder: string): Promise<z.infer<typeof userSchema> | null> {
  const text = await readPlain(userPath(folder), 'utf8').catch(() => '');
  try {
    return userSchema.parse(parseJson(text));
  } catch {
    return null;
  }
}
