import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { type FinalEvent, PROTOCOL_VERSION } from '../protocol/events';
import type { FinalState, RunState } from '../protocol/manifest';
import { LogStanding } from '../protocol/standing';
import { isFinalState } from '../protocol/state';
import {
  type EndRequest,
  fromTrainerSchema,
  pauseVariables,
  STOP_WITH_PARENT,
  savePeriodVariables,
  type ToTrainer,
  TRAINER_EXIT,
  threadVariables,
} from '../protocol/trainer';
import type { Failure } from '../shared/failure';
import { fork } from '../system/children';
import { failureOf } from '../system/errors';
import { openPlain, openPlainSync } from '../system/plainFiles';
import { killGroupOfEnded, killTree, signalProcess } from '../system/processes';
import { checkpointsFolder } from './checkpoint';
import { type Exit, exitFailure, finalEvent, folderGoneFailure, spawnFailure, tailOf } from './ending';
import { feeds } from './feed/feed';
import type { RawSubscription } from './feed/rawSubscription';
import { currentAttempt } from './lease/attemptFolders';
import { claimWithRetry, endRequestIn, livenessOf, readLease } from './lease/lease';
import { endOfLog } from './log';
import type { EventBatch, Position } from './logParser';
import { endedState, GRACE_MS, markInterrupted, pauseByLease, settle, stopByLease } from './stopping';
import { metricsPath, readManifest, readRun, trainerLogPath } from './store';
import { newerRunFailure } from './trainable';
import { type TrainerCommand, trainerEnvironment } from './trainerCommand';

/** How a run ended for who started it: `queued` is one that is to be tried again. */
export type RunEnd = FinalState | Extract<RunState, { status: 'queued' | 'interrupted' }>;

/** How often the lease of a run that another process trains is polled. */
const POLL_MS = 500;

const versionedHelloSchema = z.object({ type: z.literal('hello'), version: z.number() });

type Ending =
  | ({ readonly kind: 'exit' } & Exit)
  | { readonly kind: 'unstarted'; readonly failure: Failure }
  /** A newer release wrote the run: nothing is written into it. */
  | { readonly kind: 'refused'; readonly failure: Failure };

/**
 * Starts the trainer of a queued run. Where another process trains it already, that one is
 * followed. What goes wrong, now or later, is told by the handle's `exited`.
 */
export function startRun(folder: string, command: TrainerCommand): RunHandle {
  return new RunHandle(folder, command);
}

/**
 * A run in training: its `events` as its log grows, its `state` as they change it. A run whose trainer ends
 * without a word is marked failed here, with its reason.
 */
export class RunHandle extends EventEmitter<{ events: [batch: EventBatch]; state: [state: RunState] }> {
  /** Resolves with how the run ended, once that stands in its manifest and nothing of the trainer is left. */
  readonly exited: Promise<RunEnd>;
  readonly #command: TrainerCommand;
  #following: RawSubscription | null = null;
  #trainer: ChildProcess | null = null;
  /** Settles once it is known whose the run is. */
  #leaseTaken: Promise<void> = Promise.resolve();
  #isOver = false;
  /** What the trainer was asked for from here. */
  #request: EndRequest | null = null;
  /** Why the trainer was ended from here. */
  #fault: Failure | null = null;
  /** Whether the run is another process's, and the trainer of this one was ended. */
  #isTaken = false;
  /** That of the trainer's lease; null while it is not known. */
  #attempt: number | null = null;
  /** By what the log got since the trainer was started. */
  readonly #standing = new LogStanding();

  constructor(
    readonly folder: string,
    command: TrainerCommand,
  ) {
    super();
    this.#command = command;
    this.exited = this.#launch().then((ending) => this.#conclude(ending));
  }

  /** Null where the trainer could not be started. */
  get pid(): number | null {
    return this.#trainer?.pid ?? null;
  }

  /** As the events so far tell it. */
  get state(): RunState {
    return this.#standing.state ?? { status: 'queued' };
  }

  /** Asks the trainer to end after its step; then terminates, then kills it. Resolves as `exited`. */
  stop(): Promise<RunEnd> {
    return this.#end('stop');
  }

  /** As `stop`, but the run is paused then. */
  pause(): Promise<RunEnd> {
    return this.#end('pause');
  }

  /** Ends the trainer, and all that it started, at once. Resolves as `exited`. */
  kill(): Promise<RunEnd> {
    this.#request ??= 'stop';
    this.#killTree();
    return this.exited;
  }

  #end(request: EndRequest): Promise<RunEnd> {
    if (this.#request === null) {
      this.#request = request;
      void this.#escalate(request);
    }
    return this.exited;
  }

  async #escalate(request: EndRequest): Promise<void> {
    const { graceMs = GRACE_MS } = this.#command;
    if (this.#isTaken) {
      await (request === 'pause' ? pauseByLease : stopByLease)(this.folder, graceMs);
      return;
    }
    const message: ToTrainer = { type: request };
    // A channel that is closed already leaves the signals.
    this.#trainer?.send(message, () => {});
    if (await this.#endsWithin(graceMs)) return;
    if (this.pid !== null) signalProcess(this.pid, 'SIGTERM');
    if (await this.#endsWithin(graceMs)) return;
    this.#killTree();
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController();
    const late = delay(ms, false, { signal: timer.signal, ref: false }).catch(() => false);
    const ended = await Promise.race([late, this.exited.then(() => true)]);
    timer.abort();
    return ended;
  }

  #killTree(): void {
    if (this.pid !== null && !this.#isOver) void killTree(this.pid);
  }

  async #launch(): Promise<Ending> {
    const { nodePath, trainerPath } = this.#command;
    try {
      const refusal = await newerRunFailure(this.folder);
      if (refusal) return { kind: 'refused', failure: refusal };
      // What the log holds by now is another attempt's.
      this.#follow(await endOfLog(metricsPath(this.folder)));
    } catch (error) {
      return { kind: 'unstarted', failure: failureOf(error) };
    }
    if (this.#request) return { kind: 'exit', code: null, signal: null };
    if (!existsSync(trainerPath)) {
      return {
        kind: 'unstarted',
        failure: {
          what: l10n.t('The trainer is missing: {0} is not there.', trainerPath),
          remedy: l10n.t('Install the product again, or build it.'),
        },
      };
    }
    let log: number | null = null;
    try {
      log = openPlainSync(this.#command.logFile ?? trainerLogPath(this.folder), 'a');
      return await this.#fork(log);
    } catch (error) {
      return { kind: 'unstarted', failure: log === null ? failureOf(error) : spawnFailure(nodePath, error) };
    } finally {
      if (log !== null) closeSync(log);
    }
  }

  #follow(from: Position): void {
    this.#following = feeds.subscribeRaw(this.folder, from, (batch) => this.#relay(batch));
  }

  #fork(log: number): Promise<Ending> {
    const { nodePath, trainerPath, env = process.env, execArgv = [] } = this.#command;
    const { saveEvery = {}, stopWithParent = false, threads, pauseAfterEpochs } = this.#command;
    const trainer = fork(trainerPath, [this.folder], {
      execPath: nodePath,
      execArgv: [...execArgv],
      env: {
        ...trainerEnvironment(env),
        ...savePeriodVariables(saveEvery),
        ...threadVariables(threads),
        ...pauseVariables(pauseAfterEpochs),
        ...(stopWithParent && { [STOP_WITH_PARENT]: '1' }),
      },
      stdio: ['ignore', log, log, 'ipc'],
      // A group of its own: a terminal's interrupt is this process's to pass on, and the group can be killed.
      detached: true,
    });
    this.#trainer = trainer;
    trainer.on('message', (message) => this.#receive(message));
    const ending = new Promise<Ending>((resolve) => {
      trainer.once('exit', (code, signal) => resolve({ kind: 'exit', code, signal }));
      trainer.on('error', (error) => {
        // Later errors are a message's that could not be sent.
        if (trainer.pid === undefined) resolve({ kind: 'unstarted', failure: spawnFailure(nodePath, error) });
      });
    });
    if (trainer.pid !== undefined) this.#leaseTaken = this.#takeLease(trainer.pid);
    return ending;
  }

  /** Takes the run for its trainer, which does so too: from now on no other process starts one. */
  async #takeLease(pid: number): Promise<void> {
    try {
      const claim = await claimWithRetry(this.folder, 'training', pid);
      if (claim.ok) this.#attempt = claim.lease.attempt;
      if (this.#isOver) return;
      if (claim.ok && !(await this.#hasEnded())) return;
      this.#isTaken = true;
      this.#killTree();
    } catch (error) {
      this.#fail(failureOf(error));
    }
  }

  /** Whether another process has trained and ended the run since it was queued. */
  async #hasEnded(): Promise<boolean> {
    const reading = await readManifest(this.folder);
    return reading.ok && isFinalState(reading.manifest.state);
  }

  #receive(message: unknown): void {
    const parsed = fromTrainerSchema.safeParse(message);
    if (parsed.success) {
      if (parsed.data.type === 'appended') this.#following?.poke();
      return;
    }
    const hello = versionedHelloSchema.safeParse(message);
    if (hello.success && hello.data.version !== PROTOCOL_VERSION) {
      this.#fail({
        what: l10n.t(
          'The trainer speaks version {0} of the protocol, and this release version {1}.',
          hello.data.version,
          PROTOCOL_VERSION,
        ),
        remedy: l10n.t('Install the product again, so that its parts are of one version.'),
      });
    }
    // Anything else is no message of ours: the log, not the channel, says what happened.
  }

  #fail(failure: Failure): void {
    this.#fault ??= failure;
    this.#killTree();
  }

  #relay({ events, skipped }: EventBatch): void {
    const before = this.#standing.state;
    const batch = { events: events.filter((event) => this.#standing.take(event)), skipped };
    this.emit('events', batch);
    if (this.#standing.state !== before) this.emit('state', this.state);
  }

  async #conclude(ending: Ending): Promise<RunEnd> {
    // What the trainer started may outlive it, in its group.
    if (ending.kind === 'exit' && this.pid !== null) killGroupOfEnded(this.pid);
    await this.#leaseTaken;
    const { taken, fenced } = TRAINER_EXIT;
    this.#isTaken ||= ending.kind === 'exit' && (ending.code === taken || ending.code === fenced);
    this.#isTaken ||= this.#isSuperseded;
    if (this.#isTaken) await this.#awaitOther();
    this.#isOver = true;
    await this.#following?.drain();
    const end = this.#isTaken ? await this.#endOfOther() : await this.#endOf(ending);
    this.#following?.close();
    return end;
  }

  /** Whether a later attempt has begun to train the run, so that how this one ended is of no account. */
  get #isSuperseded(): boolean {
    return this.#attempt !== null && currentAttempt(checkpointsFolder(this.folder)) > this.#attempt;
  }

  /** How a run ended that this handle's own trainer trained. */
  async #endOf(ending: Ending): Promise<RunEnd> {
    if (ending.kind === 'refused') return { status: 'failed', failure: ending.failure };
    if (await this.#mayRequeue(ending)) return { status: 'queued' };
    const reading = await readManifest(this.folder);
    let state: FinalState;
    if (isFinalState(this.state)) {
      state = this.state;
    } else if (reading.ok && isFinalState(reading.manifest.state)) {
      state = reading.manifest.state;
    } else {
      state = await this.#explain(ending);
      await this.#log(finalEvent(state));
    }
    try {
      // An unreadable manifest is left as it is: what it said of the run is not known here.
      await settle(this.folder, () => (this.#isSuperseded ? null : state));
    } catch {
      // A full disk or a deleted folder: those who follow the run here are told, and others read it as interrupted.
      this.#following?.tell(state);
    }
    return state;
  }

  /** Whether the run's folder was deleted or moved, as its trainer saw or as is seen here. */
  #isGone(ending: Ending): boolean {
    return (ending.kind === 'exit' && ending.code === TRAINER_EXIT.lost) || !existsSync(this.folder);
  }

  /** Whether the trainer crashed and its run went back into the queue. */
  async #mayRequeue(ending: Ending): Promise<boolean> {
    const { requeue } = this.#command;
    const crashed =
      ending.kind === 'exit' &&
      ending.code !== TRAINER_EXIT.badUsage &&
      ending.code !== TRAINER_EXIT.lost &&
      !isFinalState(this.state) &&
      !this.#endRequest &&
      !this.#fault;
    if (!crashed || !requeue) return false;
    return requeue(this.folder).catch(() => false);
  }

  /** What was asked of the trainer, here or by its folder. */
  get #endRequest(): EndRequest | null {
    return this.#request ?? endRequestIn(this.folder);
  }

  async #awaitOther(): Promise<void> {
    for (;;) {
      const lease = await readLease(this.folder);
      if (!lease || (await livenessOf(lease)) === 'gone') return;
      await delay(POLL_MS);
    }
  }

  async #endOfOther(): Promise<RunEnd> {
    await markInterrupted(this.folder).catch(() => {});
    const run = await readRun(this.folder);
    const state = run.kind === 'run' ? run.manifest.state : null;
    return state && state.status !== 'running' ? state : { status: 'interrupted' };
  }

  /** How a run ended whose trainer did not say so. */
  async #explain(ending: Ending): Promise<FinalState> {
    if (this.#fault) return { status: 'failed', failure: this.#fault };
    if (ending.kind !== 'exit') return { status: 'failed', failure: ending.failure };
    const request = this.#endRequest;
    if (request) return endedState(request, this.state.status === 'running' ? this.state.step : 0);
    if (this.#isGone(ending)) return { status: 'failed', failure: folderGoneFailure(this.folder) };
    const tail = await tailOf(this.#command.logFile ?? trainerLogPath(this.folder));
    return { status: 'failed', failure: exitFailure(ending, tail) };
  }

  /** Ends the log with an event that the trainer did not write; its readers here get it in any case. */
  async #log(event: FinalEvent): Promise<void> {
    const path = metricsPath(this.folder);
    try {
      const size = await lstat(path).then(
        (stats) => stats.size,
        () => 0,
      );
      const lineIsCut = size > (await endOfLog(path)).offset;
      const line = JSON.stringify({ ...event, attempt: this.#attempt ?? this.#standing.attempt });
      await using file = await openPlain(path, 'a');
      await file.appendFile(`${lineIsCut ? '\n' : ''}${line}\n`);
      await this.#following?.drain();
    } catch {
      // A full disk or a deleted folder.
    }
    if (!isFinalState(this.state)) this.#relay({ events: [event], skipped: 0 });
  }
}
