import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, existsSync, fstatSync } from 'node:fs';
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
  graceVariables,
  pauseVariables,
  runsPerGpuVariables,
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
import {
  endedState,
  GRACE_MS,
  markInterrupted,
  pauseByLease,
  settle,
  stopByLease,
  trainerKindOf,
} from './stopping';
import { metricsPath, readManifest, readRun, trainerLogPath } from './store';
import { newerRunFailure } from './trainable';
import { programFor, type TrainerCommand, type TrainerKind, trainerEnvironment } from './trainerCommand';

/** How a run ended for the process that started it. `queued` means that it will be retried. */
export type RunEnd = FinalState | Extract<RunState, { status: 'queued' | 'interrupted' }>;

/** Polling interval for the lease of a run that another process trains. */
const POLL_MS = 500;

const versionedHelloSchema = z.object({ type: z.literal('hello'), version: z.number() });

type Ending =
  | ({ readonly kind: 'exit' } & Exit)
  | { readonly kind: 'unstarted'; readonly failure: Failure }
  /** A newer release wrote the run, so nothing is written to it. */
  | { readonly kind: 'refused'; readonly failure: Failure };

/**
 * Starts the trainer of a queued run. If another process already trains it, follows that one. The handle's `exited`
 * reports all failures.
 */
export function startRun(folder: string, command: TrainerCommand): RunHandle {
  return new RunHandle(folder, command);
}

/**
 * A run in training. Emits `events` as its log grows, and `state` on a state change. If the trainer ends without
 * reporting it, marks the run as failed with the reason.
 */
export class RunHandle extends EventEmitter<{ events: [batch: EventBatch]; state: [state: RunState] }> {
  /** Resolves to the run's end after it is in the manifest and all of the trainer's processes are gone. */
  readonly exited: Promise<RunEnd>;
  readonly #command: TrainerCommand;
  #following: RawSubscription | null = null;
  #trainer: ChildProcess | null = null;
  /** Settles when it is clear which process has the run. */
  #leaseTaken: Promise<void> = Promise.resolve();
  #isOver = false;
  /** The request sent to the trainer from here. */
  #request: EndRequest | null = null;
  /** The reason why this handle ended the trainer. */
  #fault: Failure | null = null;
  /** Whether another process has the run, and this handle's trainer was ended. */
  #isTaken = false;
  /** Attempt number of the trainer's lease, or null if unknown. */
  #attempt: number | null = null;
  /** Which trainer the run needs. */
  #kind: TrainerKind = 'network';
  /** Byte offset where this trainer's output begins in its log. */
  #logStart = 0;
  /** Standing from the log since the trainer was started. */
  readonly #standing = new LogStanding();

  constructor(
    readonly folder: string,
    command: TrainerCommand,
  ) {
    super();
    this.#command = command;
    this.exited = this.#launch().then((ending) => this.#conclude(ending));
  }

  /** Null if the trainer could not be started. */
  get pid(): number | null {
    return this.#trainer?.pid ?? null;
  }

  /** The state according to the events so far. */
  get state(): RunState {
    return this.#standing.state ?? { status: 'queued' };
  }

  /**
   * Asks the trainer to end after its current step. If it does not, sends SIGTERM, then kills it. Resolves like
   * `exited`.
   */
  stop(): Promise<RunEnd> {
    return this.#end('stop');
  }

  /** Like `stop`, but pauses the run. */
  pause(): Promise<RunEnd> {
    return this.#end('pause');
  }

  /** Kills the trainer and all its descendants immediately. Resolves like `exited`. */
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
    if (this.#isTaken) {
      await (request === 'pause' ? pauseByLease : stopByLease)(this.folder, this.#command.graceMs);
      return;
    }
    const message: ToTrainer = { type: request };
    // If the channel is already closed, the signals remain.
    this.#trainer?.send(message, () => {});
    const graceMs = this.#command.graceMs ?? GRACE_MS[this.#kind];
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
    const { nodePath } = this.#command;
    try {
      const refusal = await newerRunFailure(this.folder);
      if (refusal) return { kind: 'refused', failure: refusal };
      this.#kind = await trainerKindOf(this.folder);
      // The log's current content belongs to another attempt.
      this.#follow(await endOfLog(metricsPath(this.folder)));
    } catch (error) {
      return { kind: 'unstarted', failure: failureOf(error) };
    }
    if (this.#request) return { kind: 'exit', code: null, signal: null };
    const trainerPath = programFor(this.#kind, this.#command.trainerPath);
    if (!existsSync(trainerPath)) {
      return {
        kind: 'unstarted',
        failure: {
          what: l10n.t('The trainer is missing: {0} does not exist.', trainerPath),
          remedy: l10n.t('Reinstall Bag of Tricks, or build it.'),
        },
      };
    }
    let log: number | null = null;
    try {
      const { commandVariables } = this.#command;
      const more = this.#kind === 'command' ? await commandVariables?.(this.folder) : undefined;
      if (this.#request) return { kind: 'exit', code: null, signal: null };
      log = openPlainSync(this.#logFile, 'a');
      this.#logStart = fstatSync(log).size;
      return await this.#fork(trainerPath, log, more);
    } catch (error) {
      return { kind: 'unstarted', failure: log === null ? failureOf(error) : spawnFailure(nodePath, error) };
    } finally {
      if (log !== null) closeSync(log);
    }
  }

  #follow(from: Position): void {
    this.#following = feeds.subscribeRaw(this.folder, from, (batch) => this.#relay(batch));
  }

  #fork(trainerPath: string, log: number, more: NodeJS.ProcessEnv = {}): Promise<Ending> {
    const { nodePath, env = process.env, execArgv = [] } = this.#command;
    const { saveEvery = {}, stopWithParent = false, threads, pauseAfterEpochs, graceMs } = this.#command;
    const { runsPerGpu } = this.#command;
    const trainer = fork(trainerPath, [this.folder], {
      execPath: nodePath,
      execArgv: [...execArgv],
      env: {
        ...trainerEnvironment({ ...env, ...more }, this.#kind),
        ...savePeriodVariables(saveEvery),
        ...threadVariables(threads),
        ...runsPerGpuVariables(runsPerGpu),
        ...pauseVariables(pauseAfterEpochs),
        ...(graceMs !== undefined && graceVariables(graceMs)),
        ...(stopWithParent && { [STOP_WITH_PARENT]: '1' }),
      },
      stdio: ['ignore', log, log, 'ipc'],
      // A separate process group: this process decides whether to pass on a terminal's interrupt, and the whole group
      // can be killed.
      detached: true,
    });
    this.#trainer = trainer;
    trainer.on('message', (message) => this.#receive(message));
    const ending = new Promise<Ending>((resolve) => {
      trainer.once('exit', (code, signal) => resolve({ kind: 'exit', code, signal }));
      trainer.on('error', (error) => {
        // Later errors concern a message that could not be sent.
        if (trainer.pid === undefined) resolve({ kind: 'unstarted', failure: spawnFailure(nodePath, error) });
      });
    });
    if (trainer.pid !== undefined) this.#leaseTaken = this.#takeLease(trainer.pid);
    return ending;
  }

  /** Claims the run on behalf of its trainer, which does the same. From then on no other process starts one. */
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
          'The trainer uses protocol version {0}, but this release uses version {1}.',
          hello.data.version,
          PROTOCOL_VERSION,
        ),
        remedy: l10n.t('Reinstall Bag of Tricks so that all its parts have the same version.'),
      });
    }
    // Ignore anything else: the log is the authority, not the channel.
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
    // Descendants of the trainer may outlive it in its group.
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

  /** Whether a later attempt has begun to train the run, so that this one's end no longer matters. */
  get #isSuperseded(): boolean {
    return this.#attempt !== null && currentAttempt(checkpointsFolder(this.folder)) > this.#attempt;
  }

  /** Determines the end of a run that this handle's own trainer trained. */
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
      // Leave an unreadable manifest unchanged: its content is unknown here.
      await settle(this.folder, () => (this.#isSuperseded ? null : state));
    } catch {
      // The disk is full or the folder was deleted. Subscribers in this process still learn the end. Others see the run
      // as interrupted.
      this.#following?.tell(state);
    }
    return state;
  }

  /** Whether the run's folder was deleted or moved, according to its trainer or to this process. */
  #isGone(ending: Ending): boolean {
    return (ending.kind === 'exit' && ending.code === TRAINER_EXIT.lost) || !existsSync(this.folder);
  }

  /** Whether the trainer crashed and its run went back to the queue. */
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

  /** The request to the trainer, from here or in its folder. */
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

  get #logFile(): string {
    return this.#command.logFile ?? trainerLogPath(this.folder);
  }

  /** Explains the end of a run with a trainer that did not report it. */
  async #explain(ending: Ending): Promise<FinalState> {
    if (this.#fault) return { status: 'failed', failure: this.#fault };
    if (ending.kind !== 'exit') return { status: 'failed', failure: ending.failure };
    const request = this.#endRequest;
    if (request) return endedState(request, this.state.status === 'running' ? this.state.step : 0);
    if (this.#isGone(ending)) return { status: 'failed', failure: folderGoneFailure(this.folder) };
    const tail = await tailOf(this.#logFile, this.#logStart);
    return { status: 'failed', failure: exitFailure(ending, tail) };
  }

  /** Appends an end event that the trainer did not write. Subscribers in this process receive it even if that fails. */
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
      // The disk is full or the folder was deleted.
    }
    if (!isFinalState(this.state)) this.#relay({ events: [event], skipped: 0 });
  }
}
