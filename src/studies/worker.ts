import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis, StudyRunOutcome } from '../protocol/study';
import { feeds } from '../runs/feed/feed';
import type { FeedSubscription } from '../runs/feed/feedSubscription';
import { watchStore } from '../runs/feed/storeWatch';
import { FencedOut } from '../runs/lease/lease';
import { enqueue, readQueue } from '../runs/queue';
import { createRun, listRuns, type ReadableEntry, readRun, runFolder } from '../runs/store';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { failureOf } from '../system/errors';
import { analysisAt, type KnownOutcome, TEST_ACCURACY } from './analysing';
import { haltRuns } from './halting';
import { StudyJournalFile } from './journal';
import { StudyLock } from './lock';
import { foreignStudyError, isOwnStudy } from './origin';
import { type RunOutcome, readOutcome } from './outcomes';
import { baselineHash, experimentsOf } from './planning';
import { measureCosts } from './probes/costs';
import { chooseScheduling, isPlaceOf } from './probes/scheduling';
import type { StartTrainer } from './probes/trial';
import type { PlannedRun, StudyRecord, StudyState } from './record';
import { existingRun } from './reuse';
import type { StudyExperiments } from './settings';
import { brokenStudyFailure, readStudy, writeStudy } from './store';

/** What a study needs of the program that runs it. */
export interface StudyHost {
  /** Starts the trainer of a short trial; the queue's own worker starts the runs. */
  readonly start: StartTrainer;
  /** By name: the versions of what trains the runs. */
  readonly versions: Readonly<Record<string, string>>;
  /**
   * The accuracy of a run on its data set's test images, in points of a percent, for confirmations; a look at these images
   * that is to be counted.
   *
   * @throws UserError where it cannot be told
   */
  readonly test: (run: ReadableEntry, weights: 'last' | 'averaged') => Promise<number>;
  /** Whether the cost of each factor is measured at the end; it is by default. */
  readonly measuresCosts?: boolean;
}

/** How far a study is. */
export interface StudyProgress {
  readonly doing: 'measuring' | 'training' | 'costs';
  readonly record: StudyRecord;
  /** Runs that finished or diverged, those that were there before included. */
  readonly runsDone: number;
  readonly runsTotal: number;
  /** Complete blocks from the first on. */
  readonly blocksDone: number;
  /** Over the whole study; null where it is not known. */
  readonly secondsLeft: number | null;
}

interface StudyEvents {
  progress: [progress: StudyProgress];
  /** What the runs so far say, after each complete block. */
  analysis: [analysis: StudyAnalysis, progress: StudyProgress];
  /** A run failed and is tried again. */
  retried: [run: { readonly id: string; readonly failure: Failure; readonly failures: number }];
}

/** A run that failed so often is not tried again. */
const MOST_FAILURES = 3;

/** How long the program that started a trainer which went away may take to say so. */
const GONE_MS = 5000;

/** How long to wait where nothing tells of a change. */
const POLL_MS = 2000;

/**
 * Runs one study: puts its runs into the queue of its store in the order of its plan, sees what becomes of them, and ends
 * when all are done or, where the study says so, when more would decide nothing. Everything that it knows lies on the disk, so
 * another process can go on where one left. A worker of the queue trains the runs, this process's or another's.
 */
export class StudyWorker extends EventEmitter<StudyEvents> {
  readonly #stopping = new AbortController();
  #record!: StudyRecord;
  #experiments!: StudyExperiments;
  #lock!: StudyLock;
  /** By block and position. */
  readonly #outcomes = new Map<string, KnownOutcome>();
  /** Of the runs that are not over: who follows them, and the share of their steps that is done. */
  readonly #followed = new Map<string, { readonly feed: FeedSubscription; share: number }>();
  /** Runs that no process trains and that have not ended, and since when. */
  readonly #goneSince = new Map<string, number>();
  readonly #journal: StudyJournalFile;
  #doing: StudyProgress['doing'] = 'measuring';
  /** Blocks that were analysed at the last look. */
  #lookedAt = 0;
  #wake: () => void = () => {};

  /**
   * @param root the folder that has the store
   * @param folder the study's
   */
  constructor(
    readonly root: string,
    readonly folder: string,
    private readonly host: StudyHost,
  ) {
    super();
    this.#journal = new StudyJournalFile(root, folder);
  }

  /**
   * Runs the study until it is done, fails or is stopped; one that was stopped or has failed goes on.
   *
   * @returns where it stands then, as its folder says too
   * @throws UserError where it cannot be run: another process does, or has taken it over from this one while it was frozen; its
   *   folder is damaged or newer, or came from elsewhere; or its experiment trains something else by now
   */
  async run(): Promise<StudyState> {
    const entry = await readStudy(this.folder);
    if (entry.kind === 'broken') throw new UserError(brokenStudyFailure(entry));
    this.#lock = await StudyLock.take(this.folder, () => this.#stopping.abort(new StopRequested()));
    const unwatch = watchStore(this.root, (hasChanged) => hasChanged && this.#wake());
    const wake = () => this.#wake();
    this.#stopping.signal.addEventListener('abort', wake);
    try {
      // Another process may have gone on with it before this one had it.
      const latest = await readStudy(this.folder);
      if (latest.kind === 'broken') throw new UserError(brokenStudyFailure(latest));
      this.#record = latest.record;
      if (this.#record.state.status === 'done') return this.#record.state;
      if (!(await isOwnStudy(latest))) throw foreignStudyError(latest);
      this.#experiments = experimentsOf(this.root, this.#record);
      this.#assertSameBaseline();
      await this.#change({ state: { status: 'running' } });
      return await this.#conclude();
    } catch (error) {
      throw error instanceof FencedOut ? takenOverError(this.#record.id) : error;
    } finally {
      unwatch();
      this.#stopping.signal.removeEventListener('abort', wake);
      for (const id of [...this.#followed.keys()]) this.#unfollow(id);
      await this.#lock.release();
    }
  }

  /** Asks the study to stop: runs in training are paused, and `run` resolves. It can be resumed. */
  stop(): void {
    this.#stopping.abort(new StopRequested());
  }

  /** Brings the study to an end, whichever, and writes down which. */
  async #conclude(): Promise<StudyState> {
    let state: StudyState;
    try {
      state = await this.#work();
    } catch (error) {
      state = this.#stopping.signal.aborted
        ? { status: 'stopped', because: null }
        : { status: 'failed', failure: failureOf(error) };
    }
    // Its runs are another process's by then.
    this.#lock.assertHeld();
    const isEarly = state.status === 'done' && state.how !== 'full';
    if (state.status !== 'done' || isEarly)
      await haltRuns(this.root, this.#pending(), isEarly ? 'stop' : 'pause');
    await this.#change({ state });
    await this.#writeJournal();
    return state;
  }

  async #work(): Promise<StudyState> {
    const { signal } = this.#stopping;
    await this.#schedule();
    await this.#takeExisting();
    this.#doing = 'training';
    await this.#requeueUnfinished();
    for (;;) {
      signal.throwIfAborted();
      this.#lock.assertHeld();
      const stopped = await this.#readRuns();
      await this.#writeJournal();
      const end = stopped ?? (await this.#look());
      if (end) {
        if (end.status === 'done' && this.host.measuresCosts !== false) await this.#measureCosts();
        return end;
      }
      await this.#fillQueue();
      this.#tell();
      await this.#changed();
    }
  }

  /** Decides on what engine, how many at a time and on how many threads, once for all runs. */
  async #schedule(): Promise<void> {
    if (this.#record.scheduling) return;
    this.#tell();
    const scheduling = await chooseScheduling(
      this.#baseline(),
      { atOnce: this.#record.atOnce, runs: this.#record.runs.length },
      { root: this.root, start: this.host.start, signal: this.#stopping.signal },
    );
    await this.#change({ scheduling });
  }

  #baseline() {
    const { factors, seeds, experiment } = this.#record;
    const setting = this.#record.confirms?.arms[0] ?? factors.map(() => 0);
    const { recipe } = this.#experiments.experimentAt(setting, seeds[0] ?? 0, 0);
    return { recipe, experimentFile: experiment.file };
  }

  /** @throws UserError where the baseline is not what it was when the study was made */
  #assertSameBaseline(): void {
    if (baselineHash(this.#baseline().recipe) === this.#record.baselineHash) return;
    throw new UserError({
      what: l10n.t(
        'The study {0} cannot go on: its experiment trains something else than when the study was made. Its images or this release are others.',
        this.#record.id,
      ),
      remedy: l10n.t('Restore the images, or make a new study: {0}', 'tricks study FILE'),
    });
  }

  /** Takes runs that were there already in the place of runs that have not begun. */
  async #takeExisting(): Promise<void> {
    if (this.#record.runs.every(({ run }) => run !== null)) return;
    const entries = await listRuns(this.root);
    const taken = new Set(this.#record.runs.map(({ run }) => run));
    const runs: PlannedRun[] = [];
    for (const planned of this.#record.runs) {
      const found =
        planned.run === null ? existingRun(entries, this.#recipeOf(planned), this.#scheduling, taken) : null;
      if (found) taken.add(found.id);
      runs.push(found ? { ...planned, run: found.id, isReused: true } : planned);
    }
    await this.#change({ runs });
  }

  /** Puts runs that an earlier process left unfinished back into the queue; what failed before is forgiven. */
  async #requeueUnfinished(): Promise<void> {
    const { id: group } = this.#record;
    const waiting = new Set(
      (await readQueue(this.root)).flatMap(({ id, terms }) => (terms.group === group ? [id] : [])),
    );
    const runs: PlannedRun[] = [];
    for (const planned of this.#record.runs) {
      runs.push(planned.crashes > 0 ? { ...planned, crashes: 0 } : planned);
      if (planned.run === null) continue;
      const entry = await readRun(runFolder(this.root, planned.run));
      if (entry.kind === 'broken') continue;
      const { status } = entry.manifest.state;
      const isOver = status === 'done' || status === 'running' || isDiverged(entry);
      if (!isOver && !(status === 'queued' && waiting.has(entry.id))) await this.#enqueue(entry.id);
    }
    await this.#change({ runs });
  }

  /** Reads what became of the runs; where one of them ends the study, how. */
  async #readRuns(): Promise<StudyState | null> {
    for (const planned of this.#record.runs) {
      if (planned.run === null || this.#outcomes.has(keyOf(planned))) continue;
      const folder = runFolder(this.root, planned.run);
      const entry = await readRun(folder);
      if (entry.kind === 'broken') {
        // A run that was deleted is trained anew; one that cannot be read is nobody's to replace.
        if (entry.isNewer)
          throw new UserError({
            what: entry.reason,
            remedy: l10n.t('Update Bag of Tricks, then try again.'),
          });
        this.#unfollow(planned.run);
        await this.#changeRun(planned, { run: null, isReused: false });
        continue;
      }
      const { state } = entry.manifest;
      switch (state.status) {
        case 'queued':
        case 'running':
          this.#follow(entry);
          continue;
        case 'interrupted':
          if (this.#isGoneFor(entry.id)) await this.#retry(planned, entry.id, goneFailure());
          continue;
        case 'stopped':
        case 'paused':
          return { status: 'stopped', because: stoppedFailure(entry.id, this.#record.id) };
        case 'failed':
          if (isDiverged(entry)) break;
          await this.#retry(planned, entry.id, state.failure);
          continue;
        case 'done':
          break;
      }
      this.#unfollow(entry.id);
      await this.#takeOutcome(planned, entry);
    }
    return null;
  }

  async #takeOutcome(planned: PlannedRun, entry: ReadableEntry): Promise<void> {
    const outcome = await this.#outcomeOf(planned, entry);
    if (outcome.kind === 'missing') {
      throw new UserError({
        what: l10n.t('The run {0} logged no {1}.', entry.id, this.#record.metric.name),
        remedy: l10n.t('Name a metric that it logs; see them with {0}', `tricks show ${entry.id} --json`),
      });
    }
    if (outcome.kind === 'finished' && !isPlaceOf(entry.manifest, this.#scheduling)) {
      throw new UserError({
        what: l10n.t(
          'The run {0} was trained on {1}, and the study on {2}: their results cannot be compared.',
          entry.id,
          entry.manifest.engine?.description ?? '?',
          this.#scheduling.description,
        ),
        remedy: l10n.t(
          'Delete that run and resume the study on the machine where it began, or make a new study.',
        ),
      });
    }
    const { state } = entry.manifest;
    const seconds = state.status === 'done' && !planned.isReused ? state.result.seconds : null;
    this.#outcomes.set(keyOf(planned), { planned, outcome, seconds });
  }

  async #outcomeOf(planned: PlannedRun, entry: ReadableEntry): Promise<RunOutcome> {
    const { name } = this.#record.metric;
    if (name !== TEST_ACCURACY) return readOutcome(entry, name);
    const outcome = await readOutcome(entry, 'validation_accuracy');
    if (outcome.kind !== 'finished') return outcome;
    const { averaging } = entry.manifest.recipe;
    const tested = planned.tested ?? (await this.host.test(entry, averaging ? 'averaged' : 'last'));
    if (planned.tested === null) await this.#changeRun(planned, { tested });
    return { ...outcome, value: tested, correct: null };
  }

  #writeJournal(): Promise<void> {
    return this.#journal.update(this.#record, [...this.#outcomes.values()]);
  }

  /** Whether a run has been without a trainer for so long that nobody is about to say how it ended. */
  #isGoneFor(id: string): boolean {
    const since = this.#goneSince.get(id) ?? performance.now();
    this.#goneSince.set(id, since);
    if (performance.now() - since < GONE_MS) return false;
    this.#goneSince.delete(id);
    return true;
  }

  /** Tries a run that failed again, with its seed and from its checkpoint. */
  async #retry(planned: PlannedRun, id: string, failure: Failure): Promise<void> {
    const failures = planned.crashes + 1;
    await this.#changeRun(planned, { crashes: failures });
    if (failures >= MOST_FAILURES) {
      throw new UserError({
        what: l10n.t(
          'The run {0} of the study failed {1} times, the last time by: {2}',
          id,
          failures,
          failure.what,
        ),
        remedy: l10n.t(
          '{0} Then go on with the study: {1}',
          failure.remedy,
          `tricks study resume ${this.#record.id}`,
        ),
      });
    }
    this.emit('retried', { id, failure, failures });
    await this.#enqueue(id);
  }

  /** After each complete block: what the runs say, and whether the study ends. */
  async #look(): Promise<StudyState | null> {
    const { plan, stop } = this.#record;
    const done = this.#blocksDone();
    if (done > this.#lookedAt) {
      this.#lookedAt = done;
      // Both arms of a confirmation are.
      const isAllowed = this.#record.confirms ? () => true : this.#experiments.isAllowed;
      const analysis = analysisAt(this.#record, this.#runOutcomes(), done, isAllowed);
      this.emit('analysis', analysis, this.#progress());
      if (analysis.seedsIgnored) throw new UserError(seedsIgnoredFailure());
      if (done === plan.blocks.length) return { status: 'done', how: 'full' };
      const reason = stop === 'when_decided' ? analysis.look?.stop : null;
      if (reason) return { status: 'done', how: reason };
    }
    return null;
  }

  /** Keeps a run more in the queue than train at a time, so that no thread waits for this process. */
  async #fillQueue(): Promise<void> {
    const { atOnce } = this.#scheduling;
    for (let pending = this.#pending().length; pending <= atOnce; pending++) {
      const next = this.#record.runs.find(({ run }) => run === null);
      if (!next) return;
      const { text, recipe } = this.#experimentOf(next);
      this.#lock.assertHeld();
      const creation = await createRun(this.root, {
        experimentFile: this.#record.experiment.file,
        experimentText: text,
        // What auto came to, so that it comes to the same for all.
        recipe: { ...recipe, engine: this.#scheduling.engine },
        versions: this.host.versions,
      });
      if (!creation.ok) throw new UserError(creation.failure);
      // Before it can start: a process that dies here leaves a run that the next one finds.
      await this.#changeRun(next, { run: creation.id, isReused: false });
      await this.#enqueue(creation.id);
    }
  }

  async #enqueue(id: string): Promise<void> {
    const { atOnce, threads } = this.#scheduling;
    const terms = { atOnce, retries: 0, group: this.#record.id, ...(threads !== null && { threads }) };
    const failure = await enqueue(this.root, id, { signal: this.#stopping.signal }, terms);
    if (!failure) return;
    // It may have ended, or been started, in the meantime.
    const entry = await readRun(runFolder(this.root, id));
    const { status } = entry.kind === 'run' ? entry.manifest.state : { status: 'broken' };
    if (status !== 'done' && status !== 'running') throw new UserError(failure);
  }

  async #measureCosts(): Promise<void> {
    if (this.#record.costs || this.#record.confirms) return;
    this.#doing = 'costs';
    this.#tell();
    const { seeds, experiment } = this.#record;
    try {
      const costs = await measureCosts(this.#experiments, {
        ...{ seed: seeds[0] ?? 0, experimentFile: experiment.file },
        ...{ root: this.root, start: this.host.start, signal: this.#stopping.signal },
        threads: this.#scheduling.threads ?? undefined,
        engine: this.#scheduling.engine,
      });
      await this.#change({ costs });
    } catch (error) {
      // The study's answer stands without it.
      if (!this.#stopping.signal.aborted && !(error instanceof UserError)) throw error;
    }
  }

  /** Runs of the study that wait or train. */
  #pending(): string[] {
    return this.#record.runs.flatMap((planned) =>
      planned.run !== null && !this.#outcomes.has(keyOf(planned)) ? [planned.run] : [],
    );
  }

  #blocksDone(): number {
    const { plan } = this.#record;
    const isDone = (block: number) =>
      this.#record.runs.every((planned) => planned.block !== block || this.#outcomes.has(keyOf(planned)));
    const open = plan.blocks.findIndex((_, block) => !isDone(block));
    return open < 0 ? plan.blocks.length : open;
  }

  #runOutcomes(): StudyRunOutcome[] {
    return [...this.#outcomes.values()].map(({ planned, outcome }) => ({
      block: planned.block,
      setting: planned.setting,
      seed: this.#record.seeds[planned.block] ?? 0,
      outcome,
    }));
  }

  #experimentOf({ setting, block }: PlannedRun) {
    const { confirms, seeds } = this.#record;
    const at = confirms ? (confirms.arms[setting[0] ?? 0] ?? setting) : setting;
    return this.#experiments.experimentAt(at, seeds[block] ?? 0, block);
  }

  #recipeOf(planned: PlannedRun) {
    return this.#experimentOf(planned).recipe;
  }

  get #scheduling(): NonNullable<StudyRecord['scheduling']> {
    if (!this.#record.scheduling) throw new Error('The study is not scheduled');
    return this.#record.scheduling;
  }

  #follow({ id, folder, manifest }: ReadableEntry): void {
    if (this.#followed.has(id)) return;
    const { totalSteps } = manifest.recipe.schedule;
    const feed = feeds.subscribe(folder, 'state', ({ run }) => {
      const followed = this.#followed.get(id);
      if (!followed || run.kind !== 'run') return;
      const { state } = run.manifest;
      followed.share = state.status === 'running' ? state.step / totalSteps : 0;
      if (state.status === 'running' || state.status === 'queued') this.#tell();
      else this.#wake();
    });
    this.#followed.set(id, { feed, share: 0 });
  }

  #unfollow(id: string): void {
    this.#followed.get(id)?.feed.close();
    this.#followed.delete(id);
  }

  #tell(): void {
    this.emit('progress', this.#progress());
  }

  #progress(): StudyProgress {
    return {
      doing: this.#doing,
      record: this.#record,
      runsDone: this.#outcomes.size,
      runsTotal: this.#record.runs.length,
      blocksDone: this.#blocksDone(),
      secondsLeft: this.#secondsLeft(),
    };
  }

  /** At the pace of the study's own runs so far, else as it was measured. */
  #secondsLeft(): number | null {
    const { scheduling, runs } = this.#record;
    if (!scheduling) return null;
    const taken = [...this.#outcomes.values()].flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
    const mean = taken.length > 0 ? taken.reduce((sum, each) => sum + each, 0) / taken.length : null;
    const perRun = mean ?? scheduling.secondsPerRun;
    if (perRun === null) return null;
    const begun = [...this.#followed.values()].reduce((sum, { share }) => sum + share, 0);
    const left = runs.length - this.#outcomes.size;
    return ((left - begun) * perRun) / Math.max(1, Math.min(scheduling.atOnce, left));
  }

  async #changed(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const timer = new AbortController();
    if (this.#stopping.signal.aborted) return;
    await Promise.race([woken, delay(POLL_MS, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  async #change(changes: Partial<StudyRecord>): Promise<void> {
    this.#lock.assertHeld();
    this.#record = { ...this.#record, ...changes };
    await writeStudy(this.folder, this.#record);
  }

  async #changeRun(planned: PlannedRun, changes: Partial<PlannedRun>): Promise<void> {
    const runs = this.#record.runs.map((each) =>
      keyOf(each) === keyOf(planned) ? { ...each, ...changes } : each,
    );
    await this.#change({ runs });
  }
}

/** A study was asked to stop. */
class StopRequested extends Error {
  override readonly name = 'StopRequested';
}

const keyOf = ({ block, position }: Pick<PlannedRun, 'block' | 'position'>): string => `${block} ${position}`;

function takenOverError(id: string): UserError {
  return new UserError({
    what: l10n.t('Another process has taken over the study {0}, and goes on with it.', id),
    remedy: l10n.t('See how it stands: {0}', `tricks study show ${id}`),
  });
}

function isDiverged({ manifest: { state } }: ReadableEntry): boolean {
  return state.status === 'failed' && state.failure.kind === 'diverged';
}

function stoppedFailure(run: string, study: string): Failure {
  return {
    what: l10n.t('Its run {0} was stopped or paused.', run),
    remedy: l10n.t('To go on, that run included: {0}', `tricks study resume ${study}`),
  };
}

function goneFailure(): Failure {
  return {
    what: l10n.t('The trainer went away without a word.'),
    remedy: l10n.t('See whether this machine runs out of memory.'),
  };
}

function seedsIgnoredFailure(): Failure {
  return {
    what: l10n.t(
      'Runs of different seeds gave the same result in every digit: the trainer ignores its seed, so that its runs are copies of each other and say nothing of the noise.',
    ),
    remedy: l10n.t('Make the trainer use the seed of the experiment, then make a new study.'),
  };
}
