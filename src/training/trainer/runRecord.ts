import { rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type Engine, reportOf } from '../../backends/backend';
import type { FinalEvent, RunEvent } from '../../protocol/events';
import type { Manifest } from '../../protocol/manifest';
import { stateAfter } from '../../protocol/state';
import { claimWithRetry, endRequestPath, type Lease, releaseLease } from '../../runs/lease';
import { MetricsLog } from '../../runs/metricsLog';
import { giveUpForLog, makeReserve, replaceByReserve } from '../../runs/reserve';
import {
  manifestPath,
  manifestText,
  metricsPath,
  notifyWatchers,
  readManifest,
  writeManifest,
} from '../../runs/store';
import { untrainableFailure } from '../../runs/trainable';
import { assertStoreAllowed } from '../../system/storeConsent';
import { STORE_FOLDER } from '../../system/storeName';

export type Opening =
  | { readonly outcome: 'opened'; readonly record: RunRecord }
  /** Another process trains the run, or has ended it since it was queued. */
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'broken'; readonly reason: string };

/** What a trainer writes of its run: the log of its events, and the manifest that follows from them. */
export class RunRecord {
  #manifest: Manifest;
  #isOver = false;

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
    await rm(endRequestPath(folder), { force: true });
    const log = await MetricsLog.open(metricsPath(folder), onAppended);
    const record = new RunRecord(folder, claim.lease, reading.manifest, log);
    await record.#write({ state: { status: 'running', step: 0, validationAccuracy: null } });
    await notifyWatchers(folder);
    return { outcome: 'opened', record };
  }

  private constructor(
    readonly folder: string,
    readonly lease: Lease,
    manifest: Manifest,
    private readonly log: MetricsLog,
  ) {
    this.#manifest = manifest;
    // Room for the last words: a full disk must not keep a run from saying why it failed.
    makeReserve(folder, manifestText(manifest).length);
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

  /** Records that the training goes on from a checkpoint: after `step` steps, with that validation accuracy. */
  async resumeFrom(step: number, validationAccuracy: number | null): Promise<void> {
    await this.#write({ state: { status: 'running', step, validationAccuracy } });
  }

  /** Records how the run ended, and gives it up. */
  async end(event: FinalEvent): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    giveUpForLog(this.folder);
    try {
      this.log.append(event);
      this.log.close();
    } finally {
      const state = stateAfter(this.#manifest.state, event);
      this.#manifest = { ...this.#manifest, state, endedAt: event.time };
      await replaceByReserve(this.folder, manifestPath(this.folder), manifestText(this.#manifest));
      await rm(endRequestPath(this.folder), { force: true });
      await releaseLease(this.folder, this.lease);
      await notifyWatchers(this.folder);
    }
  }

  /** Leaves a run that is this process's no more as it is. */
  abandon(): void {
    this.#isOver = true;
  }

  async #write(changes: Partial<Manifest>): Promise<void> {
    this.#manifest = { ...this.#manifest, ...changes };
    await writeManifest(this.folder, this.#manifest);
  }
}
