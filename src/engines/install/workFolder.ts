import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { type ProcessSpace, processSpace, processStart, relationOf } from '../../system/processIdentity';
import { renameOver } from '../../system/renameOver';
import type { NativeEngine } from '../installations';

const BEAT_MS = 1000;
/** Longer than a network's file system keeps a file's time of change from another machine. */
const STANDSTILL_MS = 30_000;

const HOLDER = 'holder.json';

/** Who installs: known again wherever its process can be looked at. */
const holderSchema = z.object({
  version: z.literal(1),
  token: z.string(),
  pid: z.int().positive(),
  /** The process's, in its system's own words; null where it does not say. */
  start: z.string().nullable(),
  space: z.object({
    host: z.string(),
    machine: z.string().nullable(),
    boot: z.string().nullable(),
    namespace: z.string().nullable(),
  }) satisfies z.ZodType<ProcessSpace>,
});
type Holder = z.infer<typeof holderSchema>;

export interface WorkOptions {
  readonly signal: AbortSignal;
  /** Called before it waits to see whether another installer, which cannot be looked at, is still there. */
  readonly onWait?: () => void;
  /** How long the beat of such an installer has to stand still. */
  readonly standstillMs?: number;
  readonly beatMs?: number;
}

/** The only place where an engine is being installed: while it is there, no other installation of the engine starts. */
export interface WorkFolder {
  /** An empty folder for the work. */
  readonly files: string;
  /** @throws UserError where another installer took the work over, as it may when this process stood still for long */
  check(): Promise<void>;
  /** Removes it with all that is in it. */
  release(): Promise<void>;
}

export const workFolderPath = (engine: NativeEngine, managed: string): string =>
  join(managed, `.${engine}.work`);

/**
 * Takes the work folder of an engine; what an installer left that is gone is removed.
 *
 * Whether one is gone is seen by its process where that can be looked at: on this machine, since its start, in this
 * namespace of process ids. Elsewhere its beat has to stand still by this process's own clock.
 *
 * @throws UserError where another installer is at work; the file system's error; the signal's reason when aborted
 */
export async function takeWorkFolder(
  engine: NativeEngine,
  managed: string,
  options: WorkOptions,
): Promise<WorkFolder> {
  const path = workFolderPath(engine, managed);
  const space = await processSpace();
  const start = await processStart(process.pid);
  const holder: Holder = {
    ...{ version: 1, token: randomUUID(), pid: process.pid },
    ...{ start: start === 'ended' ? null : start, space },
  };
  const own = `${path}-${holder.token}`;
  try {
    await mkdir(join(own, 'files'), { recursive: true });
    await writeFile(join(own, HOLDER), `${JSON.stringify(holder)}\n`);
    while (!(await takesName(own, path))) {
      const other = await readHolder(path);
      if (await isHeld(path, other, options)) throw isInstalled(engine);
      await removeStale(path, other);
    }
  } catch (error) {
    await remove(own);
    throw error;
  }
  const beat = setInterval(() => {
    const now = new Date();
    // It may be gone: `check` sees to that.
    utimes(join(path, HOLDER), now, now).catch(() => {});
  }, options.beatMs ?? BEAT_MS);
  beat.unref();
  const isOurs = async () => (await readHolder(path))?.token === holder.token;
  return {
    files: join(path, 'files'),
    check: async () => {
      if (!(await isOurs())) throw isInstalled(engine);
    },
    release: async () => {
      clearInterval(beat);
      if (await isOurs()) await remove(path);
    },
  };
}

/** Gives a folder its name, unless another has that. */
async function takesName(folder: string, name: string): Promise<boolean> {
  if (await exists(name)) return false;
  try {
    // A folder that is not empty is never replaced.
    await renameOver(folder, name);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'EPERM') && (await exists(name))) return false;
    throw error;
  }
}

async function isHeld(
  path: string,
  holder: Holder | null,
  { signal, onWait, standstillMs = STANDSTILL_MS }: WorkOptions,
): Promise<boolean> {
  if (holder) {
    const relation = relationOf(holder.space, await processSpace());
    if (relation === 'ended') return false;
    const start = relation === 'same' ? await processStart(holder.pid) : null;
    if (start === 'ended') return false;
    if (start !== null && holder.start !== null) return start === holder.start;
  }
  onWait?.();
  const beatAt = () => lastChange(join(path, HOLDER));
  const first = await beatAt();
  const until = performance.now() + standstillMs;
  while (performance.now() < until) {
    await delay(Math.min(standstillMs / 4, BEAT_MS), undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    );
    const now = await readHolder(path);
    if (now?.token !== holder?.token || (await beatAt()) !== first) return exists(path);
  }
  return false;
}

/** Removes a work folder whose holder is gone, unless another has taken it in the meantime. */
async function removeStale(path: string, judged: Holder | null): Promise<void> {
  const aside = `${path}-${randomUUID()}`;
  try {
    await renameOver(path, aside);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  const found = await readHolder(aside);
  if (found?.token !== judged?.token && (await takesName(aside, path))) return;
  await remove(aside);
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(join(path, HOLDER), 'utf8')));
  } catch {
    return null;
  }
}

function lastChange(path: string): Promise<number | null> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}

async function exists(path: string): Promise<boolean> {
  return (await lastChange(path)) !== null;
}

/** What still writes there, after an interrupt, may be a moment late. */
export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function isInstalled(engine: NativeEngine): UserError {
  return new UserError({
    what: l10n.t('{0} is being installed already.', engine),
    remedy: l10n.t('Wait until it is done.'),
  });
}
