import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { processSpace, processSpaceSchema, processStart, relationOf } from '../../system/processIdentity';
import { renameOver } from '../../system/renameOver';
import type { NativeEngine } from '../installations';

const BEAT_MS = 1000;
/** Longer than network file systems cache a file's mtime from another machine. */
const STANDSTILL_MS = 30_000;

const HOLDER = 'holder.json';

/** Identifies an installer, so that it can be recognized wherever its process is visible. */
const holderSchema = z.object({
  version: z.literal(1),
  token: z.string(),
  pid: z.int().positive(),
  /** The process's start time in its system's own format; null if the system does not report it. */
  start: z.string().nullable(),
  space: processSpaceSchema,
});
type Holder = z.infer<typeof holderSchema>;

export interface WorkOptions {
  readonly signal: AbortSignal;
  /** Called before waiting to see whether another installer, whose process is not visible, is still alive. */
  readonly onWait?: () => void;
  /** How long such an installer's heartbeat must stand still. */
  readonly standstillMs?: number;
  readonly beatMs?: number;
}

/** A lock on an engine's installation. While it exists, no other installation of the engine starts. */
export interface WorkFolder {
  /** An empty folder for the work. */
  readonly files: string;
  /** @throws UserError if another installer took over, which can happen after this process was suspended for long */
  check(): Promise<void>;
  /** Removes it with all its contents. */
  release(): Promise<void>;
}

export const workFolderPath = (engine: NativeEngine, managed: string): string =>
  join(managed, `.${engine}.work`);

/**
 * Takes the work folder of an engine. Removes what a dead installer left.
 *
 * If its process is visible (this machine, since its boot, in this PID namespace), that decides whether an installer is
 * alive. Elsewhere, its heartbeat must stand still according to this process's own clock.
 *
 * @throws UserError if another installer is at work; the file system's error; the signal's reason if aborted
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
    // It may have been removed. `check` detects that.
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

/** Renames a folder, unless the name is taken. Returns whether it did. */
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

/** Removes a work folder whose holder is dead, unless another installer has taken it in the meantime. */
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

/** Retries, because after an interrupt a process may still write there for a moment. */
export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function isInstalled(engine: NativeEngine): UserError {
  return new UserError({
    what: l10n.t('{0} is already being installed.', engine),
    remedy: l10n.t('Wait until it is done.'),
  });
}
