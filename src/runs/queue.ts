/**
 * The runs of a store that wait for their turn. A queued run's folder holds its place, so that the queue outlives
 * every program, and two windows that add or move runs at once change different files.
 */

import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
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
  /** Runs wait in the order of their places; neighbours may be any distance apart. */
  place: z.number(),
  /** How many times the run was tried already and its trainer crashed. */
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

/** How a run is to be trained, whoever works through the queue; what is left out is as they do it. */
export interface QueueTerms {
  /** Threads that it computes on. */
  readonly threads?: number | undefined;
  /** Runs that may train at the same time as it, itself included. */
  readonly atOnce?: number | undefined;
  /** How many crashes of its trainer are forgiven. */
  readonly retries?: number | undefined;
  /** What it belongs to: a study's id. */
  readonly group?: string | undefined;
}

/** A run that waits, with its place. */
export type QueuedRun = ReadableEntry & { readonly place: number; readonly terms: QueueTerms };

const placePath = (folder: string): string => join(folder, 'queue.json');

/** The runs that wait in the store of `root`, the next one first. */
export async function readQueue(root: string): Promise<QueuedRun[]> {
  return queueAmong(await listRuns(root));
}

/** Those of `runs` that wait, the next one first. */
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
 * Puts a run at the end of its store's queue: a new one, or one that ended before its training was over. One that
 * was paused keeps its place, which is before those that came after it. Where it cannot be told who trains it, waits until
 * it can.
 *
 * @param terms how it is to be trained; by default as before, where it waited before
 * @returns null where that went well
 * @throws the signal's reason where the wait was cancelled
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
    const last = (await readQueue(root)).at(-1)?.place ?? Number.NEGATIVE_INFINITY;
    const had = await readPlace(folder);
    const kept = (await isPaused(folder)) ? had : null;
    const place = kept?.place ?? Math.max(last + 1, Date.now());
    await writePlace(folder, { version: 1, place, crashes: 0, terms: terms ?? had?.terms });
    const unready = await makeReady(folder, waiting);
    // A queue's worker may start it as soon as it has a place.
    const isStarted = unready && before === 'free' && (await awaitVerdict(folder, waiting)) === 'held';
    return isStarted ? null : unready;
  } catch (error) {
    waiting.signal?.throwIfAborted();
    return failureOf(error);
  }
}

/**
 * Makes a run one that a trainer may take: a new one, or one that ended before its training was over. Where it cannot be
 * told who trains it, waits until it can.
 *
 * @returns null where that went well
 * @throws the file system's error; the signal's reason where the wait was cancelled
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
 * Puts a run that waits at another position of the queue, from 0; past the end is the end.
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
    // No number is left between the two: all get new ones.
    const order = others.toSpliced(index, 0, moved);
    for (const [rank, run] of order.entries()) await changePlace(run.folder, (queue[0]?.place ?? 0) + rank);
  }
  await notifyWatchers(moved.folder);
}

/**
 * Takes a run out of the queue, without training it; nothing where it does not wait any more.
 *
 * @throws the file system's error
 */
export async function cancelQueued(folder: string): Promise<void> {
  await changeState(folder, ({ state }) =>
    state.status === 'queued' ? { status: 'stopped', step: 0 } : null,
  );
}

/**
 * Puts a run whose trainer crashed back into the queue, at its old place, so that it goes on from its checkpoint.
 *
 * @param retries how many crashes of one run are forgiven, unless its terms say
 * @returns false for a run that was never in the queue, or crashed too often
 * @throws the file system's error
 */
export async function requeueCrashed(folder: string, retries: number): Promise<boolean> {
  const place = await readPlace(folder);
  if (!place || place.crashes >= (place.terms?.retries ?? retries)) return false;
  await writePlace(folder, { ...place, crashes: place.crashes + 1 });
  return readyAfterCrash(folder);
}

/**
 * Makes a run whose trainer crashed one that a trainer may take, whether it was in the queue or not.
 *
 * @returns false where it has ended
 * @throws the file system's error
 */
export async function readyAfterCrash(folder: string): Promise<boolean> {
  const state = await changeState(folder, ({ state }) => (isFinalState(state) ? null : { status: 'queued' }));
  return state?.status === 'queued';
}

/**
 * A number between two, where there is one; without a neighbour on a side, one beyond the other; null where the
 * two have none between them.
 */
export function placeBetween(before: number | undefined, after: number | undefined): number | null {
  if (before === undefined) return after === undefined ? 0 : after - 1;
  if (after === undefined) return before + 1;
  const middle = before + (after - before) / 2;
  return middle > before && middle < after ? middle : null;
}

/** How a run is to be trained that waits, or waited before it was started. */
export async function termsOf(folder: string): Promise<QueueTerms> {
  return (await readPlace(folder))?.terms ?? {};
}

async function isPaused(folder: string): Promise<boolean> {
  const reading = await readManifest(folder);
  return reading.ok && reading.manifest.state.status === 'paused';
}

function isQueued(run: RunEntry): run is ReadableEntry {
  return run.kind === 'run' && run.manifest.state.status === 'queued';
}

/** Where a run waits or waited; null for one that never did, or whose place cannot be read. */
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
