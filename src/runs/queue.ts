/**
 * The queued runs of a store. The place of a queued run is stored in the run's folder. So the queue survives every
 * program, and two windows that add or move runs at the same time change different files.
 */

import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import type { RunState } from '../protocol/manifest';
import { isFinalState } from '../protocol/state';
import type { Failure } from '../shared/failure';
import { parseJson } from '../shared/parseJson';
import { failureOf } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { awaitVerdict, type Waiting } from './lease/verdict';
import {
  changeState,
  listRuns,
  notifyWatchers,
  type ReadableEntry,
  type RunEntry,
  readManifest,
  runFolder,
} from './store';
import { doneFailure, untrainableFailure } from './trainable';

const placeSchema = z.object({
  version: z.literal(1),
  /** Queued runs are ordered by place. Neighbors may be any distance apart. */
  place: z.number(),
  /** Number of earlier attempts with a crashed trainer. */
  crashes: z.int().min(0),
  terms: z
    .object({
      threads: z.int().min(1).optional(),
      atOnce: z.int().min(1).optional(),
      retries: z.int().min(0).optional(),
      group: z.string().optional(),
    })
    .optional(),
});
type Place = z.infer<typeof placeSchema>;

/** How to train a run, whichever process works through the queue. Missing values follow that process's own options. */
export interface QueueTerms {
  /** Number of compute threads. */
  readonly threads?: number | undefined;
  /** Maximum number of concurrent runs while this one trains, including itself. */
  readonly atOnce?: number | undefined;
  /** Number of trainer crashes to retry. */
  readonly retries?: number | undefined;
  /** The group of the run: a study's id. */
  readonly group?: string | undefined;
}

/** A queued run with its place. */
export type QueuedRun = ReadableEntry & { readonly place: number; readonly terms: QueueTerms };

const placePath = (folder: string): string => join(folder, 'queue.json');

/** The queued runs in the store of `root`, next one first. */
export async function readQueue(root: string): Promise<QueuedRun[]> {
  return queueAmong(await listRuns(root));
}

/** The queued runs among `runs`, next one first. */
export async function queueAmong(runs: readonly RunEntry[]): Promise<QueuedRun[]> {
  const queued = runs.filter(isQueued);
  const placed = await Promise.all(
    queued.map(async (run) => {
      const place = await readPlace(run.folder);
      return place ? [{ ...run, place: place.place, terms: place.terms ?? {} }] : [];
    }),
  );
  return placed.flat().sort((a, b) => a.place - b.place || a.id.localeCompare(b.id, 'en', { numeric: true }));
}

/**
 * Appends a run to its store's queue: a new run or an unfinished one. A paused run keeps its place ahead of later ones.
 * If it is unclear who trains the run, waits until it is clear.
 *
 * @param terms how to train it. By default, as it was queued before.
 * @returns null on success
 * @throws the signal's reason if the wait was canceled
 */
export async function enqueue(
  root: string,
  id: string,
  waiting: Waiting = {},
  terms?: QueueTerms,
): Promise<Failure | null> {
  try {
    const folder = runFolder(root, id);
    const failure = await untrainableFailure(folder);
    if (failure) return failure;
    const before = await awaitVerdict(folder, waiting);
    const statusBefore = await statusOf(folder);
    const last = (await readQueue(root)).at(-1)?.place ?? Number.NEGATIVE_INFINITY;
    const had = await readPlace(folder);
    const kept = statusBefore === 'paused' ? had : null;
    const place = kept?.place ?? Math.max(last + 1, Date.now());
    await writePlace(folder, { version: 1, place, crashes: 0, terms: terms ?? had?.terms });
    const unready = await makeReady(folder, waiting);
    if (!unready || before === 'held') return unready;
    // A queue worker may start the run as soon as it has a place, and a short run may already be done.
    const isStarted = (await awaitVerdict(folder, waiting)) === 'held';
    const isTrained = statusBefore !== 'done' && (await statusOf(folder)) === 'done';
    return isStarted || isTrained ? null : unready;
  } catch (error) {
    waiting.signal?.throwIfAborted();
    return failureOf(error);
  }
}

/**
 * Makes a new or unfinished run available to trainers. If it is unclear who trains the run, waits until it is clear.
 *
 * @returns null on success
 * @throws the file system's error, or the signal's reason if the wait was canceled
 */
export async function makeReady(folder: string, waiting: Waiting = {}): Promise<Failure | null> {
  const failure = await untrainableFailure(folder);
  if (failure) return failure;
  await awaitVerdict(folder, waiting);
  const state = await changeState(
    folder,
    ({ state }) => (state.status === 'done' || state.status === 'queued' ? null : { status: 'queued' }),
    waiting.watch,
  );
  if (state?.status === 'queued') return null;
  const id = basename(folder);
  return state ? doneFailure(id) : { what: l10n.t('{0} is running.', id), remedy: l10n.t('Stop it first.') };
}

/**
 * Moves a queued run to another position, counted from 0. A position past the end means the end.
 *
 * @throws the file system's error
 */
export async function moveInQueue(root: string, id: string, position: number): Promise<void> {
  const queue = await readQueue(root);
  const moved = queue.find((run) => run.id === id);
  if (!moved) return;
  const others = queue.filter((run) => run !== moved);
  const index = Math.min(Math.max(position, 0), others.length);
  const place = placeBetween(others[index - 1]?.place, others[index]?.place);
  if (place !== null) {
    await changePlace(moved.folder, place);
  } else {
    // No number fits between the two neighbors, so renumber all.
    const order = others.toSpliced(index, 0, moved);
    for (const [rank, run] of order.entries()) await changePlace(run.folder, (queue[0]?.place ?? 0) + rank);
  }
  await notifyWatchers(moved.folder);
}

/**
 * Removes a run from the queue without training it. No-op if it is no longer queued. `makeReady` puts it back in its
 * place.
 *
 * @returns whether it was removed
 * @throws the file system's error
 */
export async function cancelQueued(folder: string): Promise<boolean> {
  let isCancelled = false;
  await changeState(folder, ({ state }) => {
    isCancelled = state.status === 'queued';
    return isCancelled ? { status: 'stopped', step: 0, wasQueued: true } : null;
  });
  return isCancelled;
}

/**
 * Puts a run with a crashed trainer back in its former place in the queue, so that it resumes from its checkpoint.
 *
 * @param retries number of crashes to retry, unless the run's terms specify it
 * @returns false if the run was never queued or has crashed too often
 * @throws the file system's error
 */
export async function requeueCrashed(folder: string, retries: number): Promise<boolean> {
  const place = await readPlace(folder);
  if (!place || place.crashes >= (place.terms?.retries ?? retries)) return false;
  await writePlace(folder, { ...place, crashes: place.crashes + 1 });
  return readyAfterCrash(folder);
}

/**
 * Makes a run with a crashed trainer available to trainers again, whether or not it was queued.
 *
 * @returns false if the run has ended
 * @throws the file system's error
 */
export async function readyAfterCrash(folder: string): Promise<boolean> {
  const state = await changeState(folder, ({ state }) => (isFinalState(state) ? null : { status: 'queued' }));
  return state?.status === 'queued';
}

/** A number between two, or null if there is none. With one neighbor only, a number beyond it. */
export function placeBetween(before: number | undefined, after: number | undefined): number | null {
  if (before === undefined) return after === undefined ? 0 : after - 1;
  if (after === undefined) return before + 1;
  const middle = before + (after - before) / 2;
  return middle > before && middle < after ? middle : null;
}

/** How to train a run that is or was queued. */
export async function termsOf(folder: string): Promise<QueueTerms> {
  return (await readPlace(folder))?.terms ?? {};
}

async function statusOf(folder: string): Promise<RunState['status'] | null> {
  const reading = await readManifest(folder);
  return reading.ok ? reading.manifest.state.status : null;
}

function isQueued(run: RunEntry): run is ReadableEntry {
  return run.kind === 'run' && run.manifest.state.status === 'queued';
}

/** The place of a run that is or was queued. Null if it never was, or if its place is unreadable. */
async function readPlace(folder: string): Promise<Place | null> {
  try {
    return placeSchema.parse(parseJson(await readPlain(placePath(folder), 'utf8')));
  } catch {
    return null;
  }
}

async function changePlace(folder: string, place: number): Promise<void> {
  const old = await readPlace(folder);
  if (old) await writePlace(folder, { ...old, place });
}

async function writePlace(folder: string, place: Place): Promise<void> {
  await replaceFile(placePath(folder), `${JSON.stringify(place)}\n`);
}
