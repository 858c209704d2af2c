/**
 * Who trains a run. A run's attempts are numbered: the process that makes the file `lease.N` holds the run for
 * attempt N, and as only one can make it, no run is ever trained by two. A lease whose process is gone stays
 * until the next attempt's or until its run is given up, so that no number is used twice meanwhile.
 *
 * The file's time of change is the heartbeat. It decides only where the process cannot be looked at: on another
 * machine or in another container that shares the folder, and on Windows, whose processes' starts are not read.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { link, lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type EndRequest, endRequestSchema } from '../protocol/trainer';
import { isSystemError } from '../system/errors';
import { assertPlainFolders, openPlainSync, readPlain } from '../system/plainFiles';
import { processExists, processStart } from '../system/processes';

/** How often a holder renews its heartbeat. */
export const HEARTBEAT_MS = 1000;

/** How old a heartbeat may be before its holder counts as gone. */
const HEARTBEAT_TIMEOUT_MS = 15_000;

/** How long to wait for another process that changes a run's state: longer than that takes. */
const CLAIM_TIMEOUT_MS = 1000;

const purposeSchema = z.enum(['training', 'change']);

const holderSchema = z.object({
  version: z.literal(1),
  pid: z.int().positive(),
  purpose: purposeSchema,
  /** The machine or container. */
  host: z.string(),
  /** Tells apart the machine's starts; null where it does not say. */
  boot: z.string().nullable(),
  /** The process's, in its system's own words; null where it does not say. */
  start: z.string().nullable(),
});
type Holder = z.infer<typeof holderSchema>;

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
  /** Another process holds the run. */
  | { readonly ok: false; readonly lease: Lease };

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
 * Takes a run for the process `pid`, unless one that lives holds it; the same process may ask again.
 *
 * @throws the file system's error
 */
export async function claimLease(
  runFolder: string,
  purpose: Purpose,
  pid: number = process.pid,
): Promise<Claim> {
  await assertPlainFolders(leasePath(runFolder, 1));
  const holder = await holderOf(pid, purpose);
  for (;;) {
    const current = await readLease(runFolder);
    if (current && (await isHeld(current))) {
      return { ok: isSame(current.holder, holder), lease: current };
    }
    const attempt = (current?.attempt ?? 0) + 1;
    const path = leasePath(runFolder, attempt);
    if (!(await createWhole(path, `${JSON.stringify(holder)}\n`))) continue;
    // Between the reading and the making, the run may have been given up and taken under another number.
    const others = (await attemptsOf(runFolder)).filter((other) => other !== attempt);
    const leases = await Promise.all(others.map((other) => readAttempt(runFolder, other)));
    const held = await Promise.all(leases.map((lease) => lease !== null && isHeld(lease)));
    if (!held.includes(true)) return { ok: true, lease: { attempt, path, holder } };
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
): Promise<Claim> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const claim = await claimLease(runFolder, purpose, pid);
    const mayWait = claim.lease.holder?.purpose === 'change' && waitedMs < CLAIM_TIMEOUT_MS;
    if (claim.ok || !mayWait) return claim;
    await delay(50);
  }
}

/** The lease of a run's last attempt; null where there is none. */
export async function readLease(runFolder: string): Promise<Lease | null> {
  const attempts = await attemptsOf(runFolder);
  if (attempts.length === 0) return null;
  // Where it was given up between the two readings, another may have been taken.
  return (await readAttempt(runFolder, Math.max(...attempts))) ?? readLease(runFolder);
}

/** Gives up a run that was taken: its leases of this attempt and before go away. */
export async function releaseLease(runFolder: string, lease: Lease): Promise<void> {
  const attempts = (await attemptsOf(runFolder)).filter((attempt) => attempt <= lease.attempt);
  // Its own last: while that stands, nobody takes the run.
  for (const attempt of attempts.sort((a, b) => a - b)) {
    await rm(leasePath(runFolder, attempt), { force: true });
  }
}

/** Whether the very process that the lease names is there, as far as it can be told. */
export async function isHeld({ holder, path }: Lease): Promise<boolean> {
  if (!holder) return isFresh(path);
  if (holder.host !== hostname()) return isFresh(path);
  if (holder.boot !== bootId()) return false;
  if (holder.start === null) return processExists(holder.pid) && isFresh(path);
  const start = await processStart(holder.pid);
  return start === null ? isFresh(path) : start === holder.start;
}

/** Whether the lease's process is one of this machine, which signals reach. */
export function isLocal({ holder }: Lease): boolean {
  return holder !== null && holder.host === hostname();
}

/** Whether the heartbeat is recent. A clock that was set back or forth is right again with the next one. */
async function isFresh(path: string): Promise<boolean> {
  return lstat(path).then(
    ({ mtimeMs }) => Math.abs(Date.now() - mtimeMs) < HEARTBEAT_TIMEOUT_MS,
    () => false,
  );
}

async function holderOf(pid: number, purpose: Purpose): Promise<Holder> {
  const start = await processStart(pid);
  return {
    version: 1,
    pid,
    purpose,
    host: hostname(),
    boot: bootId(),
    start: start === 'ended' ? '' : start,
  };
}

function isSame(a: Holder | null, b: Holder): boolean {
  return a !== null && a.pid === b.pid && a.start === b.start && a.host === b.host && a.boot === b.boot;
}

/** An attempt's lease; null where there is none. */
async function readAttempt(runFolder: string, attempt: number): Promise<Lease | null> {
  const path = leasePath(runFolder, attempt);
  try {
    const holder = holderSchema.safeParse(JSON.parse(await readPlain(path, 'utf8')));
    return { attempt, path, holder: holder.data ?? null };
  } catch (error) {
    return isSystemError(error, 'ENOENT') ? null : { attempt, path, holder: null };
  }
}

async function attemptsOf(runFolder: string): Promise<number[]> {
  try {
    return (await readdir(runFolder)).flatMap((name) => {
      const attempt = LEASE_NAME.exec(name)?.[1];
      return attempt === undefined ? [] : [Number(attempt)];
    });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** Makes a file that appears whole or not at all; false where there is one already. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
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

let knownBootId: string | null | undefined;

/** Tells apart the machine's starts where it says so (Linux). */
function bootId(): string | null {
  if (knownBootId === undefined) {
    try {
      knownBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      knownBootId = null;
    }
  }
  return knownBootId;
}
