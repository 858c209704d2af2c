/**
 * Who trains a run. A run's attempts are numbered: the process that makes the file `lease.N` holds the run for
 * attempt N, and as only one can make it, no run is ever trained by two. A number is never used twice: a lease that is
 * given up stays, as a marker that says so, until one of a higher number is given up.
 *
 * The file's time of change is the heartbeat. It decides only where the process cannot be looked at: on another
 * machine or in another container that shares the folder.
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

/** How often a holder renews its heartbeat. */
export const HEARTBEAT_MS = 1000;

/** How long to wait for another process that changes a run's state: longer than that takes. */
const CLAIM_TIMEOUT_MS = 1000;

const purposeSchema = z.enum(['training', 'change']);

const holderSchema = z.object({
  version: z.literal(1),
  pid: z.int().positive(),
  purpose: purposeSchema,
  /** The machine or container, for people. */
  host: z.string(),
  /** What ids of processes mean there; as `ProcessSpace`. Earlier releases did not write all of it. */
  machine: z.string().nullable().default(null),
  boot: z.string().nullable(),
  namespace: z.string().nullable().default(null),
  /** The process's, in its system's own words; null where it does not say. */
  start: z.string().nullable(),
  /** Random: a lease of the same number in another folder, or after a copy, is not this one. */
  token: z.string().default(''),
});
type Holder = z.infer<typeof holderSchema>;

/** What becomes of a lease that was given up, with what its holder left to be known. */
const releasedSchema = z.object({
  version: z.literal(1),
  released: z.literal(true),
  left: z.unknown().optional(),
});

/** A run.json, of which only the attempt that wrote it counts here. */
const numberedSchema = z.object({ attempt: z.int().min(0) });

export interface Lease {
  /** From 1. */
  readonly attempt: number;
  readonly path: string;
  /** Null for a lease that cannot be read. */
  readonly holder: Holder | null;
}

/** What a run is taken for: to be trained, or for the moment that its state is changed. */
export type Purpose = z.infer<typeof purposeSchema>;

export type Claim =
  | { readonly ok: true; readonly lease: Lease }
  /** Another process holds the run, or may hold it. */
  | { readonly ok: false; readonly lease: Lease };

/** The highest number that a lease's name can have. */
const LAST_ATTEMPT = 999_999_999;

/** The folders of a run that have one for each attempt. */
const ATTEMPT_FOLDERS = ['checkpoints', 'evaluation'] as const;

const LEASE_NAME = /^lease\.([1-9]\d{0,8})$/;

export const leasePath = (runFolder: string, attempt: number): string => join(runFolder, `lease.${attempt}`);

/** Asks a trainer that no signal reaches to end: it looks for this file at every heartbeat. */
export const endRequestPath = (runFolder: string): string => join(runFolder, 'stop');

/** What a trainer is asked for by its folder; null where nothing is asked. */
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
 * Takes a run for the process `pid`, unless one that lives, or may live, holds it; the same process may ask again.
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
        what: l10n.t('{0} has no number left for another attempt.', runFolder),
        remedy: l10n.t('Run its experiment again.'),
      });
    }
    const path = leasePath(runFolder, attempt);
    if (!(await createWhole(path, `${JSON.stringify(holder)}\n`))) continue;
    // Between the reading and the making, this number may have been used, given up and removed.
    if (!(await isOutnumbered(runFolder, attempt))) return { ok: true, lease: { attempt, path, holder } };
    await rm(path, { force: true });
  }
}

/**
 * Takes a run as `claimLease` does, and waits a moment for one who only changes its state.
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

/** The lease of a run's last attempt; null where there is none, or it was given up. */
export async function readLease(runFolder: string): Promise<Lease | null> {
  const latest = await latestOf(runFolder);
  return latest?.kind === 'lease' ? latest.lease : null;
}

/** What the last attempt above `attempt` left that was given up; null where there is none. */
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
 * Gives up a run that was taken; nothing where the lease is another's by now. Those of lower attempts go away.
 *
 * @param left what to keep beside the number, which no lower attempt can change
 * @throws the file system's error
 */
export async function releaseLease(runFolder: string, lease: Lease, left?: object): Promise<void> {
  if (!(await isUnchanged(lease))) return;
  const marker = { version: 1, released: true, left };
  try {
    await replaceFile(lease.path, `${JSON.stringify(marker)}\n`);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return;
    // A full disk has room for less than there is already.
    await overwrite(lease.path, JSON.stringify({ version: 1, released: true }));
  }
  for (const attempt of await attemptsOf(runFolder)) {
    if (attempt < lease.attempt) await rm(leasePath(runFolder, attempt), { force: true });
  }
}

/** What became of a lease for its holder: a later attempt took the run over, or its folder went away. */
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

/** A later attempt has taken the run over: what this process knows of it is void. */
export class FencedOut extends Error {
  override readonly name = 'FencedOut';

  constructor() {
    super(l10n.t('Another process has taken it over.'));
  }
}

/**
 * To be called before each write of a run: one that froze for a while may have been taken for dead.
 *
 * @throws FencedOut
 */
export function assertNotFenced(runFolder: string, lease: Lease): void {
  if (standingOf(runFolder, lease) === 'fenced') throw new FencedOut();
}

/**
 * Renews a lease's heartbeat, and no other's that may have its name by now.
 *
 * @returns false where it is another's
 * @throws the file system's error, ENOENT where there is none
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
 * Whether the very process that the lease names is there: by its id and start where these can be looked at, else by
 * its heartbeat.
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

/** Whether the lease's process is one that signals reach, and lives. */
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

/** Whether it is one process that asks twice, or that another takes a run for. */
function isSame(a: Holder | null, b: Holder): boolean {
  if (a === null || a.pid !== b.pid || a.start !== b.start) return false;
  return a.boot === b.boot && a.namespace === b.namespace && (a.machine ?? a.host) === (b.machine ?? b.host);
}

/** Whether two leases of one number are the same one; of earlier releases, which had no tokens, their process's. */
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

/** The highest attempt that left something else than its lease, which a person may have deleted, or not copied. */
async function lastToWrite(runFolder: string): Promise<number> {
  const folders = ATTEMPT_FOLDERS.map((name) => currentAttempt(join(runFolder, name)));
  return Math.max(...folders, await manifestAttempt(runFolder));
}

async function manifestAttempt(runFolder: string): Promise<number> {
  const text = await readPlain(join(runFolder, 'run.json'), 'utf8').catch((error: unknown) => {
    // What is wrong with it is told by who reads the rest of it.
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return '';
  });
  return numberedSchema.safeParse(jsonOf(text)).data?.attempt ?? 0;
}

async function isOutnumbered(runFolder: string, attempt: number): Promise<boolean> {
  return (await attemptsOf(runFolder)).some((other) => other > attempt);
}

/** What the file of an attempt says. */
type AttemptFile =
  | { readonly kind: 'lease'; readonly attempt: number; readonly lease: Lease }
  | { readonly kind: 'released'; readonly attempt: number; readonly left: unknown };

/** That of a run's last attempt; null where there is none. */
async function latestOf(runFolder: string): Promise<AttemptFile | null> {
  const attempts = await attemptsOf(runFolder);
  if (attempts.length === 0) return null;
  // Where it was removed between the two readings, there is one of a higher attempt.
  return (await readAttempt(runFolder, Math.max(...attempts))) ?? latestOf(runFolder);
}

/**
 * An attempt's file; null where there is none.
 *
 * @throws UserError where it is a link or no regular file
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

/** Makes a file that appears whole or not at all; false where there is one already. */
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
    // ENOENT: a writer that holds the run took the temporary file for one that a dead process left.
    if (isSystemError(error, 'EEXIST', 'ENOENT')) return false;
    // A file system without hard links, such as FAT: a reader may see the file before its content.
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

/** Gives a file content that is no longer than its own, where it stands. */
async function overwrite(path: string, content: string): Promise<void> {
  const file = await openPlain(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(content.padEnd(size), 0);
  } finally {
    await file.close();
  }
}
