import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import {
  attemptResultSchema,
  type FinalState,
  MANIFEST_VERSION,
  type Manifest,
  manifestSchema,
  type RunState,
} from '../protocol/manifest';
import { stateOfRun } from '../protocol/standing';
import { isFinalState } from '../protocol/state';
import { type AnyRecipe, trainedVersion } from '../recipe/anyRecipe';
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
import { readOwnName } from './upkeep/ownName';

/** Folders to read concurrently: enough to keep a disk busy, few enough for a low limit on open files. */
const READ_AT_ONCE = 16;

/** The input for a new run. */
export interface NewRun {
  readonly experimentFile: string;
  /** The text as written. */
  readonly experimentText: string;
  /** `key=value` pairs that override the text. */
  readonly settings?: readonly string[];
  readonly recipe: AnyRecipe;
  /** Versions of the programs that train the run, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. Defaults to now. */
  readonly createdAt?: number;
}

export type RunCreation =
  | { readonly ok: true; readonly id: string; readonly folder: string; readonly manifest: Manifest }
  | { readonly ok: false; readonly failure: Failure };

export type ManifestReading =
  | { readonly ok: true; readonly manifest: Manifest }
  /** `isNewer`: a newer release wrote the run, and this release must not change it. */
  | { readonly ok: false; readonly reason: string; readonly isNewer?: true };

/** A folder among the runs. A broken one is listed with the reason, so that the user can see and delete it. */
export type RunEntry =
  | {
      readonly kind: 'run';
      readonly id: string;
      readonly folder: string;
      readonly manifest: Manifest;
      /**
       * Set if it is not yet clear whether the run's trainer is alive: it is on another machine or in another
       * container, and its heartbeat has neither moved nor stood still long enough. The state is the last written one.
       */
      readonly isUncertain?: true;
    }
  | {
      readonly kind: 'broken';
      readonly id: string;
      readonly folder: string;
      readonly reason: string;
      /** Whether a newer release wrote it, so that it is broken only for this release. */
      readonly isNewer?: boolean;
    };

/** A run with a readable manifest. */
export type ReadableEntry = Extract<RunEntry, { kind: 'run' }>;

export const runsFolder = (root: string): string => join(root, STORE_FOLDER, 'runs');
export const runFolder = (root: string, id: string): string => join(runsFolder(root), id);
export const manifestPath = (folder: string): string => join(folder, 'run.json');
export const metricsPath = (folder: string): string => join(folder, 'metrics.ndjson');
export const trainerLogPath = (folder: string): string => join(folder, 'trainer.log');

/** The folder with the store that a command in `cwd` uses: the nearest one at or above it, otherwise `cwd`. */
export async function findStore(cwd: string): Promise<string> {
  const start = resolve(cwd);
  for (let folder = start; ; folder = dirname(folder)) {
    if (await isFolder(join(folder, STORE_FOLDER))) return folder;
    if (folder === dirname(folder)) return start;
  }
}

/** Creates the folder of a new queued run in the store of `root`. Creates the store if necessary. */
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
      experiment: {
        file: await fileWithin(root, run.experimentFile),
        text: run.experimentText,
        ...(run.settings && run.settings.length > 0 && { settings: run.settings }),
      },
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
 * Reads a run's manifest, or says why it is unreadable. If a trainer that was presumed dead overwrote it after a later
 * attempt had ended, returns the later attempt's result. If the manifest still says `queued` after the log has the end
 * of a later attempt, returns that end, with `endedAt` null until someone writes it.
 *
 * @throws EMFILE or ENFILE if no more files can be opened, which says nothing about the run
 */
export async function readManifest(folder: string): Promise<ManifestReading> {
  const before = await readWritten(folder);
  if ((await laterEnd(folder, before)) === null) return before;
  // A fast trainer may have written the manifest and the log since the manifest was read.
  const now = await readWritten(folder);
  const state = await laterEnd(folder, now);
  return now.ok && state ? { ok: true, manifest: { ...now.manifest, state } } : now;
}

/**
 * Returns the end in the log of a run whose manifest says `queued`. A trainer may be killed before it says in the
 * manifest that it runs. Its supervisor then logs the end before it writes the manifest, and readers must agree in
 * between. Null if there is no such end.
 */
async function laterEnd(folder: string, reading: ManifestReading): Promise<FinalState | null> {
  if (!reading.ok || reading.manifest.state.status !== 'queued') return null;
  const { manifest } = reading;
  const state = await whenFilesMayOpen(() => stateByLog(folder, manifest));
  return isFinalState(state) ? state : null;
}

/** Reads the manifest as written, or as the result of a later attempt says. */
async function readWritten(folder: string): Promise<ManifestReading> {
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
  // Check before the schema: this release does not know what a newer release's fields mean.
  const newer = newerPart(data);
  if (newer) return { ...broken(newerReason(newer.part, newer.version, newer.known)), isNewer: true };
  const parsed = manifestSchema.safeParse(data);
  if (parsed.success) return { ok: true, manifest: await withLaterResult(folder, parsed.data) };
  const { version } = versionedSchema.safeParse(data).data ?? {};
  return broken(
    version !== undefined && version !== MANIFEST_VERSION
      ? l10n.t('Its run.json has version {0}, but this release reads version {1}.', version, MANIFEST_VERSION)
      : l10n.t('Its run.json is not a run: {0}', firstIssues(parsed.error)),
  );
}

async function withLaterResult(folder: string, manifest: Manifest): Promise<Manifest> {
  // A folder that disappears during the read has nothing to add.
  const later = await readLeft(folder, manifest.attempt ?? 0).catch(() => null);
  const { data } = attemptResultSchema.safeParse(later?.left);
  return later && data ? { ...manifest, ...data, attempt: later.attempt } : manifest;
}

/** The result that an attempt leaves with its number when it releases a run. */
export function resultOf({ engine, python, gpus, versions, state, endedAt }: Manifest): object {
  return { engine, python, gpus, versions, state, endedAt };
}

const versionedSchema = z.object({ version: z.number() });
const versionedRecipeSchema = z.object({ recipe: z.looseObject({ version: z.number() }) });

/** The part of a run.json that a newer release wrote, or null if there is none. */
function newerPart(data: unknown): { part: string; version: number; known: number } | null {
  const version = versionedSchema.safeParse(data).data?.version ?? 0;
  if (version > MANIFEST_VERSION) return { part: 'run.json', version, known: MANIFEST_VERSION };
  const { recipe } = versionedRecipeSchema.safeParse(data).data ?? {};
  if (!recipe) return null;
  const known = trainedVersion(recipe);
  if (recipe.version > known) return { part: l10n.t('recipe'), version: recipe.version, known };
  return null;
}

/** The reason for leaving a newer release's run unchanged. */
export function newerReason(part: string, version: number, known: number): string {
  return l10n.t(
    'A newer release of Bag of Tricks wrote it: its {0} has version {1}, but this release reads only up to version {2}.',
    part,
    version,
    known,
  );
}

/**
 * Replaces a run's manifest atomically.
 * @throws the file system's error. The old manifest remains.
 */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = manifestPath(folder);
  // The name contains the attempt, so that the file can be removed after that attempt is over.
  const temporary = `${path}.${manifest.attempt ?? 0}.${randomUUID()}.tmp`;
  await replaceFile(path, manifestText(manifest), undefined, temporary);
}

/** The text of a manifest file. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Changes the state of a run that nobody trains. `stateFrom` receives the manifest and returns null to leave the state
 * unchanged.
 *
 * @returns the run's state, or null if someone trains it or it is unreadable
 * @throws the file system's error
 */
export function changeState(
  folder: string,
  stateFrom: (manifest: Manifest) => RunState | null,
  watch: HeartbeatWatch = heartbeats,
): Promise<RunState | null> {
  return inTurn(folder, () =>
    changeStateNow(folder, stateFrom, watch).catch((error: unknown) =>
      changeOnFullDisk(folder, stateFrom, watch, error),
    ),
  );
}

/**
 * Runs an action under a run's lease after this process's earlier actions on that run. They must take turns, because a
 * lease belongs to a whole process.
 */
export function inTurn<Result>(folder: string, act: () => Promise<Result>): Promise<Result> {
  const before = changes.get(folder) ?? Promise.resolve();
  const change = before.then(act);
  const settled = change
    .catch(() => {})
    .then(() => {
      if (changes.get(folder) === settled) changes.delete(folder);
    });
  changes.set(folder, settled);
  return change;
}

/**
 * The last pending change by run folder. Changes of this process take turns, because a lease belongs to a whole
 * process.
 */
const changes = new Map<string, Promise<void>>();

/** Changes a run's state on a full disk, in the space that a trainer reserved for it, if nobody trains the run. */
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
  // Leave an unreadable run untouched, without even a lease.
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

/**
 * Reads one run, with the name that the user gave it. A running run with a dead process is `interrupted`, unless the
 * end of its log shows how it ended.
 */
export async function readRun(folder: string, watch: HeartbeatWatch = heartbeats): Promise<RunEntry> {
  const run = await readStoredRun(folder, watch);
  const name = run.kind === 'run' ? await readOwnName(folder) : null;
  return run.kind === 'run' && name !== null ? { ...run, manifest: { ...run.manifest, name } } : run;
}

async function readStoredRun(folder: string, watch: HeartbeatWatch): Promise<RunEntry> {
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
  // A lease for a state change does not count as training. If its process died while it changed a queued run, the run
  // is still queued.
  const training = lease?.holder?.purpose === 'change' ? null : lease;
  const liveness = training ? await livenessOf(training, watch) : null;
  const isAsWritten = training ? liveness === 'held' : manifest.state.status === 'queued';
  if (isAsWritten) return { kind: 'run', id, folder, manifest };
  if (liveness === 'unknown') return { kind: 'run', id, folder, manifest, isUncertain: true };
  // The run may have ended between the two reads.
  const again = await readManifest(folder);
  const latest = again.ok ? again.manifest : manifest;
  const told = await stateByLog(folder, latest);
  const state: RunState = isFinalState(told) ? told : { status: 'interrupted' };
  return { kind: 'run', id, folder, manifest: { ...latest, state } };
}

/** A run's state according to its manifest and the end of its log. */
async function stateByLog(folder: string, manifest: Manifest): Promise<RunState> {
  try {
    const { log } = await readLogEnd(metricsPath(folder));
    return stateOfRun(manifest, log);
  } catch (error) {
    // A lack of file handles says nothing about the run.
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return manifest.state;
  }
}

/**
 * Touches the folder of the runs: watchers poll its mtime. On its own, the mtime changes only if a run appears or
 * disappears. Call this after each state change.
 */
export async function notifyWatchers(folder: string): Promise<void> {
  const now = new Date();
  // A watcher that misses it reads the store a little later.
  await utimes(dirname(folder), now, now).catch(() => {});
}

/** All runs in the store of `root`, newest first. Empty if there is no store. */
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

/** @throws if an id would escape from the folder of the runs */
export function assertRunId(id: string): void {
  if (id !== basename(id) || id === '' || id === '.' || id === '..') throw new Error(`Not a run's id: ${id}`);
}

/**
 * Permanently deletes a run's folder, unless it is being trained. Returns null on success. If it is unclear who trains
 * the run, waits until it is clear.
 *
 * @throws the signal's reason if the wait was canceled
 */
export async function deleteRun(root: string, id: string, waiting: Waiting = {}): Promise<Failure | null> {
  assertRunId(id);
  const folder = runFolder(root, id);
  if ((await awaitVerdict(folder, waiting)) === 'held') {
    return { what: l10n.t('{0} is running.', id), remedy: l10n.t('Stop it, then delete it.') };
  }
  try {
    // The trainer's supervisor may still be recording the run's end, so a file may appear during the deletion.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/** Creates a folder with an unused name: `name`, `name-2` and so on. `mkdir` decides races. */
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

/**
 * Names a folder by its creation time in milliseconds since 1970 and a name. `otherwise` replaces a name without
 * letters.
 */
export function folderName(createdAt: number, name: string, otherwise: string): string {
  return `${timestamp(createdAt)}-${slug(name) || otherwise}`;
}

/** For example 20261125-041233. UTC, so that ids sort by time wherever they were created. */
function timestamp(time: number): string {
  const digits = new Date(time).toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
}

/** Converts a name to a part of a folder name that is valid on every system. */
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

/** `file` relative to `root` with forward slashes if it is inside, otherwise absolute. */
async function fileWithin(root: string, file: string): Promise<string> {
  const [folder, named] = await Promise.all([pathAsNamed(resolve(root)), pathAsNamed(resolve(file))]);
  if (isInside(named, folder)) return relative(folder, named).split(sep).join('/');
  // The path may contain a symbolic link, such as /tmp on macOS.
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
