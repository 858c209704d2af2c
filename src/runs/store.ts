import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import {
  attemptResultSchema,
  MANIFEST_VERSION,
  type Manifest,
  manifestSchema,
  type RunState,
} from '../protocol/manifest';
import { stateOfRun } from '../protocol/standing';
import { isFinalState } from '../protocol/state';
import { RECIPE_VERSION, type Recipe } from '../recipe/recipe';
import type { Failure } from '../shared/failure';
import { firstIssues } from '../shared/firstIssues';
import { parseJson } from '../shared/parseJson';
import { UserError } from '../shared/userError';
import { failureOf, isSystemError } from '../system/errors';
import { isInside, realPathOf } from '../system/insideFolder';
import { whenFilesMayOpen } from '../system/openFiles';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { pathAsNamed } from '../system/samePath';
import { makeStoreFolder } from '../system/storeFolder';
import { STORE_FOLDER } from '../system/storeName';
import { readLogEnd } from './feed/logEnd';
import { removeDeadFiles } from './lease/deadFiles';
import { type HeartbeatWatch, heartbeats } from './lease/heartbeats';
import {
  assertNotFenced,
  claimWithRetry,
  livenessOf,
  readLease,
  readLeft,
  releaseLease,
} from './lease/lease';
import { awaitVerdict, type Waiting } from './lease/verdict';
import { takeOn } from './origin';
import { giveUpAllReserves } from './reserve';

/** Folders read at a time: enough to keep a disk busy, few enough for a small limit on open files. */
const READ_AT_ONCE = 16;

/** What a new run starts from. */
export interface NewRun {
  readonly experimentFile: string;
  /** As written. */
  readonly experimentText: string;
  readonly recipe: Recipe;
  /** By name: the versions of what trains the run. */
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; now by default. */
  readonly createdAt?: number;
}

export type RunCreation =
  | { readonly ok: true; readonly id: string; readonly folder: string; readonly manifest: Manifest }
  | { readonly ok: false; readonly failure: Failure };

export type ManifestReading =
  | { readonly ok: true; readonly manifest: Manifest }
  /** `isNewer`: a newer release wrote the run, and this one must leave it as it is. */
  | { readonly ok: false; readonly reason: string; readonly isNewer?: true };

/** A folder among the runs; a broken one is listed with its reason, so that it can be seen and deleted. */
export type RunEntry =
  | {
      readonly kind: 'run';
      readonly id: string;
      readonly folder: string;
      readonly manifest: Manifest;
      /**
       * Whether it cannot be told yet if the process lives that trains it: it is on another machine or in another
       * container, and its heartbeat has neither moved nor stood still for long. The state is the one last written.
       */
      readonly isUncertain?: true;
    }
  | {
      readonly kind: 'broken';
      readonly id: string;
      readonly folder: string;
      readonly reason: string;
      /** Whether it is broken only for this release: a newer one wrote it. */
      readonly isNewer?: boolean;
    };

/** A run whose manifest could be read. */
export type ReadableEntry = Extract<RunEntry, { kind: 'run' }>;

export const runsFolder = (root: string): string => join(root, STORE_FOLDER, 'runs');
export const runFolder = (root: string, id: string): string => join(runsFolder(root), id);
export const manifestPath = (folder: string): string => join(folder, 'run.json');
export const metricsPath = (folder: string): string => join(folder, 'metrics.ndjson');
export const trainerLogPath = (folder: string): string => join(folder, 'trainer.log');

/** The folder whose store a command in `cwd` uses: the nearest at or above it that has one, else `cwd`. */
export async function findStore(cwd: string): Promise<string> {
  const start = resolve(cwd);
  for (let folder = start; ; folder = dirname(folder)) {
    if (await isFolder(join(folder, STORE_FOLDER))) return folder;
    if (folder === dirname(folder)) return start;
  }
}

/** Makes the folder of a new, queued run in the store of `root`, and the store with it. */
export async function createRun(root: string, run: NewRun): Promise<RunCreation> {
  try {
    await makeStoreFolder(root, runsFolder(root));
    const createdAt = run.createdAt ?? Date.now();
    const { id, folder } = await claimFolder(root, folderName(createdAt, run.recipe.name, 'run'));
    const manifest: Manifest = {
      version: MANIFEST_VERSION,
      id,
      name: run.recipe.name,
      createdAt,
      endedAt: null,
      experiment: { file: await fileWithin(root, run.experimentFile), text: run.experimentText },
      recipe: run.recipe,
      engine: null,
      versions: { ...run.versions },
      state: { status: 'queued' },
    };
    try {
      await writeManifest(folder, manifest);
      await takeOn({ folder, manifest });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return { ok: true, id, folder, manifest };
  } catch (error) {
    return { ok: false, failure: failureOf(error) };
  }
}

/**
 * A run's manifest as it stands on disk, or why it cannot be read. Where a trainer that was taken for dead has written it
 * after a later attempt ended, it is told as that one left it.
 *
 * @throws EMFILE or ENFILE where no more files may be opened, which says nothing of the run
 */
export async function readManifest(folder: string): Promise<ManifestReading> {
  const broken = (reason: string) => ({ ok: false, reason }) as const;
  let text: string;
  try {
    text = await whenFilesMayOpen(() => readPlain(manifestPath(folder), 'utf8'));
  } catch (error) {
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return broken(
      isSystemError(error, 'ENOENT', 'ENOTDIR') ? l10n.t('It has no run.json.') : failureOf(error).what,
    );
  }
  let data: unknown;
  try {
    data = parseJson(text);
  } catch {
    return broken(l10n.t('Its run.json is damaged.'));
  }
  // Before the schema: what a newer release means by its fields is not known here.
  const newer = newerPart(data);
  if (newer) return { ...broken(newerReason(newer.part, newer.version, newer.known)), isNewer: true };
  const parsed = manifestSchema.safeParse(data);
  if (parsed.success) return { ok: true, manifest: await withLaterResult(folder, parsed.data) };
  const { version } = versionedSchema.safeParse(data).data ?? {};
  return broken(
    version !== undefined && version !== MANIFEST_VERSION
      ? l10n.t('Its run.json has version {0}; this release reads version {1}.', version, MANIFEST_VERSION)
      : l10n.t('Its run.json is not a run: {0}', firstIssues(parsed.error)),
  );
}

async function withLaterResult(folder: string, manifest: Manifest): Promise<Manifest> {
  // A folder that goes away while it is read has nothing to add.
  const later = await readLeft(folder, manifest.attempt ?? 0).catch(() => null);
  const { data } = attemptResultSchema.safeParse(later?.left);
  return later && data ? { ...manifest, ...data, attempt: later.attempt } : manifest;
}

/** What an attempt leaves beside its number when it gives a run up. */
export function resultOf({ engine, versions, state, endedAt }: Manifest): object {
  return { engine, versions, state, endedAt };
}

const versionedSchema = z.object({ version: z.number() });
const versionedRecipeSchema = z.object({ recipe: versionedSchema });

/** The part of a run.json that a newer release wrote; null where it is none. */
function newerPart(data: unknown): { part: string; version: number; known: number } | null {
  const version = versionedSchema.safeParse(data).data?.version ?? 0;
  if (version > MANIFEST_VERSION) return { part: 'run.json', version, known: MANIFEST_VERSION };
  const recipe = versionedRecipeSchema.safeParse(data).data?.recipe.version ?? 0;
  if (recipe > RECIPE_VERSION) return { part: l10n.t('recipe'), version: recipe, known: RECIPE_VERSION };
  return null;
}

/** Why a run of a newer release is left as it is. */
export function newerReason(part: string, version: number, known: number): string {
  return l10n.t(
    'A newer release of Bag of Tricks wrote it: its {0} has version {1}, and this release reads up to version {2}.',
    part,
    version,
    known,
  );
}

/**
 * Replaces a run's manifest, atomically.
 * @throws the file system's error, after which the old manifest stands
 */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = manifestPath(folder);
  // Whose it is stands in the name, so that it can be removed when that attempt is over.
  const temporary = `${path}.${manifest.attempt ?? 0}.${randomUUID()}.tmp`;
  await replaceFile(path, manifestText(manifest), undefined, temporary);
}

/** A manifest as its file has it. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Puts a run that nobody trains into another state; `stateFrom` is given its manifest, and says null to leave it.
 *
 * @returns the state that the run is in; null where somebody trains it, or it cannot be read
 * @throws the file system's error
 */
export function changeState(
  folder: string,
  stateFrom: (manifest: Manifest) => RunState | null,
  watch: HeartbeatWatch = heartbeats,
): Promise<RunState | null> {
  const before = changes.get(folder) ?? Promise.resolve();
  const change = before
    .then(() => changeStateNow(folder, stateFrom, watch))
    .catch((error: unknown) => changeOnFullDisk(folder, stateFrom, watch, error));
  const settled = change
    .catch(() => {})
    .then(() => {
      if (changes.get(folder) === settled) changes.delete(folder);
    });
  changes.set(folder, settled);
  return change;
}

/** By run folder, the last change under way: those of this process take turns, for a lease is its process's. */
const changes = new Map<string, Promise<void>>();

/** Changes a run's state in the room that a trainer kept free for that, where the disk is full and nobody trains the run. */
async function changeOnFullDisk(
  folder: string,
  stateFrom: (manifest: Manifest) => RunState | null,
  watch: HeartbeatWatch,
  error: unknown,
): Promise<RunState | null> {
  if (!isSystemError(error, 'ENOSPC', 'EDQUOT')) throw error;
  const lease = await readLease(folder);
  if (lease?.holder?.purpose === 'training' && (await livenessOf(lease, watch)) !== 'gone') throw error;
  await giveUpAllReserves(folder);
  return changeStateNow(folder, stateFrom, watch);
}

async function changeStateNow(
  folder: string,
  stateFrom: (manifest: Manifest) => RunState | null,
  watch: HeartbeatWatch,
): Promise<RunState | null> {
  // What cannot be read is left untouched, without even a lease.
  if (!(await readManifest(folder)).ok) return null;
  const claim = await claimWithRetry(folder, 'change', process.pid, watch);
  if (!claim.ok) return null;
  const { lease } = claim;
  let left: object | undefined;
  try {
    await removeDeadFiles(folder, lease);
    const reading = await readManifest(folder);
    if (!reading.ok) return null;
    left = resultOf(reading.manifest);
    const state = stateFrom(reading.manifest);
    if (!state) return reading.manifest.state;
    const endedAt = state.status === 'queued' ? null : Date.now();
    const changed = { ...reading.manifest, attempt: lease.attempt, state, endedAt };
    assertNotFenced(folder, lease);
    await writeManifest(folder, changed);
    left = resultOf(changed);
    return state;
  } finally {
    await releaseLease(folder, lease, left);
    await notifyWatchers(folder);
  }
}

/** One run; a running one whose process went away is `interrupted`, unless the end of its log says how it ended. */
export async function readRun(folder: string, watch: HeartbeatWatch = heartbeats): Promise<RunEntry> {
  const id = basename(folder);
  const broken = (reason: string) => ({ kind: 'broken', id, folder, reason }) as const;
  const reading = await readManifest(folder);
  if (!reading.ok) return { ...broken(reading.reason), ...(reading.isNewer && { isNewer: true }) };
  const { manifest } = reading;
  if (isFinalState(manifest.state)) return { kind: 'run', id, folder, manifest };
  const lease = await readLease(folder).catch((error: unknown) => {
    if (error instanceof UserError) return error;
    throw error;
  });
  if (lease instanceof UserError) return broken(lease.failure.what);
  // Nobody trains a run whose state another may change; who went away as it changed one that waits leaves it waiting.
  const training = lease?.holder?.purpose === 'change' ? null : lease;
  const liveness = training ? await livenessOf(training, watch) : null;
  const isAsWritten = training ? liveness === 'held' : manifest.state.status === 'queued';
  if (isAsWritten) return { kind: 'run', id, folder, manifest };
  if (liveness === 'unknown') return { kind: 'run', id, folder, manifest, isUncertain: true };
  // It may have ended between the two readings.
  const again = await readManifest(folder);
  const latest = again.ok ? again.manifest : manifest;
  const told = await stateByLog(folder, latest);
  const state: RunState = isFinalState(told) ? told : { status: 'interrupted' };
  return { kind: 'run', id, folder, manifest: { ...latest, state } };
}

/** Where a run stands by its manifest and the end of its log. */
async function stateByLog(folder: string, manifest: Manifest): Promise<RunState> {
  try {
    const { log } = await readLogEnd(metricsPath(folder));
    return stateOfRun(manifest, log);
  } catch (error) {
    // Too few handles say nothing of the run.
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return manifest.state;
  }
}

/**
 * Touches the folder of runs, whose mtime watchers poll: it changes by itself only when runs come and go. Call it after
 * each change of a run's state.
 */
export async function notifyWatchers(folder: string): Promise<void> {
  const now = new Date();
  // A watcher that misses it reads the store a little later.
  await utimes(dirname(folder), now, now).catch(() => {});
}

/** Every run in the store of `root`, newest first; none where there is no store. */
export async function listRuns(root: string): Promise<RunEntry[]> {
  let ids: string[];
  try {
    const entries = await readdir(runsFolder(root), { withFileTypes: true });
    ids = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
  const runs: RunEntry[] = [];
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const some = ids.slice(from, from + READ_AT_ONCE);
    runs.push(...(await Promise.all(some.map((id) => whenFilesMayOpen(() => readRun(runFolder(root, id)))))));
  }
  const timed = await Promise.all(runs.map(async (run) => ({ run, time: await creationTime(run) })));
  return timed
    .sort((a, b) => b.time - a.time || b.run.id.localeCompare(a.run.id, 'en', { numeric: true }))
    .map(({ run }) => run);
}

/**
 * Deletes a run's folder, unless it is being trained; the failure is null where that went well. Where it cannot be told
 * who trains it, waits until it can.
 *
 * @throws the signal's reason where the wait was cancelled
 */
export async function deleteRun(root: string, id: string, waiting: Waiting = {}): Promise<Failure | null> {
  if (id !== basename(id) || id === '' || id === '.' || id === '..') throw new Error(`Not a run's id: ${id}`);
  const folder = runFolder(root, id);
  if ((await awaitVerdict(folder, waiting)) === 'held') {
    return { what: l10n.t('{0} is running.', id), remedy: l10n.t('Stop it, then delete it.') };
  }
  try {
    // The trainer's supervisor may still be writing down how the run ended, so that a file comes while the folder goes.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/** Makes a folder of a name that nobody has, `name` or `name-2` and so on; mkdir decides between rivals. */
async function claimFolder(root: string, name: string): Promise<{ id: string; folder: string }> {
  for (let count = 1; ; count++) {
    const id = count === 1 ? name : `${name}-${count}`;
    const folder = runFolder(root, id);
    try {
      await mkdir(folder);
      return { id, folder };
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
  }
}

/** What a folder is called that was made at a time, in milliseconds since 1970; `otherwise` stands for a name without letters. */
export function folderName(createdAt: number, name: string, otherwise: string): string {
  return `${timestamp(createdAt)}-${slug(name) || otherwise}`;
}

/** 20261125-041233, in UTC, so that ids sort by time wherever they are made. */
function timestamp(time: number): string {
  const digits = new Date(time).toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
}

/** A name as part of a folder's name on any system. */
function slug(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
  return words
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '');
}

/** `file` relative to `root` with forward slashes where it lies inside, else absolute. */
async function fileWithin(root: string, file: string): Promise<string> {
  const [folder, named] = await Promise.all([pathAsNamed(resolve(root)), pathAsNamed(resolve(file))]);
  if (isInside(named, folder)) return relative(folder, named).split(sep).join('/');
  // A folder may be named by way of a link, as macOS' /tmp is.
  const [realRoot, realFolder] = await Promise.all([realPathOf(folder), realPathOf(dirname(named))]);
  const real = join(realFolder, basename(named));
  return isInside(real, realRoot) ? relative(realRoot, real).split(sep).join('/') : named;
}

/** Milliseconds since 1970. */
async function creationTime(run: RunEntry): Promise<number> {
  if (run.kind === 'run') return run.manifest.createdAt;
  return stat(run.folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
