/**
 * Deleted runs stay in `.bag-of-tricks/trash` for thirty days, each in a folder named after the run and the time. A run
 * moves by a single rename, so it is always complete in one place. Its content stays unchanged. Its origin refers to
 * its location among the runs, so a run that came with someone else's trash is still someone else's after it is
 * restored.
 */
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { failureOf, isSystemError } from '../../system/errors';
import { assertPlainFolders } from '../../system/plainFiles';
import { renameOver } from '../../system/renameOver';
import { assertStoreAllowed } from '../../system/storeConsent';
import { makeStoreFolder } from '../../system/storeFolder';
import { STORE_FOLDER } from '../../system/storeName';
import { claimWithRetry, isLeaseName, leasePath, readLease, releaseLease } from '../lease/lease';
import { awaitVerdict, type Waiting } from '../lease/verdict';
import {
  assertRunId,
  inTurn,
  manifestPath,
  notifyWatchers,
  readManifest,
  resultOf,
  runFolder,
  runsFolder,
} from '../store';

/** Number of days to keep a deleted run. */
export const TRASH_DAYS = 30;

/** A deleted run that can be restored. */
export interface TrashedRun {
  readonly id: string;
  /** The folder that contains the store. */
  readonly root: string;
  /** Its folder in the trash. */
  readonly folder: string;
  /** Milliseconds since 1970. */
  readonly deletedAt: number;
  /** Disk usage. */
  readonly bytes: number;
}

export type Trashing =
  | { readonly outcome: 'trashed'; readonly folder: string }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  /** The runs and the trash are on different disks, so a rename is impossible. */
  | { readonly outcome: 'other_disk'; readonly failure: Failure };

export const trashFolder = (root: string): string => join(root, STORE_FOLDER, 'trash');

/** A run's id and the time of its deletion. */
const TRASHED_NAME = /^(.+)\.(\d{12,15})$/;

/** A folder that is being permanently deleted. If a process ends in between, the next one finishes it. */
const DOOMED_NAME = /\.\d{12,15}\.doomed$/;

/** Contents of a run's folder besides its leases. A folder without any of these is not a run's. */
const RUN_PARTS: ReadonlySet<string> = new Set([
  ...['run.json', 'metrics.ndjson', 'checkpoints', 'evaluation', 'queue.json', 'trainer.log', 'origin'],
]);

/**
 * Moves a run to the trash unchanged. A queued run leaves the queue, and is queued again after it is restored. Works
 * under the run's lease, so not while the run is being trained. If that is unclear, waits until it is clear.
 *
 * @throws the signal's reason if the wait was canceled
 */
export async function trashRun(root: string, id: string, waiting: Waiting = {}): Promise<Trashing> {
  assertRunId(id);
  const folder = runFolder(root, id);
  try {
    await assertPlainFolders(manifestPath(folder));
    // Nobody can train a run with a symbolic link as its lease.
    const verdict = await awaitVerdict(folder, waiting).catch(freeIfUnreadable);
    // The claim below waits for a process that only changes the state.
    if (verdict === 'held' && !(await isChanging(folder))) {
      return { outcome: 'failed', failure: runningFailure(id) };
    }
    await makeStoreFolder(root, trashFolder(root));
    return await inTurn(folder, () => moveToTrash(root, id, waiting));
  } catch (error) {
    waiting.signal?.throwIfAborted();
    if (isSystemError(error, 'EXDEV')) return { outcome: 'other_disk', failure: otherDiskFailure(root, id) };
    return { outcome: 'failed', failure: failureOf(error) };
  } finally {
    await notifyWatchers(folder);
  }
}

async function moveToTrash(root: string, id: string, { watch }: Waiting): Promise<Trashing> {
  const folder = runFolder(root, id);
  // Leave an unreadable run untouched, without even a lease: no trainer of this release takes it.
  if (!(await readManifest(folder)).ok) {
    return { outcome: 'trashed', folder: await renameToTrash(root, id) };
  }
  const claim = await claimWithRetry(folder, 'change', process.pid, watch);
  if (!claim.ok) return { outcome: 'failed', failure: runningFailure(id) };
  const { lease } = claim;
  let now = folder;
  let left: object | undefined;
  try {
    const reading = await readManifest(folder);
    left = reading.ok ? resultOf(reading.manifest) : undefined;
    now = await renameToTrash(root, id);
    return { outcome: 'trashed', folder: now };
  } finally {
    await releaseLease(now, { ...lease, path: leasePath(now, lease.attempt) }, left);
  }
}

/** Returns the run's new folder. */
async function renameToTrash(root: string, id: string): Promise<string> {
  for (let time = Date.now(); ; time++) {
    const folder = join(trashFolder(root), `${id}.${time}`);
    if (await isThere(folder)) continue;
    await renameOver(runFolder(root, id), folder);
    return folder;
  }
}

/**
 * The deleted runs in the store of `root`, last one first.
 *
 * @param known bytes by folder from earlier calls. New results are added to it.
 * @throws the file system's error
 */
export async function listTrash(root: string, known = new Map<string, number>()): Promise<TrashedRun[]> {
  const runs: TrashedRun[] = [];
  for (const name of await foldersIn(trashFolder(root))) {
    const [, id, time] = TRASHED_NAME.exec(name) ?? [];
    const folder = join(trashFolder(root), name);
    if (id === undefined || id === '.' || id === '..' || !(await isRunFolder(folder))) continue;
    const bytes = known.get(folder) ?? (await bytesOf(folder));
    known.set(folder, bytes);
    runs.push({ id, root, folder, deletedAt: Number(time), bytes });
  }
  return runs.sort((a, b) => b.deletedAt - a.deletedAt || b.id.localeCompare(a.id, 'en', { numeric: true }));
}

/**
 * Moves a deleted run back to the runs. A formerly queued run is queued again.
 *
 * @returns null on success
 */
export async function restoreRun({
  root,
  id,
  folder,
}: Omit<TrashedRun, 'bytes' | 'deletedAt'>): Promise<Failure | null> {
  const target = runFolder(root, id);
  try {
    await makeStoreFolder(root, runsFolder(root));
    if (await isThere(target)) {
      return {
        what: l10n.t('The run {0} already exists.', id),
        remedy: l10n.t('Delete or rename its folder {0}, then restore this one.', target),
      };
    }
    await renameOver(folder, target);
    return null;
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) return failureOf(error);
    return {
      what: l10n.t('The run {0} is no longer in the trash.', id),
      remedy: l10n.t('List the deleted runs: {0}', 'tricks trash'),
    };
  } finally {
    await notifyWatchers(target);
  }
}

/**
 * Permanently deletes runs from the trash of `root`.
 *
 * @throws UserError if the store or its trash is a symbolic link that needs consent, or the file system's error
 */
export async function emptyTrash(root: string, runs: readonly TrashedRun[]): Promise<void> {
  await assertStoreAllowed(root);
  try {
    for (const { folder } of runs) {
      const doomed = `${folder}.doomed`;
      try {
        // Rename first, so that nobody can restore a partly deleted run.
        await renameOver(folder, doomed);
      } catch (error) {
        if (isSystemError(error, 'ENOENT')) continue;
        throw error;
      }
      await removeFolder(doomed);
    }
    for (const name of await foldersIn(trashFolder(root))) {
      const folder = join(trashFolder(root), name);
      if (DOOMED_NAME.test(name) && (await isRunFolder(folder))) await removeFolder(folder);
    }
  } finally {
    await notifyWatchers(runFolder(root, 'any'));
  }
}

/**
 * Permanently deletes runs that have been in the trash of `root` for thirty days.
 *
 * @throws as `emptyTrash`
 */
export async function purgeTrash(root: string, now = Date.now()): Promise<void> {
  const names = await foldersIn(trashFolder(root));
  if (names.length === 0) return;
  const isOld = ({ deletedAt }: TrashedRun) => now - deletedAt > TRASH_DAYS * 86_400_000;
  const old = (await listTrash(root)).filter(isOld);
  if (old.length > 0 || names.some((name) => DOOMED_NAME.test(name))) await emptyTrash(root, old);
}

/** The names of the subfolders of a folder, without symbolic links. Empty if the folder does not exist. */
async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** Whether a folder has any part of a run, or is empty. */
async function isRunFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => ['?']);
  return names.length === 0 || names.some((name) => RUN_PARTS.has(name) || isLeaseName(name));
}

/** Disk usage of a folder. Does not follow symbolic links, and counts a file with several hard links once. */
async function bytesOf(folder: string, seen = new Set<bigint>()): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    const stats = await lstat(path, { bigint: true }).catch(() => null);
    if (stats && !seen.has(stats.ino)) bytes += Number(stats.blocks) * 512;
    if (stats && stats.nlink > 1n) seen.add(stats.ino);
    if (entry.isDirectory()) bytes += await bytesOf(path, seen);
  }
  return bytes;
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function isChanging(folder: string): Promise<boolean> {
  const lease = await readLease(folder);
  return lease === null || lease.holder?.purpose === 'change';
}

function freeIfUnreadable(error: unknown): 'free' {
  if (error instanceof UserError) return 'free';
  throw error;
}

function runningFailure(id: string): Failure {
  return { what: l10n.t('{0} is running.', id), remedy: l10n.t('Stop it, then delete it.') };
}

function otherDiskFailure(root: string, id: string): Failure {
  return {
    what: l10n.t(
      'The run {0} cannot be moved to the trash: {1} is on a different disk than the runs.',
      id,
      trashFolder(root),
    ),
    remedy: l10n.t(
      'Make {0} a link to a folder on the same disk as the runs, or delete the run for good.',
      trashFolder(root),
    ),
  };
}
