import type { EpochEvent } from '../protocol/standing';
import { readyAfterCrash } from '../runs/queue';
import { type RunEnd, startRun } from '../runs/supervisor';
import type { TrainerCommand } from '../runs/trainerCommand';
import type { RungMetrics } from '../study/search/metric';
import {
  type Arrival,
  epochsBefore,
  MOST_RETRIES,
  outcomeOf,
  prepared,
  type Reporting,
  type TrainingListener,
} from './trainTo';

/** What a run does after an epoch that ends a rung: train to a later one, train to its end, or stop for good. */
export type Onward = number | 'finish' | 'stop';

/** Decides at the end of a rung. Called once for each rung, in order. */
export type Decide = (metrics: RungMetrics) => Promise<Onward>;

/** How the training of a run through its rungs ended. `passed`: it finished, or was stopped as decided. */
export type Passage = Exclude<Arrival, { kind: 'arrived' }> | { readonly kind: 'passed' };

/**
 * Trains a run that cannot resume. It trains on while `decide` looks at its metrics at the end of a rung, and is stopped
 * if it may not go on. Whatever interrupts it makes it start over. If its trainer crashes, that happens up to three
 * times.
 *
 * @param epochs number of epochs at which the next rung ends
 * @param signal stops the run
 * @throws UserError if the run cannot be trained; the error of `decide`
 */
export async function trainThrough(
  folder: string,
  epochs: number,
  command: TrainerCommand,
  signal: AbortSignal,
  { onEpoch, onRetry }: TrainingListener,
  decide: Decide,
  { isReported }: Pick<Reporting, 'isReported'>,
): Promise<Passage> {
  const rungs = new Rungs(epochs, decide, isReported);
  // The search may have ended after an epoch was reported, and before that was decided about.
  for (const event of (await epochsBefore(folder)).values()) rungs.take(event);
  if (typeof (await rungs.advance()) !== 'number') return { kind: 'passed' };
  const unready = await prepared(folder, signal);
  if (unready) return passageOf(unready, rungs);
  for (let retries = 0; ; retries++) {
    rungs.startOver();
    const requeue = retries < MOST_RETRIES ? readyAfterCrash : undefined;
    const end = await trainOnce(folder, { ...command, requeue }, signal, onEpoch, rungs);
    if (typeof (await rungs.advance()) !== 'number') return { kind: 'passed' };
    if (end.status !== 'queued') return passageOf(outcomeOf(end, folder), rungs);
    // The run stays queued until the search resumes and prepares it again.
    if (signal.aborted) return { kind: 'paused' };
    onRetry(retries + 1);
  }
}

async function passageOf(arrival: Arrival, rungs: Rungs): Promise<Passage> {
  if (arrival.kind !== 'arrived') return arrival;
  await rungs.end(arrival.metrics);
  return { kind: 'passed' };
}

/** Starts the trainer once. Returns how it ended. */
async function trainOnce(
  folder: string,
  command: TrainerCommand,
  signal: AbortSignal,
  onEpoch: (event: EpochEvent) => void,
  rungs: Rungs,
): Promise<RunEnd> {
  const run = startRun(folder, command);
  const stop = () => void run.stop();
  run.on('events', ({ events }) => {
    for (const event of events) {
      if (event.type !== 'epoch') continue;
      onEpoch(event);
      rungs.take(event);
    }
    rungs.advance().then((onward) => {
      if (onward === 'stop') stop();
    }, stop);
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await run.exited;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Finds out when a run has reached the end of a rung. */
class Rungs {
  readonly #epochs = new Map<number, EpochEvent>();
  #target: Onward;
  /** Decides about one rung at a time, and no more once that failed. */
  #deciding: Promise<unknown> = Promise.resolve();

  constructor(
    epochs: number,
    private readonly decide: Decide,
    private readonly isReported: (event: EpochEvent) => boolean,
  ) {
    this.#target = epochs;
  }

  take(event: EpochEvent): void {
    this.#epochs.set(event.epoch, event);
  }

  /** Forgets the epochs of an earlier attempt. */
  startOver(): void {
    this.#epochs.clear();
  }

  /** Decides about the rungs that the run has reached. */
  advance(): Promise<Onward> {
    return this.#inTurn((target) => {
      const event = this.#epochs.get(target - 1);
      // The output may complete an epoch until the next one has ended.
      const isOver = [...this.#epochs.keys()].some((epoch) => epoch >= target);
      return event && (isOver || this.isReported(event)) ? event : null;
    });
  }

  /** Decides about the remaining rungs of a run that has ended with these metrics. */
  end(metrics: RungMetrics): Promise<Onward> {
    return this.#inTurn((target) => this.#epochs.get(target - 1) ?? metrics);
  }

  #inTurn(metricsAt: (target: number) => RungMetrics | null): Promise<Onward> {
    const decision = this.#deciding.then(async () => {
      while (typeof this.#target === 'number') {
        const metrics = metricsAt(this.#target);
        if (metrics === null) break;
        this.#target = await this.decide(metrics);
      }
      return this.#target;
    });
    this.#deciding = decision;
    return decision;
  }
}
