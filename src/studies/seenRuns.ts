import { stat } from 'node:fs/promises';
import type { StudyRunFacts } from '../protocol/studyView';
import { manifestPath, type ReadableEntry, readRun, runFolder } from '../runs/store';
import { assertNever } from '../shared/assertNever';
import { isSystemError } from '../system/errors';
import { TEST_ACCURACY } from './analysing';
import { type RunOutcome, readOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** A run of a study, as it stands. */
export interface SeenRun {
  readonly planned: PlannedRun;
  readonly status: StudyRunFacts['status'];
  readonly outcome: RunOutcome;
  /** That its training took; null while it is not over. */
  readonly seconds: number | null;
  /** Of its steps, the share that is done: from 0 to 1. */
  readonly share: number;
  /** Of its recipe; null before it has a run. */
  readonly epochs: number | null;
}

/** A run that is over. */
interface Ended extends Omit<SeenRun, 'planned'> {
  /** When its manifest was written. */
  readonly writtenAt: number;
  /** Whether its correctness by image was dropped. */
  readonly isThin: boolean;
}

/** The runs of one study. What came of those that are over is read once, since nothing changes it. */
export class SeenRuns {
  /** By id. */
  readonly #ended = new Map<string, Ended>();

  constructor(private readonly root: string) {}

  /**
   * Each run of the plan, in its order.
   *
   * @throws EMFILE or ENFILE where no more files may be opened
   */
  async look(record: StudyRecord): Promise<readonly SeenRun[]> {
    const seen: SeenRun[] = [];
    // One after the other: a study may have more runs than files may be open.
    for (const planned of record.runs) seen.push({ planned, ...(await this.#lookAt(record, planned)) });
    return seen;
  }

  /** As they were seen, with the correctness by image that was dropped read again. */
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

  /** Drops the correctness by image, which is most of what is kept. */
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
    // One that was deleted is trained anew.
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

async function standingOf(entry: ReadableEntry, { metric }: StudyRecord): Promise<Omit<SeenRun, 'planned'>> {
  const { state, recipe } = entry.manifest;
  const { epochs } = recipe;
  const open = { outcome: { kind: 'missing' }, seconds: null, share: 0, epochs } as const;
  switch (state.status) {
    case 'queued':
      return { ...open, status: 'queued' };
    case 'running':
      return { ...open, status: 'running', share: Math.min(1, state.step / recipe.schedule.totalSteps) };
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
        // It logged no such metric, or its log is damaged.
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

/** Where test images decide, a run has a value only once it was asked about them. */
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

/** In milliseconds since 1970; null where there is no such file. */
async function timeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}
