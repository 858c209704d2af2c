/**
 * Leases decide who trains a run. A run's attempts are numbered. The process that creates the file `lease.N` holds the
 * run for attempt N. Only one process can create it, so two never train the same run. A number is never reused: a
 * released lease remains as a marker until one with a higher number is released.
 *
 * The file's modification time is the heartbeat. It matters only if the process cannot be inspected: on another
 * machine, or in another container that shares the folder.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { link, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { type EndRequest, endRequestSchema } from '../../protocol/trainer';
import { parseJson } from '../../shared/parseJson';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { assertPlainFolders, openPlain, openPlainSync, readPlain } from '../../system/plainFiles';
import { processExists } from '../../system/processes';
import {
  processSpace,
  processStart,
  recentProcessStart,
  relationOf,
  type SpaceRelation,
} from '../../system/processIdentity';
import { replaceFile } from '../../system/replaceFile';
import { currentAttempt } from './attemptFolders';
import { type HeartbeatWatch, heartbeats, type Liveness } from './heartbeats';

/** Interval at which a holder renews its heartbeat. */
export const HEARTBEAT_MS = 1000;

/** How long to wait for another process that changes a run's state. Such a change takes less time. */
const CLAIM_TIMEOUT_MS = 1000;

const purposeSchema = z.enum(['training', 'change']);

const holderSchema = z.object({
  version: z.literal(1),
  pid: z.int().positive(),
  purpose: purposeSchema,
  /** Name of the machine or container, for the user. */
  host: z.string(),
  /** The scope in which process ids are valid, as in `ProcessSpace`. Earlier releases did not write all of it. */
  machine: z.string().nullable().default(null),
  boot: z.string().nullable(),
  namespace: z.string().nullable().default(null),
  /** Start time of the process in its system's own format, or null if the system does not report it. */
  start: z.string().nullable(),
  /** Random, so that a lease with the same number in another folder, or after a copy, counts as different. */
  token: z.string().default(''),
});
type Holder = z.infer<typeof holderSchema>;

/** A released lease, with what its holder left behind. */
const releasedSchema = z.object({
  version: z.literal(1),
  released: z.literal(true),
  left: z.unknown().optional(),
});

/** A run.json. Only the attempt that wrote it matters here. */
const numberedSchema = z.object({ attempt: z.int().min(0) });

export interface Lease {
  /** From 1. */
  readonly attempt: number;
  readonly path: string;
  /** Null if the lease cannot be read. */
  readonly holder: Holder | null;
}

/** Why a run is claimed: to train it, or only while its state changes. */
export type Purpose = z.infer<typeof purposeSchema>;

export type Claim =
  | { readonly ok: true; readonly lease: Lease }
  /** Another process holds the run, or may hold it. */
  | { readonly ok: false; readonly lease: Lease };

/** The highest attempt number that a lease's file name can have. */
const LAST_ATTEMPT = 999_999_999;

/** The run's folders that have one subfolder per attempt. */
const ATTEMPT_FOLDERS = ['checkpoints', 'evaluation'] as const;

const LEASE_NAME = /^lease\.([1-9]\d{0,8})$/;

export const leasePath = (runFolder: string, attempt: number): string => join(runFolder, `lease.${attempt}`);

/** Whether a file name in a run's folder is that of a lease or a released lease. */
export const isLeaseName = (name: string): boolean => LEASE_NAME.test(name);

/** Asks a trainer that no signal reaches to end. The trainer checks for this file at every heartbeat. */
export const endRequestPath = (runFolder: string): string => join(runFolder, 'stop');

/** The request in a trainer's folder, or null if there is none. */
export function endRequestIn(runFolder: string): EndRequest | null {
  let file: number;
  try {
    file = openPlainSync(endRequestPath(runFolder));
  } catch {
    return null;
  }
  try {
    return endRequestSchema.safeParse(readFileSync(file, 'utf8')).data ?? 'stop';
  } finally {
    closeSync(file);
  }
}

/**
 * Claims a run for the process `pid`, unless a process that is or may be alive holds it. The same process may claim it
 * again.
 *
 * @throws the file system's error
 */
export async function claimLease(
  runFolder: string,
  purpose: Purpose,
  pid: number = process.pid,
  watch: HeartbeatWatch = heartbeats,
): Promise<Claim> {
  await assertPlainFolders(leasePath(runFolder, 1));
  const holder = await holderOf(pid, purpose);
  for (;;) {
    const latest = await latestOf(runFolder);
    if (latest?.kind === 'lease' && (await livenessOf(latest.lease, watch)) !== 'gone') {
      return { ok: isSame(latest.lease.holder, holder), lease: latest.lease };
    }
    const attempt = Math.max(latest?.attempt ?? 0, await lastToWrite(runFolder)) + 1;
    if (attempt > LAST_ATTEMPT) {
      throw new UserError({
        what: l10n.t('{0} has no attempt numbers left.', runFolder),
        remedy: l10n.t('Run its experiment again.'),
      });
    }
    const path = leasePath(runFolder, attempt);
    if (!(await createWhole(path, `${JSON.stringify(holder)}\n`))) continue;
    // Between reading and creating, this number may have been used, released and removed.
    if (!(await isOutnumbered(runFolder, attempt))) return { ok: true, lease: { attempt, path, holder } };
    await rm(path, { force: true });
  }
}

/**
 * Claims a run like `claimLease`. Waits briefly for a process that only changes its state.
 *
 * @throws the file system's error
 */
export async function claimWithRetry(
  runFolder: string,
  purpose: Purpose,
  pid: number = process.pid,
  watch: HeartbeatWatch = heartbeats,
): Promise<Claim> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const claim = await claimLease(runFolder, purpose, pid, watch);
    const mayWait = claim.lease.holder?.purpose === 'change' && waitedMs < CLAIM_TIMEOUT_MS;
    if (claim.ok || !mayWait) return claim;
    await delay(50);
  }
}

/** The lease of a run's last attempt, or null if there is none or it was released. */
export async function readLease(runFolder: string): Promise<Lease | null> {
  const latest = await latestOf(runFolder);
  return latest?.kind === 'lease' ? latest.lease : null;
}

/** What the last released attempt above `attempt` left behind, or null if nothing. */
export async function readLeft(
  runFolder: string,
  attempt: number,
): Promise<{ readonly attempt: number; readonly left: unknown } | null> {
  for (const other of (await attemptsOf(runFolder)).sort((a, b) => b - a)) {
    if (other <= attempt) return null;
    const file = await readAttempt(runFolder, other);
    if (file?.kind === 'released' && file.left !== undefined) return file;
  }
  return null;
}

/**
 * Releases a claimed run and removes the leases of lower attempts. No-op if the lease now belongs to another process.
 *
 * @param left data to keep with the number, where no lower attempt can change it
 * @throws the file system's error
 */
export async function releaseLease(runFolder: string, lease: Lease, left?: object): Promise<void> {
  if (!(await isUnchanged(lease))) return;
  const marker = { version: 1, released: true, left };
  try {
    await replaceFile(lease.path, `${JSON.stringify(marker)}\n`);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return;
    // A full disk still has room for content that is shorter than the current one.
    await overwrite(lease.path, JSON.stringify({ version: 1, released: true }));
  }
  for (const attempt of await attemptsOf(runFolder)) {
    if (attempt < lease.attempt) await rm(leasePath(runFolder, attempt), { force: true });
  }
}

/** A lease's standing for its holder: still held, taken over by a later attempt, or its folder is missing. */
export type Standing = 'held' | 'fenced' | 'lost';

export function standingOf(runFolder: string, lease: Lease): Standing {
  try {
    if (attemptsAmong(readdirSync(runFolder)).some((other) => other > lease.attempt)) return 'fenced';
    return isSameLease(parseLease(readPlainSync(lease.path)), lease.holder) ? 'held' : 'fenced';
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return 'lost';
    throw error;
  }
}

function readPlainSync(path: string): string {
  const file = openPlainSync(path);
  try {
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** A later attempt has taken over the run. What this process knows about it is void. */
export class FencedOut extends Error {
  override readonly name = 'FencedOut';

  constructor() {
    super(l10n.t('Another process has taken it over.'));
  }
}

/**
 * Call this before each write to a run: a process that froze for a while may have been presumed dead.
 *
 * @throws FencedOut
 */
export function assertNotFenced(runFolder: string, lease: Lease): void {
  if (standingOf(runFolder, lease) === 'fenced') throw new FencedOut();
}

/**
 * Renews a lease's heartbeat. Never touches another lease that has the name now.
 *
 * @returns false if the file is another lease
 * @throws the file system's error, ENOENT if there is no lease
 */
export async function beat(lease: Lease): Promise<boolean> {
  const file = await openPlain(lease.path, 'r+');
  try {
    if (!isSameLease(parseLease(await file.readFile('utf8')), lease.holder)) return false;
    const now = new Date();
    await file.utimes(now, now);
    return true;
  } finally {
    await file.close();
  }
}

/**
 * Whether exactly the process named in the lease is alive: by its id and start time if these can be inspected,
 * otherwise by its heartbeat.
 */
export async function livenessOf(
  { holder, path }: Lease,
  watch: HeartbeatWatch = heartbeats,
): Promise<Liveness> {
  if (!holder) return watch.look(path);
  const relation = await relationTo(holder);
  if (relation === 'ended') return 'gone';
  if (relation === 'other') return watch.look(path);
  const start = await recentProcessStart(holder.pid);
  if (start === null || holder.start === null) {
    return relation === 'same' && !processExists(holder.pid) ? 'gone' : watch.look(path);
  }
  if (start === holder.start) return 'held';
  return relation === 'same' ? 'gone' : watch.look(path);
}

/** Whether the lease's process is alive and reachable by signals. */
export async function isWithinReach({ holder }: Lease): Promise<boolean> {
  if (!holder) return false;
  const relation = await relationTo(holder);
  if (relation === 'other' || relation === 'ended') return false;
  const start = await processStart(holder.pid);
  return start !== null && start !== 'ended' && start === holder.start;
}

async function relationTo(holder: Holder): Promise<SpaceRelation> {
  return relationOf(holder, await processSpace());
}

async function holderOf(pid: number, purpose: Purpose): Promise<Holder> {
  const start = await processStart(pid);
  return {
    ...{ version: 1, pid, purpose },
    ...(await processSpace()),
    ...{ start: start === 'ended' ? '' : start, token: randomUUID() },
  };
}

/** Whether both holders are the same process, whichever process made the claim for it. */
function isSame(a: Holder | null, b: Holder): boolean {
  if (a === null || a.pid !== b.pid || a.start !== b.start) return false;
  return a.boot === b.boot && a.namespace === b.namespace && (a.machine ?? a.host) === (b.machine ?? b.host);
}

/**
 * Whether two leases of the same number are identical. Leases of earlier releases have no tokens, so their processes
 * are compared.
 */
function isSameLease(a: Holder | null, b: Holder | null): boolean {
  return a !== null && b !== null && a.token === b.token && isSame(a, b);
}

async function isUnchanged({ path, holder }: Lease): Promise<boolean> {
  try {
    return isSameLease(parseLease(await readPlain(path, 'utf8')), holder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/**
 * The highest attempt that left anything other than its lease. The user may have deleted the lease or not copied it.
 */
async function lastToWrite(runFolder: string): Promise<number> {
  const folders = ATTEMPT_FOLDERS.map((name) => currentAttempt(join(runFolder, name)));
  return Math.max(...folders, await manifestAttempt(runFolder));
}

async function manifestAttempt(runFolder: string): Promise<number> {
  const text = await readPlain(join(runFolder, 'run.json'), 'utf8').catch((error: unknown) => {
    // The code that reads the rest of the manifest reports what is wrong with it.
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return '';
  });
  return numberedSchema.safeParse(jsonOf(text)).data?.attempt ?? 0;
}

async function isOutnumbered(runFolder: string, attempt: number): Promise<boolean> {
  return (await attemptsOf(runFolder)).some((other) => other > attempt);
}

/** The content of an attempt's file. */
type AttemptFile =
  | { readonly kind: 'lease'; readonly attempt: number; readonly lease: Lease }
  | { readonly kind: 'released'; readonly attempt: number; readonly left: unknown };

/** The file of a run's last attempt, or null if there is none. */
async function latestOf(runFolder: string): Promise<AttemptFile | null> {
  const attempts = await attemptsOf(runFolder);
  if (attempts.length === 0) return null;
  // If it was removed between the two reads, there is one of a higher attempt.
  return (await readAttempt(runFolder, Math.max(...attempts))) ?? latestOf(runFolder);
}

/**
 * Reads an attempt's file, or returns null if there is none.
 *
 * @throws UserError if it is a symbolic link or not a regular file
 */
async function readAttempt(runFolder: string, attempt: number): Promise<AttemptFile | null> {
  const path = leasePath(runFolder, attempt);
  let text = '';
  try {
    text = await readPlain(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    if (error instanceof UserError) throw error;
  }
  const { data: released } = releasedSchema.safeParse(jsonOf(text));
  if (released) return { kind: 'released', attempt, left: released.left };
  return { kind: 'lease', attempt, lease: { attempt, path, holder: parseLease(text) } };
}

function parseLease(text: string): Holder | null {
  return holderSchema.safeParse(jsonOf(text)).data ?? null;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

async function attemptsOf(runFolder: string): Promise<number[]> {
  try {
    return attemptsAmong(await readdir(runFolder));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

function attemptsAmong(names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const attempt = LEASE_NAME.exec(name)?.[1];
    return attempt === undefined ? [] : [Number(attempt)];
  });
}

/** Creates a file atomically. Returns false if it already exists. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { flag: 'wx' });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    // ENOENT: the holder of the run mistook the temporary file for that of a dead process.
    if (isSystemError(error, 'EEXIST', 'ENOENT')) return false;
    // The file system has no hard links, for example FAT. A reader may see the file before its content.
    if (isSystemError(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'))
      return createExclusive(path, content);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createExclusive(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Overwrites a file in place with content that is no longer than its current content. */
async function overwrite(path: string, content: string): Promise<void> {
  const file = await openPlain(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(content.padEnd(size), 0);
  } finally {
    await file.close();
  }
}
