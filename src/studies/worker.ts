import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis, StudyRunOutcome } from '../protocol/study';
import { isCommandRecipe, networkRecipe, recipeFacts } from '../recipe/anyRecipe';
import { assertWorkingDirectoryAllowed } from '../runs/commandRun';
import { feeds } from '../runs/feed/feed';
import type { FeedSubscription } from '../runs/feed/feedSubscription';
import { watchStore } from '../runs/feed/storeWatch';
import { runSlots } from '../runs/gpus/queueSlots';
import { FencedOut } from '../runs/lease/lease';
import { enqueue, readQueue } from '../runs/queue';
import { createRun, listRuns, type ReadableEntry, readRun, runFolder } from '../runs/store';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { failureOf } from '../system/errors';
import { analysisAt, type KnownOutcome, TEST_ACCURACY } from './analyzing';
import { costsOfRuns } from './command/costs';
import { commandScheduling } from './command/scheduling';
import { inTrainingOrder, isSeedIgnored, seenSeeding } from './command/seeding';
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

/** Services that a study needs from the program that runs it. */
export interface StudyHost {
  /** Starts the trainer of a short trial. The queue's own worker starts the runs. */
  readonly start: StartTrainer;
  /** Versions of the software that trains the runs, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /**
   * Returns a run's accuracy on its data set's test images, in percentage points, for confirmations. Each call counts
   * as a look at the test images.
   *
   * @throws UserError if it cannot be determined
   */
  readonly test: (run: ReadableEntry, weights: 'last' | 'averaged') => Promise<number>;
  /** Whether to measure the cost of each factor at the end. Default: true. */
  readonly measuresCosts?: boolean;
}

/** Progress of a study. */
export interface StudyProgress {
  readonly doing: 'measuring' | 'training' | 'costs';
  readonly record: StudyRecord;
  /** Runs that finished or diverged, including reused ones. */
  readonly runsDone: number;
  readonly runsTotal: number;
  /** Complete blocks, counted from the first. */
  readonly blocksDone: number;
  /** For the whole study; null if unknown. */
  readonly secondsLeft: number | null;
}

interface StudyEvents {
  progress: [progress: StudyProgress];
  /** The analysis of the runs so far, after each complete block. */
  analysis: [analysis: StudyAnalysis, progress: StudyProgress];
  /** A run failed and will be retried. */
  retried: [run: { readonly id: string; readonly failure: Failure; readonly failures: number }];
}

/** Number of failures after which a run is not retried. */
const MOST_FAILURES = 3;

/** How long the program that started a trainer may take to report that the trainer is gone. */
const GONE_MS = 5000;

/** Poll interval when nothing signals a change. */
const POLL_MS = 2000;

/**
 * Runs one study. Queues its runs in plan order and follows their outcomes. Ends when all are done or, if the study
 * allows early stopping, when more runs would decide nothing. All its state is on disk, so another process can resume
 * it. A queue worker trains the runs, in this process or another.
 */
export class StudyWorker extends EventEmitter<StudyEvents> {
  readonly #stopping = new AbortController();
  #record!: StudyRecord;
  #experiments!: StudyExperiments;
  #lock!: StudyLock;
  /** Keyed by block and position. */
  /** How many runs train at a time, on all GPUs. Null before the first run. */
  #slots: number | null = null;
  readonly #outcomes = new Map<string, KnownOutcome>();
  /** For runs in progress: their feed subscription, and the share of steps done. */
  readonly #followed = new Map<string, { readonly feed: FeedSubscription; share: number }>();
  /** Unfinished runs without a trainer process, and since when. */
  readonly #goneSince = new Map<string, number>();
  readonly #journal: StudyJournalFile;
  #doing: StudyProgress['doing'] = 'measuring';
  /** Number of blocks analyzed at the last look. */
  #lookedAt = 0;
  #wake: () => void = () => {};

  /**
   * @param root the folder with the store
   * @param folder the study's folder
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
   * Runs the study until it is done, fails or is stopped. A stopped or failed study resumes.
   *
   * @returns the final state, as stored in its folder
   * @throws UserError if it cannot be run: another process runs it, or took it over while this one was frozen; its
   *   folder is damaged, newer, or from elsewhere; or its experiment now trains something else
   */
  async run(): Promise<StudyState> {
    const entry = await readStudy(this.folder);
    if (entry.kind === 'broken') throw new UserError(brokenStudyFailure(entry));
    this.#lock = await StudyLock.take(this.folder, () => this.#stopping.abort(new StopRequested()));
    const unwatch = watchStore(this.root, (hasChanged) => hasChanged && this.#wake());
    const wake = () => this.#wake();
    this.#stopping.signal.addEventListener('abort', wake);
    try {
      // Another process may have advanced the study before this one took it.
      const latest = await readStudy(this.folder);
      if (latest.kind === 'broken') throw new UserError(brokenStudyFailure(latest));
      this.#record = latest.record;
      if (this.#record.state.status === 'done') return this.#record.state;
      if (!(await isOwnStudy(latest))) throw foreignStudyError(latest);
      this.#experiments = experimentsOf(this.root, this.#record);
      this.#assertSameBaseline();
      await this.#assertAllowed();
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

  /** Asks the study to stop. Pauses running runs, then `run` resolves. The study can be resumed. */
  stop(): void {
    this.#stopping.abort(new StopRequested());
  }

  /** Runs the study to an end state and records it. */
  async #conclude(): Promise<StudyState> {
    let state: StudyState;
    try {
      state = await this.#work();
    } catch (error) {
      state = this.#stopping.signal.aborted
        ? { status: 'stopped', because: null }
        : { status: 'failed', failure: failureOf(error) };
    }
    // If the lock is lost, its runs belong to another process.
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

  /** Chooses the engine, the parallelism and the threads, once for all runs. */
  async #schedule(): Promise<void> {
    if (this.#record.scheduling) return;
    this.#tell();
    const { atOnce, runs } = this.#record;
    const { recipe, experimentFile } = this.#baseline();
    const scheduling = isCommandRecipe(recipe)
      ? commandScheduling(atOnce, null)
      : await chooseScheduling(
          { recipe, experimentFile },
          { atOnce, runs: runs.length },
          { root: this.root, start: this.host.start, signal: this.#stopping.signal },
        );
    await this.#change({ scheduling });
  }

  /** @throws UserError if the command of the runs may not run in its working directory */
  async #assertAllowed(): Promise<void> {
    const { recipe, experimentFile } = this.#baseline();
    if (!isCommandRecipe(recipe)) return;
    await assertWorkingDirectoryAllowed(recipe, { root: this.root, folder: dirname(experimentFile) });
  }

  #baseline() {
    const { factors, seeds, experiment } = this.#record;
    const setting = this.#record.confirms?.arms[0] ?? factors.map(() => 0);
    const { recipe } = this.#experiments.experimentAt(setting, seeds[0] ?? 0, 0);
    return { recipe, experimentFile: experiment.file };
  }

  /** @throws UserError if the baseline has changed since the study was created */
  #assertSameBaseline(): void {
    if (baselineHash(this.#baseline().recipe) === this.#record.baselineHash) return;
    throw new UserError({
      what: l10n.t(
        'The study {0} cannot be resumed: its experiment no longer trains the same as when the study was created. The images or the release of Bag of Tricks have changed.',
        this.#record.id,
      ),
      remedy: l10n.t('Restore the images, or create a new study: {0}', 'tricks study FILE'),
    });
  }

  /** Reuses existing runs for planned runs that have not started. */
  async #takeExisting(): Promise<void> {
    // What a command trains depends on files and packages that no record has.
    if (this.#scheduling.engine === null) return;
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

  /** Requeues runs that an earlier process left unfinished, and resets the failure counts. */
  async #requeueUnfinished(): Promise<void> {
    const { id: group } = this.#record;
    const waiting = new Set(
      (await readQueue(this.root)).flatMap(({ id, terms }) => (terms.group === group ? [id] : [])),
    );
    for (const planned of this.#allRuns()) {
      if (planned.crashes > 0) await this.#changeRun(planned, { crashes: 0 });
      if (planned.run === null) continue;
      const entry = await readRun(runFolder(this.root, planned.run));
      if (entry.kind === 'broken') continue;
      const { status } = entry.manifest.state;
      const isOver = status === 'done' || status === 'running' || isDiverged(entry);
      if (!isOver && !(status === 'queued' && waiting.has(entry.id))) await this.#enqueue(entry.id);
    }
  }

  /** Reads the outcomes of the runs. Returns the final state if one of them ends the study. */
  async #readRuns(): Promise<StudyState | null> {
    for (const planned of this.#allRuns()) {
      if (planned.run === null || this.#outcomes.has(keyOf(planned))) continue;
      const folder = runFolder(this.root, planned.run);
      const entry = await readRun(folder);
      if (entry.kind === 'broken') {
        // A deleted run is trained again. An unreadable one must not be replaced.
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
      if (isCommandRecipe(entry.manifest.recipe)) {
        throw new UserError(unreportedFailure(entry.id, this.#record.metric.name));
      }
      throw new UserError({
        what: l10n.t('The run {0} did not log {1}.', entry.id, this.#record.metric.name),
        remedy: l10n.t('Specify a metric that it logs. To see them: {0}', `tricks show ${entry.id} --json`),
      });
    }
    if (outcome.kind === 'finished' && !isPlaceOf(entry.manifest, this.#scheduling)) {
      throw new UserError({
        what: l10n.t(
          'The run {0} was trained on {1}, but the study on {2}: their results cannot be compared.',
          entry.id,
          entry.manifest.engine?.description ?? '?',
          this.#scheduling.description,
        ),
        remedy: l10n.t(
          'Delete that run and resume the study on the machine where it began, or create a new study.',
        ),
      });
    }
    const { state } = entry.manifest;
    const result = state.status === 'done' && !planned.isReused ? state.result : null;
    const taken = { seconds: result?.seconds ?? null, epochs: result?.epochs ?? null };
    this.#outcomes.set(keyOf(planned), { planned, outcome, ...taken });
    if (this.#record.seeding) await this.#checkSeeds(this.#record.seeding);
  }

  /**
   * Finds out what the seed means to a command.
   *
   * @throws UserError if it means nothing
   */
  async #checkSeeds(seeding: NonNullable<StudyRecord['seeding']>): Promise<void> {
    const outcomes = [...this.#outcomes.values()];
    if (isSeedIgnored(this.#record, outcomes)) throw new UserError(seedsIgnoredFailure(true));
    const seen = seeding.sameSeed === 'unknown' ? seenSeeding(this.#record, outcomes) : null;
    if (seen) await this.#change({ seeding: { ...seeding, ...seen } });
  }

  async #outcomeOf(planned: PlannedRun, entry: ReadableEntry): Promise<RunOutcome> {
    const { name } = this.#record.metric;
    if (name !== TEST_ACCURACY) return readOutcome(entry, name);
    const outcome = await readOutcome(entry, 'validation_accuracy');
    if (outcome.kind !== 'finished') return outcome;
    const averaging = networkRecipe(entry.manifest.recipe)?.averaging ?? null;
    const tested = planned.tested ?? (await this.host.test(entry, averaging ? 'averaged' : 'last'));
    if (planned.tested === null) await this.#changeRun(planned, { tested });
    return { ...outcome, value: tested, correct: null };
  }

  #writeJournal(): Promise<void> {
    return this.#journal.update(this.#record, this.#planOutcomes());
  }

  /** Whether a run has been without a trainer for so long that nobody will report its end. */
  #isGoneFor(id: string): boolean {
    const since = this.#goneSince.get(id) ?? performance.now();
    this.#goneSince.set(id, since);
    if (performance.now() - since < GONE_MS) return false;
    this.#goneSince.delete(id);
    return true;
  }

  /** Retries a failed run, with its seed and from its checkpoint. */
  async #retry(planned: PlannedRun, id: string, failure: Failure): Promise<void> {
    const failures = planned.crashes + 1;
    await this.#changeRun(planned, { crashes: failures });
    if (failures >= MOST_FAILURES) {
      throw new UserError({
        what: l10n.t(
          'The run {0} of the study failed {1} times. Last failure: {2}',
          id,
          failures,
          failure.what,
        ),
        remedy: l10n.t(
          '{0} Then resume the study: {1}',
          failure.remedy,
          `tricks study resume ${this.#record.id}`,
        ),
        log: failure.log,
      });
    }
    this.emit('retried', { id, failure, failures });
    await this.#enqueue(id);
  }

  /** After each complete block, analyzes the runs and decides whether the study ends. */
  async #look(): Promise<StudyState | null> {
    const { plan, stop } = this.#record;
    const done = this.#blocksDone();
    if (done > this.#lookedAt) {
      this.#lookedAt = done;
      // Both arms of a confirmation are allowed.
      const isAllowed = this.#record.confirms ? () => true : this.#experiments.isAllowed;
      const analysis = analysisAt(this.#record, this.#runOutcomes(), done, isAllowed);
      this.emit('analysis', analysis, this.#progress());
      if (analysis.seedsIgnored) throw new UserError(seedsIgnoredFailure(this.#scheduling.engine === null));
      if (done === plan.blocks.length) return { status: 'done', how: 'full' };
      const reason = stop === 'when_decided' ? analysis.look?.stop : null;
      if (reason) return { status: 'done', how: reason };
    }
    return null;
  }

  /** Keeps one more run in the queue than train at a time, so that no thread waits for this process. */
  async #fillQueue(): Promise<void> {
    this.#slots = await runSlots(this.#baseline().recipe, this.#scheduling.atOnce);
    for (let pending = this.#pending().length; pending <= this.#slots; pending++) {
      const next = inTrainingOrder(this.#record).find(({ run }) => run === null);
      if (!next) return;
      const { text, recipe } = this.#experimentOf(next);
      const { engine } = this.#scheduling;
      this.#lock.assertHeld();
      const creation = await createRun(this.root, {
        experimentFile: this.#record.experiment.file,
        experimentText: text,
        // The engine that `auto` resolved to, so that all runs use the same one.
        recipe: isCommandRecipe(recipe) || engine === null ? recipe : { ...recipe, engine },
        versions: this.host.versions,
      });
      if (!creation.ok) throw new UserError(creation.failure);
      // Recorded before it can start: if this process dies here, the next one finds the run.
      await this.#changeRun(next, { run: creation.id, isReused: false });
      await this.#enqueue(creation.id);
    }
  }

  async #enqueue(id: string): Promise<void> {
    const { atOnce, threads } = this.#scheduling;
    const terms = { atOnce, retries: 0, group: this.#record.id, ...(threads !== null && { threads }) };
    const failure = await enqueue(this.root, id, { signal: this.#stopping.signal }, terms);
    if (!failure) return;
    // It may have ended or started in the meantime.
    const entry = await readRun(runFolder(this.root, id));
    const { status } = entry.kind === 'run' ? entry.manifest.state : { status: 'broken' };
    if (status !== 'done' && status !== 'running') throw new UserError(failure);
  }

  async #measureCosts(): Promise<void> {
    if (this.#record.costs || this.#record.confirms) return;
    const { seeds, experiment } = this.#record;
    const { engine } = this.#scheduling;
    if (engine === null) {
      await this.#change({ costs: costsOfRuns(this.#record, this.#planOutcomes()) });
      return;
    }
    this.#doing = 'costs';
    this.#tell();
    try {
      const costs = await measureCosts(this.#experiments, {
        ...{ seed: seeds[0] ?? 0, experimentFile: experiment.file },
        ...{ root: this.root, start: this.host.start, signal: this.#stopping.signal },
        threads: this.#scheduling.threads ?? undefined,
        engine,
      });
      await this.#change({ costs });
    } catch (error) {
      // The study's result is valid without it.
      if (!this.#stopping.signal.aborted && !(error instanceof UserError)) throw error;
    }
  }

  /** Returns the study's queued and running runs. */
  #pending(): string[] {
    return this.#allRuns().flatMap((planned) =>
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

  /** The runs of the plan, and those that repeat one to find out about the seed. */
  #allRuns(): readonly PlannedRun[] {
    return [...this.#record.runs, ...(this.#record.seeding?.repeats ?? [])];
  }

  /** The outcomes without those of repetitions. */
  #planOutcomes(): KnownOutcome[] {
    const repeats = new Set(this.#record.seeding?.repeats.map(keyOf));
    return [...this.#outcomes.values()].filter(({ planned }) => !repeats.has(keyOf(planned)));
  }

  #runOutcomes(): StudyRunOutcome[] {
    return this.#planOutcomes().map(({ planned, outcome }) => ({
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
    const { totalSteps } = recipeFacts(manifest.recipe);
    const feed = feeds.subscribe(folder, 'state', ({ run }) => {
      const followed = this.#followed.get(id);
      if (!followed || run.kind !== 'run') return;
      const { state } = run.manifest;
      followed.share = state.status === 'running' && totalSteps !== null ? state.step / totalSteps : 0;
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
      runsTotal: this.#allRuns().length,
      blocksDone: this.#blocksDone(),
      secondsLeft: this.#secondsLeft(),
    };
  }

  /** Estimates from the study's own runs so far, else from the probe. */
  #secondsLeft(): number | null {
    const { scheduling } = this.#record;
    if (!scheduling) return null;
    const taken = [...this.#outcomes.values()].flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
    const mean = taken.length > 0 ? taken.reduce((sum, each) => sum + each, 0) / taken.length : null;
    const perRun = mean ?? scheduling.secondsPerRun;
    if (perRun === null) return null;
    const begun = [...this.#followed.values()].reduce((sum, { share }) => sum + share, 0);
    const left = this.#allRuns().length - this.#outcomes.size;
    return ((left - begun) * perRun) / Math.max(1, Math.min(this.#slots ?? scheduling.atOnce, left));
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
    const changed = (runs: readonly PlannedRun[]) =>
      runs.map((each) => (keyOf(each) === keyOf(planned) ? { ...each, ...changes } : each));
    const { runs, seeding } = this.#record;
    await this.#change({
      runs: changed(runs),
      ...(seeding && { seeding: { ...seeding, repeats: changed(seeding.repeats) } }),
    });
  }
}

/** A request to stop the study. */
class StopRequested extends Error {
  override readonly name = 'StopRequested';
}

const keyOf = ({ block, position }: Pick<PlannedRun, 'block' | 'position'>): string => `${block} ${position}`;

function takenOverError(id: string): UserError {
  return new UserError({
    what: l10n.t('Another process has taken over the study {0} and continues it.', id),
    remedy: l10n.t('See its progress: {0}', `tricks study show ${id}`),
  });
}

function isDiverged({ manifest: { state } }: ReadableEntry): boolean {
  return state.status === 'failed' && state.failure.kind === 'diverged';
}

function stoppedFailure(run: string, study: string): Failure {
  return {
    what: l10n.t('Its run {0} was stopped or paused.', run),
    remedy: l10n.t('To resume it, including that run: {0}', `tricks study resume ${study}`),
  };
}

/** The failure of a run of a command that ended without the metric. */
function unreportedFailure(run: string, metric: string): Failure {
  return {
    what: l10n.t('The command of the run {0} did not report {1}.', run, metric),
    remedy:
      metric === 'validation_accuracy'
        ? l10n.t(
            'Let the command print JSON lines with validation_accuracy, say under trainer.metrics where it is, or compare another metric. To see what it reported: {0}',
            `tricks show ${run} --json`,
          )
        : l10n.t('Specify a metric that it logs. To see them: {0}', `tricks show ${run} --json`),
  };
}

function goneFailure(): Failure {
  return {
    what: l10n.t('The trainer exited unexpectedly.'),
    remedy: l10n.t('Check whether this machine ran out of memory.'),
  };
}

function seedsIgnoredFailure(isCommand: boolean): Failure {
  const what = l10n.t(
    'Runs with different seeds gave identical results: the trainer ignores its seed. Its runs are copies of each other and say nothing about the noise.',
  );
  if (isCommand) {
    const remedy = l10n.t(
      'Make the program use the seed that it gets by {0} or seed_variable, then create a new study.',
      `\${seed}`,
    );
    return { what, remedy };
  }
  return {
    what,
    remedy: l10n.t('Make the trainer use the seed of the experiment, then create a new study.'),
  };
}
