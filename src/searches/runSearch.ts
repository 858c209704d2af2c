import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { EpochEvent } from '../protocol/standing';
import type { Recipe } from '../recipe/recipe';
import { createRun, runFolder } from '../runs/store';
import type { TrainerCommand } from '../runs/trainerCommand';
import { assertNever } from '../shared/assertNever';
import { UserError } from '../shared/userError';
import { type HalvingPlan, type HalvingTrial, nextJob } from '../study/search/asha';
import { metricAt } from '../study/search/metric';
import type { JournalEvent } from '../study/search/optunaJournal';
import { higherIsBetter, type Search, type TrialValues } from '../study/search/search';
import { settingsOf } from '../study/search/space';
import { appendToJournal, endedEvent, startedEvent, valueEvent, writeJournal } from './journal';
import { type SearchRecord, type TrialRecord, writeRecord } from './record';
import { createSampler, type Sampler } from './sampling';
import { trainTo } from './trainTo';

/** What is told of a search as it goes on. */
export type SearchEvent =
  /** A trial trains to a rung: a new one, or one that was promoted or interrupted there. */
  | { readonly type: 'training'; readonly trial: TrialRecord; readonly rung: number }
  | { readonly type: 'epoch'; readonly trial: TrialRecord; readonly epoch: EpochEvent }
  /** The trainer of a trial's run crashed and goes on from its checkpoint, for the first to the third time. */
  | {
      readonly type: 'retried';
      readonly trial: TrialRecord;
      readonly run: string;
      readonly count: number;
    }
  /** A trial came to its rung; without a value it failed there. */
  | { readonly type: 'arrived'; readonly trial: TrialRecord; readonly rung: number };

/** What a search needs of the world around it. */
export interface SearchWork {
  readonly root: string;
  /** The search's folder, which is locked. */
  readonly folder: string;
  readonly search: Search;
  readonly command: TrainerCommand;
  /** What runs are told that made them. */
  readonly versions: Readonly<Record<string, string>>;
  /** The Python of Optuna's samplers; that of PATH by default. */
  readonly python?: string | undefined;
  /** The experiment file's own value. */
  readonly written: unknown;
  /** The seed of the experiment: of the first run of each trial. */
  readonly seed: number;
  /** The recipe of the experiment with these `key=value`; null where it cannot be trained. */
  readonly recipeOf: (settings: readonly string[]) => Recipe | null;
  readonly onEvent: (event: SearchEvent) => void;
  /** Pauses the search. */
  readonly signal: AbortSignal;
}

/** Points that are drawn for a trial until there is one that can be trained. */
const MOST_DRAWS = 200;

/** So many trials that fail at once, before any that did not, fail all alike. */
const FAILURES_AT_START = 3;

/** As a plan of halving. */
export function planOf(search: Search, rungs: readonly number[]): HalvingPlan {
  return {
    rungs,
    reduction: search.reduction,
    trials: 'trials' in search.budget ? search.budget.trials : null,
    higherIsBetter: higherIsBetter(search.metric),
  };
}

/** Trials as halving sees them. */
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
 * Runs a search until its budget is spent, or until it is paused; then it goes on later from its record. Each change is
 * written before anything follows from it.
 *
 * @returns the record as it is then
 * @throws UserError where it cannot go on, after which the trials are paused; the file system's error
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
  /** Pauses what trains: a person asked for it, time is over, or something failed. */
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
    this.#plan = planOf(work.search, record.rungs);
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
      // The wait of a sampler that was paused ends in an error as well.
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

  /** Ends the search when its hours are over. */
  #startClock(): AbortController {
    const clock = new AbortController();
    const { budget } = this.work.search;
    if ('trials' in budget) return clock;
    const left = Math.max(budget.hours * 3600 - this.#secondsBefore, 0);
    // Longer than timers can count, no search is.
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

  /** Trains a trial to its target, beside what else is done here. */
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

  /** Draws until there is a point that can be trained: some tricks exclude one another. */
  async #draw() {
    const { search, written, seed, recipeOf } = this.work;
    for (let count = 0; count < MOST_DRAWS; count++) {
      const { drawn, trials } = this.#record;
      const values = await this.sampler.next(drawn, halvingTrials(trials));
      await this.#write({ drawn: drawn + 1 });
      const settings = settingsOf(search, values, written);
      const recipes = Array.from({ length: search.seeds }, (_, index) => {
        const own = seed + index;
        return { seed: own, recipe: recipeOf([...settings, `seed=${own}`]) };
      });
      const usable = recipes.flatMap(({ seed, recipe }) => (recipe ? [{ seed, recipe }] : []));
      if (usable.length === search.seeds) return { values, settings, recipes: usable };
    }
    throw new UserError({
      what: l10n.t('Of {0} points that were drawn, none can be trained.', MOST_DRAWS),
      remedy: l10n.t('Take out parameters that exclude one another.'),
    });
  }

  /** Trains all runs of a trial to its target, in turn. */
  async #train(id: number): Promise<void> {
    const { root, search, onEvent } = this.work;
    const command = { ...this.work.command, ...this.#threads() };
    const trial = this.#trial(id);
    const rung = trial.target ?? 0;
    const epochs = this.#record.rungs[rung] ?? 1;
    onEvent({ type: 'training', trial, rung });
    const values: (number | null)[] = [];
    for (const run of trial.runs) {
      const onEpoch = (epoch: EpochEvent) => onEvent({ type: 'epoch', trial, epoch });
      const onRetry = (count: number) => onEvent({ type: 'retried', trial, run: run.id, count });
      const listener = { onEpoch, onRetry };
      const arrival = await trainTo(runFolder(root, run.id), epochs, command, this.#stop.signal, listener);
      if (arrival.kind === 'paused') {
        if (this.#stop.signal.aborted) return;
        throw new UserError({
          what: l10n.t('The run {0} was stopped from elsewhere, and the search with it.', run.id),
          remedy: l10n.t('To go on: {0}', `tricks tune ${this.#record.file}`),
        });
      }
      if (arrival.kind === 'failed') return this.#arrive(id, rung, null, arrival.reason);
      values.push(metricAt(arrival.epoch, search.metric));
    }
    const known = values.filter((value) => value !== null);
    const mean = known.reduce((sum, value) => sum + value, 0) / values.length;
    const reason = l10n.t('Its {0} is no number.', search.metric);
    await (known.length === values.length
      ? this.#arrive(id, rung, mean)
      : this.#arrive(id, rung, null, reason));
  }

  /** The share of each run that trains beside others; one alone has as many threads as suit the machine. */
  #threads(): Pick<TrainerCommand, 'threads'> {
    const { atOnce, budget } = this.work.search;
    const most = Math.min(atOnce, 'trials' in budget ? budget.trials : atOnce);
    return most > 1 ? { threads: Math.max(1, Math.floor(availableParallelism() / most)) } : {};
  }

  async #arrive(id: number, rung: number, value: number | null, failure?: string): Promise<void> {
    const { onEvent } = this.work;
    const { results } = this.#trial(id);
    const isOver = value === null || rung === this.#record.rungs.length - 1;
    await this.#change(id, {
      results: [...results, value],
      target: null,
      ...(failure !== undefined && { failure }),
      ...(isOver && { endedAt: Date.now() }),
    });
    const trial = this.#trial(id);
    if (value !== null) await this.#tell(valueEvent(this.#record, trial, rung, value));
    if (trial.endedAt !== null) await this.#tell(endedEvent(this.#record, trial, trial.endedAt));
    onEvent({ type: 'arrived', trial, rung });
    this.#assertNotHopeless();
  }

  /** @throws UserError where all trials fail alike */
  #assertNotHopeless(): void {
    const ended = this.#record.trials.filter(({ results }) => results.length > 0);
    const failed = ended.filter(({ results }) => results[0] === null);
    if (failed.length < FAILURES_AT_START || failed.length < ended.length) return;
    throw new UserError({
      what: l10n.t('The first {0} trials failed. {1}', failed.length, failed[0]?.failure ?? ''),
      remedy: l10n.t('See that the experiment itself can be trained: {0}', 'tricks run FILE'),
    });
  }

  /** Ends what was not promoted. */
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

  /** One write at a time, in the order of the changes. */
  #write(changes: Partial<SearchRecord>): Promise<void> {
    this.#record = { ...this.#record, ...changes, seconds: changes.seconds ?? this.#seconds };
    const record = this.#record;
    const writing = this.#writing.then(() => writeRecord(this.work.folder, record));
    this.#writing = writing.catch(() => {});
    return writing;
  }
}
