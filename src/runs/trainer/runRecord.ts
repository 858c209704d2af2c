import { rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { EngineReport, FinalEvent, GpuReport, RunEvent } from '../../protocol/events';
import type { Manifest, PythonReport } from '../../protocol/manifest';
import { stateAfter } from '../../protocol/state';
import type { Failure } from '../../shared/failure';
import { failureOf } from '../../system/errors';
import { assertStoreAllowed } from '../../system/storeConsent';
import { STORE_FOLDER } from '../../system/storeName';
import { checkpointsFolder } from '../checkpoint';
import { evaluationsFolder } from '../evaluationFiles';
import { beginAttempt } from '../lease/attemptFolders';
import { removeDeadFiles } from '../lease/deadFiles';
import {
  assertNotFenced,
  claimWithRetry,
  endRequestPath,
  HEARTBEAT_MS,
  type Lease,
  releaseLease,
  standingOf,
} from '../lease/lease';
import { MetricsLog } from '../metricsLog';
import { giveUpForLog, giveUpReserve, makeReserve, replaceByReserve } from '../reserve';
import {
  manifestPath,
  manifestText,
  metricsPath,
  notifyWatchers,
  readManifest,
  resultOf,
  writeManifest,
} from '../store';
import { untrainableFailure } from '../trainable';

export type Opening =
  | { readonly outcome: 'opened'; readonly record: RunRecord }
  /** Another process is training the run, or has ended it since it was queued. */
  | { readonly outcome: 'taken' }
  /** A later attempt took over the run before this one began. */
  | { readonly outcome: 'fenced' }
  /** The required files could not be written or read. The manifest says so, if it could be written. */
  | { readonly outcome: 'failed'; readonly error: unknown }
  | { readonly outcome: 'broken'; readonly reason: string };

/**
 * Writes a run's records: the log of its events, and the manifest derived from them. Everything carries the attempt
 * number. Attempts write into separate folders. If one still overwrites another's file, that is detected and the file
 * is written again.
 */
export class RunRecord {
  #manifest: Manifest;
  #isOver = false;
  /** The manifest file as last written here. Null during a write. */
  #written: string | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** A write that has not begun, so that it will write every change until then. */
  #pending: Promise<void> | null = null;
  readonly #guard: NodeJS.Timeout;

  /**
   * Claims a queued run for this process. Continues the log of an earlier attempt, if there is one.
   *
   * @param onAppended Called with the log's size in bytes, each time it has grown.
   * @throws the file system's error
   */
  static async open(folder: string, onAppended: (bytes: number) => void): Promise<Opening> {
    // A run is in ROOT/.bag-of-tricks/runs.
    if (basename(dirname(dirname(folder))) === STORE_FOLDER)
      await assertStoreAllowed(resolve(folder, '../../..'));
    const before = await readManifest(folder);
    if (!before.ok) return { outcome: 'broken', reason: before.reason };
    // Before the first write, so that a run that this release cannot train does not change.
    const failure = await untrainableFailure(folder);
    if (failure) return { outcome: 'broken', reason: failure.what };
    const claim = await claimWithRetry(folder, 'training');
    if (!claim.ok) return { outcome: 'taken' };
    // The previous holder may have changed it until now.
    const reading = await readManifest(folder);
    if (!reading.ok || reading.manifest.state.status !== 'queued') {
      await releaseLease(folder, claim.lease);
      return reading.ok ? { outcome: 'taken' } : { outcome: 'broken', reason: reading.reason };
    }
    try {
      const record = await RunRecord.#begin(folder, claim.lease, reading.manifest, onAppended);
      return { outcome: 'opened', record };
    } catch (error) {
      if (standingOf(folder, claim.lease) === 'fenced') return { outcome: 'fenced' };
      await RunRecord.#fail(folder, claim.lease, reading.manifest, failureOf(error)).catch(() => {});
      return { outcome: 'failed', error };
    }
  }

  /** Ends a run that could not start. */
  static async #fail(folder: string, lease: Lease, manifest: Manifest, failure: Failure): Promise<void> {
    await giveUpReserve(folder, lease.attempt);
    const { attempt } = lease;
    const failed = {
      ...manifest,
      attempt,
      state: { status: 'failed', failure },
      endedAt: Date.now(),
    } as const;
    assertNotFenced(folder, lease);
    await writeManifest(folder, failed);
    await releaseLease(folder, lease, resultOf(failed));
    await notifyWatchers(folder);
  }

  static async #begin(
    folder: string,
    lease: Lease,
    manifest: Manifest,
    onAppended: (bytes: number) => void,
  ): Promise<RunRecord> {
    const { attempt } = lease;
    const beforeWrite = () => assertNotFenced(folder, lease);
    beforeWrite();
    await rm(endRequestPath(folder), { force: true });
    await removeDeadFiles(folder, lease);
    await beginAttempt(checkpointsFolder(folder), attempt);
    await beginAttempt(evaluationsFolder(folder), attempt);
    const log = await MetricsLog.open(metricsPath(folder), { attempt, onAppended, beforeWrite });
    const record = new RunRecord(folder, lease, manifest, log);
    try {
      await record.#write({ state: { status: 'running', step: 0, validationAccuracy: null } });
    } catch (error) {
      await record.abandon();
      throw error;
    }
    await notifyWatchers(folder);
    return record;
  }

  private constructor(
    readonly folder: string,
    readonly lease: Lease,
    manifest: Manifest,
    private readonly log: MetricsLog,
  ) {
    this.#manifest = { ...manifest, attempt: lease.attempt };
    this.#guard = setInterval(() => void this.#guardManifest(), HEARTBEAT_MS).unref();
    // Reserves space for the final manifest, so that a full disk does not keep a run from recording why it failed.
    makeReserve(folder, lease.attempt, manifestText(manifest).length);
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  /**
   * Records an event. No-op after the run is over.
   *
   * @throws the file system's error, for this event or an earlier one
   */
  async record(event: RunEvent): Promise<void> {
    if (this.#isOver) return;
    this.log.append(event);
    const { state: before } = this.#manifest;
    const state = stateAfter(before, event);
    if (event.type === 'step') this.#manifest = { ...this.#manifest, state };
    else if (state !== before) await this.#write({ state });
  }

  /** Records which engine the run uses, and the versions of its parts. */
  async recordEngine(engine: EngineReport, versions: Readonly<Record<string, string>>): Promise<void> {
    await this.#write({ engine, versions: { ...this.#manifest.versions, ...versions } });
  }

  /** Records which Python the run's command uses, and why. */
  async recordPython(python: PythonReport | null): Promise<void> {
    await this.#write({ python: python ?? undefined });
  }

  /** Records the GPUs that the run has, empty if it has none or they are not known. */
  async recordGpus(gpus: readonly GpuReport[]): Promise<void> {
    if (gpus.length === 0 && this.#manifest.gpus === undefined) return;
    const reports = gpus.map(({ index, name }) => ({ index, name }));
    await this.#write({ gpus: reports.length > 0 ? reports : undefined });
  }

  /**
   * Flushes the events recorded so far to disk.
   *
   * @throws the file system's error
   */
  async sync(): Promise<void> {
    if (!this.#isOver) await this.log.sync();
  }

  /** @throws FencedOut if a later attempt has taken over the run */
  assertNotFenced(): void {
    assertNotFenced(this.folder, this.lease);
  }

  /** Records that training resumes from a checkpoint: after `step` steps, with that validation accuracy. */
  async resumeFrom(step: number, validationAccuracy: number | null): Promise<void> {
    await this.#write({ state: { status: 'running', step, validationAccuracy } });
  }

  /**
   * Records how the run ended, and releases it.
   *
   * @throws FencedOut if a later attempt has taken over the run; the file system's error
   */
  async end(event: FinalEvent): Promise<void> {
    if (this.#isOver) return;
    this.assertNotFenced();
    this.#isOver = true;
    clearInterval(this.#guard);
    giveUpForLog(this.folder, this.lease.attempt);
    try {
      this.log.append(event);
      this.log.close();
    } finally {
      const state = stateAfter(this.#manifest.state, event);
      this.#manifest = { ...this.#manifest, state, endedAt: event.time };
      await this.#writeManifest((manifest) => this.#writeByReserve(manifest));
      await rm(endRequestPath(this.folder), { force: true });
      await releaseLease(this.folder, this.lease, resultOf(this.#manifest));
      await notifyWatchers(this.folder);
    }
  }

  /** Abandons a run that this process has lost. Does not change the run and drops pending writes. */
  async abandon(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#guard);
    await giveUpReserve(this.folder, this.lease.attempt);
  }

  /** Writes the manifest into the reserved space. */
  async #writeByReserve(manifest: Manifest): Promise<void> {
    await replaceByReserve(
      ...([this.folder, this.lease.attempt, manifestPath(this.folder), manifestText(manifest)] as const),
      () => writeManifest(this.folder, manifest),
    );
  }

  #write(changes: Partial<Manifest>): Promise<void> {
    this.#manifest = { ...this.#manifest, ...changes };
    this.#pending ??= this.#writeManifest();
    return this.#pending;
  }

  /** Writes the manifest, one write at a time. Each writes the newest state. */
  #writeManifest(
    writer: (manifest: Manifest) => Promise<void> = (manifest) => writeManifest(this.folder, manifest),
  ): Promise<void> {
    const write = this.#writing.then(async () => {
      this.#pending = null;
      this.assertNotFenced();
      this.#written = null;
      await writer(this.#manifest);
      this.#written = await this.#manifestFile();
    });
    this.#writing = write.catch(() => {});
    return write;
  }

  /** Writes the manifest again if a trainer that was presumed dead woke up and replaced it with its own. */
  async #guardManifest(): Promise<void> {
    try {
      const written = this.#written;
      if (written === null || (await this.#manifestFile()) === written) return;
      // A person may have edited it in the meantime. Such an edit belongs to this attempt and is valid.
      const reading = await readManifest(this.folder);
      const isVoid = !reading.ok || (reading.manifest.attempt ?? 0) < this.lease.attempt;
      if (isVoid && !this.#isOver) await this.#writeManifest();
    } catch {
      // The next change writes it again, and reports the error if it fails.
    }
  }

  async #manifestFile(): Promise<string> {
    const { ino, mtimeMs, size } = await stat(manifestPath(this.folder));
    return `${ino} ${mtimeMs} ${size}`;
  }
}
