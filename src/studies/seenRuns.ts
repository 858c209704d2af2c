import { stat } from 'node:fs/promises';
import type { StudyRunFacts } from '../protocol/studyView';
import { type AnyRecipe, recipeFacts } from '../recipe/anyRecipe';
import { manifestPath, type ReadableEntry, readRun, runFolder } from '../runs/store';
import { assertNever } from '../shared/assertNever';
import { isSystemError } from '../system/errors';
import { TEST_ACCURACY } from './analyzing';
import { type RunOutcome, readOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** Current state of a study's run. */
export interface SeenRun {
  readonly planned: PlannedRun;
  readonly status: StudyRunFacts['status'];
  readonly outcome: RunOutcome;
  /** Training time; null until it ends. */
  readonly seconds: number | null;
  /** Fraction of its steps that are done, 0 to 1. */
  readonly share: number;
  /** Epochs of its recipe; null before it has a run. */
  readonly epochs: number | null;
}

/** A run that has ended. */
interface Ended extends Omit<SeenRun, 'planned'> {
  /** Time when its manifest was written. */
  readonly writtenAt: number;
  /** Whether its per-image correctness was dropped. */
  readonly isThin: boolean;
}

/** The runs of one study. The outcome of an ended run is read only once, because it never changes. */
export class SeenRuns {
  /** Keyed by run id. */
  readonly #ended = new Map<string, Ended>();

  constructor(private readonly root: string) {}

  /**
   * Returns the state of each run of the plan, in plan order.
   *
   * @throws EMFILE or ENFILE if no more files can be opened
   */
  async look(record: StudyRecord): Promise<readonly SeenRun[]> {
    const seen: SeenRun[] = [];
    // Sequential: a study may have more runs than the limit on open files.
    for (const planned of record.runs) seen.push({ planned, ...(await this.#lookAt(record, planned)) });
    return seen;
  }

  /** Returns the same runs, after rereading the per-image correctness that was dropped. */
  async withCorrectness(record: StudyRecord, seen: readonly SeenRun[]): Promise<readonly SeenRun[]> {
    const full: SeenRun[] = [];
    for (const run of seen) {
      const { planned } = run;
      const id = planned.run;
      if (id === null || !this.#ended.get(id)?.isThin) {
        full.push(run);
        continue;
      }
      this.#ended.delete(id);
      full.push({ planned, ...(await this.#lookAt(record, planned)) });
    }
    return full;
  }

  /** Drops per-image correctness, which is most of the cached data. */
  dropCorrectness(): void {
    for (const [id, ended] of this.#ended) {
      const { outcome } = ended;
      if (outcome.kind !== 'finished' || !outcome.correct) continue;
      this.#ended.set(id, { ...ended, outcome: { ...outcome, correct: null }, isThin: true });
    }
  }

  async #lookAt(record: StudyRecord, { run, tested }: PlannedRun): Promise<Omit<SeenRun, 'planned'>> {
    if (run === null) return PLANNED;
    const writtenAt = await timeOf(manifestPath(runFolder(this.root, run)));
    const known = this.#ended.get(run);
    if (known && known.writtenAt === writtenAt) return asTested(known, record, tested);
    const entry = await readRun(runFolder(this.root, run));
    // A deleted run is trained again.
    if (entry.kind === 'broken') return entry.isNewer ? { ...PLANNED, status: 'failed' } : PLANNED;
    const now = await standingOf(entry, record);
    const isOver = now.status === 'finished' || now.status === 'diverged';
    if (isOver && writtenAt !== null) this.#ended.set(run, { ...now, writtenAt, isThin: false });
    else this.#ended.delete(run);
    return asTested(now, record, tested);
  }
}

const PLANNED: Omit<SeenRun, 'planned'> = {
  ...{ status: 'planned', outcome: { kind: 'missing' }, seconds: null, share: 0, epochs: null },
};

/** Returns how much of a run is done, from 0 to 1. 0 if its length is unknown. */
function shareDone(step: number, recipe: AnyRecipe): number {
  const { totalSteps } = recipeFacts(recipe);
  return totalSteps === null ? 0 : Math.min(1, step / totalSteps);
}

async function standingOf(entry: ReadableEntry, { metric }: StudyRecord): Promise<Omit<SeenRun, 'planned'>> {
  const { state, recipe } = entry.manifest;
  const { epochs } = recipe;
  const open = { outcome: { kind: 'missing' }, seconds: null, share: 0, epochs } as const;
  switch (state.status) {
    case 'queued':
      return { ...open, status: 'queued' };
    case 'running':
      return { ...open, status: 'running', share: shareDone(state.step, recipe) };
    case 'stopped':
    case 'paused':
    case 'interrupted':
      return { ...open, status: 'stopped' };
    case 'failed':
      return state.failure.kind === 'diverged'
        ? { ...open, status: 'diverged', outcome: { kind: 'diverged' } }
        : { ...open, status: 'failed' };
    case 'done': {
      const name = metric.name === TEST_ACCURACY ? 'validation_accuracy' : metric.name;
      const { seconds } = state.result;
      const outcome = await readOutcome(entry, name).catch((error: unknown): RunOutcome => {
        if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
        return { kind: 'missing' };
      });
      switch (outcome.kind) {
        case 'finished':
        case 'diverged':
          return { ...open, status: outcome.kind, outcome, seconds, share: 1 };
        // Its log lacks the metric or is damaged.
        case 'missing':
        case 'failed':
          return { ...open, status: 'failed', seconds, share: 1 };
        default:
          return assertNever(outcome);
      }
    }
    default:
      return assertNever(state);
  }
}

/** If test images decide, a run has no value until it has been evaluated on them. */
function asTested(
  seen: Omit<SeenRun, 'planned'>,
  { metric }: StudyRecord,
  tested: number | null,
): Omit<SeenRun, 'planned'> {
  if (metric.name !== TEST_ACCURACY || seen.outcome.kind !== 'finished') return seen;
  const outcome: RunOutcome =
    tested === null ? { kind: 'missing' } : { ...seen.outcome, value: tested, correct: null };
  return { ...seen, outcome };
}

/** In milliseconds since 1970; null if the file does not exist. */
async function timeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}
