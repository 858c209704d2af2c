import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { EpochEvent } from '../protocol/standing';
import { type AnyRecipe, isCommandRecipe } from '../recipe/anyRecipe';
import { createRun, runFolder } from '../runs/store';
import type { TrainerCommand } from '../runs/trainerCommand';
import { assertNever } from '../shared/assertNever';
import { counted } from '../shared/counted';
import { UserError } from '../shared/userError';
import { goesOn, type HalvingPlan, type HalvingTrial, nextJob } from '../study/search/asha';
import { canResume } from '../study/search/commandSearch';
import { metricAt, metricsIn, type RungMetrics } from '../study/search/metric';
import type { JournalEvent } from '../study/search/optunaJournal';
import { higherIsBetter, type Search, type TrialValues } from '../study/search/search';
import { settingsOf } from '../study/search/space';
import { quoted } from '../system/allowedFolders';
import { appendToJournal, endedEvent, startedEvent, valueEvent, writeJournal } from './journal';
import { type SearchRecord, type TrialRecord, writeRecord } from './record';
import { createSampler, type Sampler } from './sampling';
import { type Onward, trainThrough } from './trainThrough';
import { type Reporting, trainTo } from './trainTo';

/** Progress events of a search. */
export type SearchEvent =
  /** A trial starts to train to a rung. The trial is new, promoted or interrupted there. */
  | { readonly type: 'training'; readonly trial: TrialRecord; readonly rung: number }
  /** An interrupted trial starts over, because its command cannot resume. */
  | { readonly type: 'startedOver'; readonly trial: TrialRecord }
  | { readonly type: 'epoch'; readonly trial: TrialRecord; readonly epoch: EpochEvent }
  /** The trainer of a trial's run crashed and is restarted (retry 1 to 3). */
  | {
      readonly type: 'retried';
      readonly trial: TrialRecord;
      readonly run: string;
      readonly count: number;
    }
  /** A trial finished its rung, or failed there if it has no value. */
  | { readonly type: 'arrived'; readonly trial: TrialRecord; readonly rung: number };

/** Dependencies of a search. */
export interface SearchWork {
  readonly root: string;
  /** The search's folder, already locked. */
  readonly folder: string;
  readonly search: Search;
  readonly command: TrainerCommand;
  /** Software versions to record in the runs. */
  readonly versions: Readonly<Record<string, string>>;
  /** Python for Optuna's samplers. Defaults to the one on PATH. */
  readonly python?: string | undefined;
  /** The parsed value of the experiment file. */
  readonly written: unknown;
  /** The recipe of the experiment as written. The first run of each trial has its seed. */
  readonly recipe: AnyRecipe;
  /** Returns the experiment's recipe with these `key=value` settings; null if it cannot be trained. */
  readonly recipeOf: (settings: readonly string[]) => AnyRecipe | null;
  readonly onEvent: (event: SearchEvent) => void;
  /** Pauses the search. */
  readonly signal: AbortSignal;
}

/** Maximum number of draws for a trial until a point can be trained. */
const MOST_DRAWS = 200;

/** If this many trials fail and none has succeeded, the search assumes that all will fail. */
const FAILURES_AT_START = 3;

/** Converts to a halving plan. */
function planOf(search: Search, rungs: readonly number[], recipe: AnyRecipe): HalvingPlan {
  return {
    rungs,
    reduction: search.reduction,
    trials: 'trials' in search.budget ? search.budget.trials : null,
    higherIsBetter: higherIsBetter(search.metric),
    canResume: canResume(recipe),
  };
}

/** Converts trials for the halving scheduler. */
export function halvingTrials(
  trials: readonly TrialRecord[],
): (HalvingTrial & { readonly values: TrialValues })[] {
  return trials.map(({ id, results, target, values }) => ({
    id,
    results,
    values,
    isRunning: target !== null,
  }));
}

/**
 * Runs a search until its budget is spent or it is paused. A paused search resumes from its record. Each change is
 * written before anything depends on it.
 *
 * @returns the final record
 * @throws UserError if it cannot continue; its trials are then paused. The file system's error.
 */
export async function runSearch(record: SearchRecord, work: SearchWork): Promise<SearchRecord> {
  const sampler = createSampler(work.search, record.rungs, work.python);
  try {
    return await new Running(record, work, sampler).run();
  } finally {
    sampler.close();
  }
}

class Running {
  #record: SearchRecord;
  #writing: Promise<void> = Promise.resolve();
  readonly #active = new Set<Promise<void>>();
  /** Pauses running trials when the user asks, time is up, or something failed. */
  readonly #stop = new AbortController();
  readonly #plan: HalvingPlan;
  readonly #begun = performance.now();
  readonly #secondsBefore: number;
  #fault: unknown;

  constructor(
    record: SearchRecord,
    private readonly work: SearchWork,
    private readonly sampler: Sampler,
  ) {
    this.#record = record;
    this.#secondsBefore = record.seconds;
    this.#plan = planOf(work.search, record.rungs, work.recipe);
  }

  async run(): Promise<SearchRecord> {
    const { work } = this;
    const stop = () => this.#stop.abort();
    if (work.signal.aborted) stop();
    work.signal.addEventListener('abort', stop, { once: true });
    const clock = this.#startClock();
    try {
      await writeJournal(work.folder, work.search, this.#record);
      await this.#work();
    } catch (error) {
      // A pause also makes a waiting sampler reject, which is not a fault.
      if (!this.#stop.signal.aborted) this.#fault = error;
      stop();
    } finally {
      work.signal.removeEventListener('abort', stop);
      clock.abort();
    }
    await Promise.all(this.#active);
    const isOver = this.#fault === undefined && !work.signal.aborted;
    if (isOver) await this.#finish();
    await this.#write({ seconds: this.#seconds, ...(isOver && { state: 'done' as const }) });
    if (this.#fault !== undefined) throw this.#fault;
    return this.#record;
  }

  get #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#begun) / 1000;
  }

  /** Ends the search when its hours are up. */
  #startClock(): AbortController {
    const clock = new AbortController();
    const { budget } = this.work.search;
    if ('trials' in budget) return clock;
    const left = Math.max(budget.hours * 3600 - this.#secondsBefore, 0);
    // The limit of timers. No search is longer.
    delay(Math.min(left * 1000, 2 ** 31 - 1), undefined, { signal: clock.signal, ref: false }).then(
      () => {
        this.#stop.abort();
      },
      () => {},
    );
    return clock;
  }

  async #work(): Promise<void> {
    const interrupted = this.#record.trials.filter(({ target }) => target !== null).map(({ id }) => id);
    while (!this.#stop.signal.aborted) {
      if (this.#active.size >= this.work.search.atOnce) {
        await Promise.race(this.#active);
        continue;
      }
      const again = interrupted.shift();
      if (again !== undefined) {
        if (!this.#plan.canResume) this.work.onEvent({ type: 'startedOver', trial: this.#trial(again) });
        this.#begin(again);
        continue;
      }
      const job = nextJob(this.#plan, halvingTrials(this.#record.trials));
      switch (job.kind) {
        case 'start':
          this.#begin(await this.#newTrial());
          break;
        case 'promote':
          await this.#change(job.trial, { target: job.rung });
          this.#begin(job.trial);
          break;
        case 'wait':
          await Promise.race(this.#active);
          break;
        case 'done':
          return;
        default:
          assertNever(job);
      }
    }
  }

  /** Trains a trial to its target in the background. */
  #begin(id: number): void {
    const training = this.#train(id)
      .catch((error: unknown) => {
        this.#fault ??= error;
        this.#stop.abort();
      })
      .then(() => {
        this.#active.delete(training);
      });
    this.#active.add(training);
  }

  async #newTrial(): Promise<number> {
    const { search, root } = this.work;
    const id = this.#record.trials.length;
    const { values, settings, recipes } = await this.#draw();
    const runs: { id: string; seed: number }[] = [];
    for (const { recipe, seed } of recipes) {
      const creation = await createRun(root, {
        experimentFile: this.#record.experiment.file,
        experimentText: this.#record.experiment.text,
        recipe: { ...recipe, name: l10n.t('{0}, trial {1}', search.name, id) },
        versions: this.work.versions,
      });
      if (!creation.ok) throw new UserError(creation.failure);
      runs.push({ id: creation.id, seed });
    }
    const startedAt = Date.now();
    const trial: TrialRecord = {
      ...{ id, values, settings, runs, results: [], target: 0 },
      ...{ startedAt, endedAt: null },
    };
    await this.#write({ trials: [...this.#record.trials, trial] });
    await this.#tell(startedEvent(search, trial));
    return id;
  }

  /** Draws until a point can be trained. Some tricks exclude one another. */
  async #draw() {
    const { search, written, recipe, recipeOf } = this.work;
    for (let count = 0; count < MOST_DRAWS; count++) {
      const { drawn, trials } = this.#record;
      const values = await this.sampler.next(drawn, halvingTrials(trials));
      await this.#write({ drawn: drawn + 1 });
      const settings = settingsOf(search, values, written);
      const recipes = Array.from({ length: search.seeds }, (_, index) => {
        const own = recipe.seed + index;
        return { seed: own, recipe: recipeOf([...settings, `seed=${own}`]) };
      });
      const usable = recipes.flatMap(({ seed, recipe }) => (recipe ? [{ seed, recipe }] : []));
      if (usable.length === search.seeds) return { values, settings, recipes: usable };
    }
    throw new UserError({
      what: l10n.t('None of {0} sampled points can be trained.', MOST_DRAWS),
      remedy: l10n.t('Remove parameters that exclude each other.'),
    });
  }

  /** Trains all runs of a trial to its target, one after another. */
  async #train(id: number): Promise<void> {
    if (!this.#plan.canResume && this.#plan.rungs.length > 1) return this.#trainThrough(id);
    const { root, search, onEvent } = this.work;
    const trial = this.#trial(id);
    const rung = trial.target ?? 0;
    const epochs = this.#plan.rungs[rung] ?? 1;
    onEvent({ type: 'training', trial, rung });
    const arrivals: RungMetrics[] = [];
    for (const run of trial.runs) {
      const arrival = await trainTo(
        ...([runFolder(root, run.id), epochs, this.#command, this.#stop.signal] as const),
        ...([this.#listener(trial, run.id), this.#reporting] as const),
      );
      if (arrival.kind === 'paused') return this.#assertPaused(run.id);
      if (arrival.kind === 'failed') return void (await this.#arrive(id, rung, null, arrival.reason));
      arrivals.push(arrival.metrics);
    }
    const values = arrivals.flatMap((metrics) => metricAt(metrics, search.metric) ?? []);
    const lacking = arrivals.find((metrics) => metricAt(metrics, search.metric) === null);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    await (lacking
      ? this.#arrive(id, rung, null, this.#lackText(lacking, epochs))
      : this.#arrive(id, rung, mean));
  }

  /** Trains the run of a trial that cannot resume from rung to rung, as far as it may go on. */
  async #trainThrough(id: number): Promise<void> {
    const { root, search, onEvent } = this.work;
    const { rungs } = this.#plan;
    const trial = this.#trial(id);
    const [run] = trial.runs;
    let rung = trial.target ?? 0;
    if (!run) return;
    onEvent({ type: 'training', trial, rung });
    const decide = async (metrics: RungMetrics): Promise<Onward> => {
      const value = metricAt(metrics, search.metric);
      const epochs = rungs[rung] ?? 1;
      const lack = value === null ? this.#lackText(metrics, epochs) : undefined;
      const next = await this.#arrive(id, rung, value, lack);
      if (next === null) return value !== null && rung === rungs.length - 1 ? 'finish' : 'stop';
      rung = next;
      onEvent({ type: 'training', trial: this.#trial(id), rung });
      return rungs[rung] ?? 1;
    };
    const passage = await trainThrough(
      ...([runFolder(root, run.id), rungs[rung] ?? 1, this.#command, this.#stop.signal] as const),
      ...([this.#listener(trial, run.id), decide, this.#reporting] as const),
    );
    if (passage.kind === 'paused') this.#assertPaused(run.id);
    if (passage.kind === 'failed') await this.#arrive(id, rung, null, passage.reason);
  }

  get #command(): TrainerCommand {
    return { ...this.work.command, ...this.#threads(), runsPerGpu: this.work.search.atOnce };
  }

  #listener(trial: TrialRecord, run: string) {
    const { onEvent } = this.work;
    return {
      onEpoch: (epoch: EpochEvent) => onEvent({ type: 'epoch', trial, epoch }),
      onRetry: (count: number) => onEvent({ type: 'retried', trial, run, count }),
    };
  }

  /** Ours reports all metrics of an epoch at once. If one is not a number, it stays so. */
  get #reporting(): Reporting {
    const { recipe, search } = this.work;
    const isCommand = isCommandRecipe(recipe);
    return {
      isReported: (event) => !isCommand || metricsIn(event).includes(search.metric),
      canResume: this.#plan.canResume,
    };
  }

  /** Says why a trial has no value, and what to do about it. */
  #lackText(metrics: RungMetrics, epochs: number): string {
    const { recipe, search } = this.work;
    const { metric } = search;
    if (!isCommandRecipe(recipe)) return l10n.t('Its {0} is not a number.', metric);
    const others = metricsIn(metrics);
    const what = l10n.t('Its command reported no {0} after {1}.', metric, counted(epochs, 'epoch'));
    const remedy =
      others.length > 0
        ? l10n.t('Let it report that, or search by {0}, which it reports.', others.join(', '))
        : l10n.t('Let it report that at the end of each epoch, or write under trainer.metrics where it is.');
    return `${what} ${remedy}`;
  }

  /** @throws UserError if not this search paused the run */
  #assertPaused(run: string): void {
    if (this.#stop.signal.aborted) return;
    const { root } = this.work;
    throw new UserError({
      what: l10n.t('Something else stopped the run {0}, so the search stopped too.', run),
      remedy: l10n.t('To resume: {0}', `tricks tune ${quoted(resolve(root, this.#record.file))}`),
    });
  }

  /**
   * Returns each run's share of the threads if several train at once. A single run gets as many threads as suit the
   * machine.
   */
  #threads(): Pick<TrainerCommand, 'threads'> {
    const { atOnce, budget } = this.work.search;
    const most = Math.min(atOnce, 'trials' in budget ? budget.trials : atOnce);
    return most > 1 ? { threads: Math.max(1, Math.floor(availableParallelism() / most)) } : {};
  }

  /**
   * Records how a trial did at a rung.
   *
   * @returns the rung that it goes on to at once; null if it waits for a promotion or is over
   */
  async #arrive(id: number, rung: number, value: number | null, failure?: string): Promise<number | null> {
    const { onEvent } = this.work;
    const results = [...this.#trial(id).results, value];
    const isLast = rung === this.#plan.rungs.length - 1;
    const next = value === null || isLast || !this.#goesOn(id, rung, results) ? null : rung + 1;
    const isOver = value === null || isLast || (!this.#plan.canResume && next === null);
    await this.#change(id, {
      results,
      target: next,
      ...(failure !== undefined && { failure }),
      ...(isOver && { endedAt: Date.now() }),
    });
    const trial = this.#trial(id);
    if (value !== null) await this.#tell(valueEvent(this.#record, trial, rung, value));
    if (trial.endedAt !== null) await this.#tell(endedEvent(this.#record, trial, trial.endedAt));
    onEvent({ type: 'arrived', trial, rung });
    this.#assertNotHopeless();
    return next;
  }

  /** Whether a trial that cannot resume goes on from a rung, with these results. */
  #goesOn(id: number, rung: number, results: TrialRecord['results']): boolean {
    if (this.#plan.canResume) return false;
    const trials = this.#record.trials.map((trial) => (trial.id === id ? { ...trial, results } : trial));
    return goesOn(this.#plan, halvingTrials(trials), id, rung);
  }

  /** @throws UserError if all trials fail */
  #assertNotHopeless(): void {
    const ended = this.#record.trials.filter(({ results }) => results.length > 0);
    const failed = ended.filter(({ results }) => results[0] === null);
    if (failed.length < FAILURES_AT_START || failed.length < ended.length) return;
    throw new UserError({
      what: l10n.t('The first {0} trials failed. {1}', failed.length, failed[0]?.failure ?? ''),
      remedy: l10n.t('Check that the experiment itself can be trained: {0}', 'tricks run FILE'),
    });
  }

  /** Ends the trials that were not promoted. */
  async #finish(): Promise<void> {
    for (const { id, endedAt } of this.#record.trials) {
      if (endedAt !== null) continue;
      const ended = Date.now();
      await this.#change(id, { target: null, endedAt: ended });
      await this.#tell(endedEvent(this.#record, this.#trial(id), ended));
    }
  }

  #tell(event: JournalEvent): Promise<void> {
    return appendToJournal(this.work.folder, event);
  }

  #trial(id: number): TrialRecord {
    const trial = this.#record.trials[id];
    if (!trial) throw new Error(`There is no trial ${id}`);
    return trial;
  }

  #change(id: number, changes: Partial<TrialRecord>): Promise<void> {
    const trials = this.#record.trials.map((trial) => (trial.id === id ? { ...trial, ...changes } : trial));
    return this.#write({ trials });
  }

  /** Writes one record at a time, in the order of the changes. */
  #write(changes: Partial<SearchRecord>): Promise<void> {
    this.#record = { ...this.#record, ...changes, seconds: changes.seconds ?? this.#seconds };
    const record = this.#record;
    const writing = this.#writing.then(() => writeRecord(this.work.folder, record));
    this.#writing = writing.catch(() => {});
    return writing;
  }
}
