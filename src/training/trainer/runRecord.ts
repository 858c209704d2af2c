import { rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type Engine, reportOf } from '../../backends/backend';
import type { FinalEvent, RunEvent } from '../../protocol/events';
import type { Manifest } from '../../protocol/manifest';
import { stateAfter } from '../../protocol/state';
import { checkpointsFolder } from '../../runs/checkpoint';
import { evaluationsFolder } from '../../runs/evaluationFiles';
import { beginAttempt } from '../../runs/lease/attemptFolders';
import { removeDeadFiles } from '../../runs/lease/deadFiles';
import {
  assertNotFenced,
  claimWithRetry,
  endRequestPath,
  HEARTBEAT_MS,
  type Lease,
  releaseLease,
  standingOf,
} from '../../runs/lease/lease';
import { MetricsLog } from '../../runs/metricsLog';
import { giveUpForLog, giveUpReserve, makeReserve, replaceByReserve } from '../../runs/reserve';
import {
  manifestPath,
  manifestText,
  metricsPath,
  notifyWatchers,
  readManifest,
  resultOf,
  writeManifest,
} from '../../runs/store';
import { untrainableFailure } from '../../runs/trainable';
import type { Failure } from '../../shared/failure';
import { failureOf } from '../../system/errors';
import { assertStoreAllowed } from '../../system/storeConsent';
import { STORE_FOLDER } from '../../system/storeName';

export type Opening =
  | { readonly outcome: 'opened'; readonly record: RunRecord }
  /** Another process trains the run, or has ended it since it was queued. */
  | { readonly outcome: 'taken' }
  /** A later attempt has taken the run over, before this one had begun. */
  | { readonly outcome: 'fenced' }
  /** What it needs could not be written or read; that stands in its manifest, where that could be written. */
  | { readonly outcome: 'failed'; readonly error: unknown }
  | { readonly outcome: 'broken'; readonly reason: string };

/**
 * What a trainer writes of its run: the log of its events, and the manifest that follows from them. All of it carries the
 * attempt; what takes another attempt's place does so in a folder of its own, or is noticed and done again.
 */
export class RunRecord {
  #manifest: Manifest;
  #isOver = false;
  /** The manifest's file as it was last written here; null while that is under way. */
  #written: string | null = null;
  #writing: Promise<void> = Promise.resolve();
  readonly #guard: NodeJS.Timeout;

  /**
   * Takes a queued run for this process. Its log goes on where an earlier attempt left one.
   *
   * @param onAppended Told how many bytes the log has, each time it has grown.
   * @throws the file system's error
   */
  static async open(folder: string, onAppended: (bytes: number) => void): Promise<Opening> {
    // A run lies in ROOT/.bag-of-tricks/runs.
    if (basename(dirname(dirname(folder))) === STORE_FOLDER)
      await assertStoreAllowed(resolve(folder, '../../..'));
    const before = await readManifest(folder);
    if (!before.ok) return { outcome: 'broken', reason: before.reason };
    // Before the first write: a run that this release cannot train stays as it is.
    const failure = await untrainableFailure(folder);
    if (failure) return { outcome: 'broken', reason: failure.what };
    const claim = await claimWithRetry(folder, 'training');
    if (!claim.ok) return { outcome: 'taken' };
    // Whoever held it before may have changed it until now.
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

  /** Ends a run that could not be begun. */
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
    // Room for the last words: a full disk must not keep a run from saying why it failed.
    makeReserve(folder, lease.attempt, manifestText(manifest).length);
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  /**
   * Records an event; nothing once the run is over.
   *
   * @throws the file system's error, then or for an event before
   */
  async record(event: RunEvent): Promise<void> {
    if (this.#isOver) return;
    this.log.append(event);
    const { state: before } = this.#manifest;
    const state = stateAfter(before, event);
    if (event.type === 'step') this.#manifest = { ...this.#manifest, state };
    else if (state !== before) await this.#write({ state });
  }

  /** Records which engine the run uses. */
  async recordEngine(engine: Engine): Promise<void> {
    await this.#write({
      engine: reportOf(engine),
      versions: { ...this.#manifest.versions, ...engine.versions },
    });
  }

  /**
   * Makes sure that the events recorded so far are on the disk.
   *
   * @throws the file system's error
   */
  async sync(): Promise<void> {
    if (!this.#isOver) await this.log.sync();
  }

  /** @throws FencedOut where a later attempt has taken the run over */
  assertNotFenced(): void {
    assertNotFenced(this.folder, this.lease);
  }

  /** Records that the training goes on from a checkpoint: after `step` steps, with that validation accuracy. */
  async resumeFrom(step: number, validationAccuracy: number | null): Promise<void> {
    await this.#write({ state: { status: 'running', step, validationAccuracy } });
  }

  /**
   * Records how the run ended, and gives it up.
   *
   * @throws FencedOut where a later attempt has taken the run over; the file system's error
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

  /** Leaves a run that is this process's no more as it is, and what is not written yet unwritten. */
  async abandon(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#guard);
    await giveUpReserve(this.folder, this.lease.attempt);
  }

  /** In the room that is kept for it. */
  async #writeByReserve(manifest: Manifest): Promise<void> {
    await replaceByReserve(
      ...([this.folder, this.lease.attempt, manifestPath(this.folder), manifestText(manifest)] as const),
      () => writeManifest(this.folder, manifest),
    );
  }

  #write(changes: Partial<Manifest>): Promise<void> {
    this.#manifest = { ...this.#manifest, ...changes };
    return this.#writeManifest();
  }

  /** One write at a time, each of what is then the newest. */
  #writeManifest(
    writer: (manifest: Manifest) => Promise<void> = (manifest) => writeManifest(this.folder, manifest),
  ): Promise<void> {
    const write = this.#writing.then(async () => {
      this.assertNotFenced();
      this.#written = null;
      await writer(this.#manifest);
      this.#written = await this.#manifestFile();
    });
    this.#writing = write.catch(() => {});
    return write;
  }

  /** Writes the manifest again where a trainer that was taken for dead has woken up and put its own in the place. */
  async #guardManifest(): Promise<void> {
    try {
      const written = this.#written;
      if (written === null || (await this.#manifestFile()) === written) return;
      // A person may have edited it meanwhile: of this attempt, it is not void.
      const reading = await readManifest(this.folder);
      const isVoid = !reading.ok || (reading.manifest.attempt ?? 0) < this.lease.attempt;
      if (isVoid && !this.#isOver) await this.#writeManifest();
    } catch {
      // It is written again at the next change, which says why it cannot be.
    }
  }

  async #manifestFile(): Promise<string> {
    const { ino, mtimeMs, size } = await stat(manifestPath(this.folder));
    return `${ino} ${mtimeMs} ${size}`;
  }
}
