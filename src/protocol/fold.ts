import type { RunEvent } from './events';
import { type EpochEvent, LogStanding, type StepEvent } from './standing';

/** The number of steps and epochs of a fold that a reader already has. */
export interface MetricsCursor {
  readonly steps: number;
  readonly epochs: number;
}

/**
 * A run's steps and epochs as if it had never stopped. A log is append-only: a trainer that resumes from a checkpoint
 * repeats the steps since then, and the later ones count. The result does not depend on how the events are split into
 * chunks, and neither do the metrics kept here. Each step is added once and removed at most once.
 */
export class RunFold<Step extends { readonly step: number } = StepEvent> extends LogStanding {
  readonly #steps: Step[] = [];
  readonly #epochs: EpochEvent[] = [];
  #firstOfTrainer = 0;
  #kept: MetricsCursor = { steps: 0, epochs: 0 };

  /** @param keep returns what to keep of a step, given the step before it */
  constructor(private readonly keep: (event: StepEvent, before: Step | undefined) => Step) {
    super();
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  get epochs(): readonly EpochEvent[] {
    return this.#epochs;
  }

  /** Index of the first step of the last trainer. Time between trainers must not count for speed. */
  get firstOfTrainer(): number {
    return this.#firstOfTrainer;
  }

  override take(event: RunEvent): boolean {
    if (!super.take(event)) return false;
    if (event.type === 'started') this.#firstOfTrainer = this.#steps.length;
    if (event.type === 'step') {
      this.#rewind(event.step, event.step);
      this.#steps.push(this.keep(event, this.#steps.at(-1)));
    }
    if (event.type === 'epoch') {
      // An epoch's step is the number of steps done at its end, a step's own is the number done before it.
      this.#rewind(event.step, event.step - 1);
      this.#epochs.push(event);
    }
    return true;
  }

  /** Returns how many of the steps and epochs at the last call, or at the start, are still valid. */
  takeKept(): MetricsCursor {
    const kept = this.#kept;
    this.#kept = { steps: this.#steps.length, epochs: this.#epochs.length };
    return kept;
  }

  /** Removes the steps from `step` on, and the epochs that end after `epochEnd` steps. */
  #rewind(step: number, epochEnd: number): void {
    for (let last = this.#steps.at(-1); last && last.step >= step; last = this.#steps.at(-1))
      this.#steps.pop();
    for (let last = this.#epochs.at(-1); last && last.step > epochEnd; last = this.#epochs.at(-1))
      this.#epochs.pop();
    const [steps, epochs] = [this.#steps.length, this.#epochs.length];
    this.#firstOfTrainer = Math.min(this.#firstOfTrainer, steps);
    if (steps < this.#kept.steps || epochs < this.#kept.epochs) {
      this.#kept = { steps: Math.min(this.#kept.steps, steps), epochs: Math.min(this.#kept.epochs, epochs) };
    }
  }
}

/** Creates a fold that keeps whole step events. */
export function eventFold(): RunFold {
  return new RunFold((event) => event);
}

/** A reader's position in a fold. */
export interface FoldCursor extends MetricsCursor {
  readonly started: RunEvent | null;
  readonly preparing: RunEvent | null;
  readonly final: RunEvent | null;
}

export const FOLD_START: FoldCursor = { steps: 0, epochs: 0, started: null, preparing: null, final: null };

/** Returns the position of a reader who has all of a fold. */
export function cursorOf({ steps, epochs, started, preparing, final }: RunFold): FoldCursor {
  return { steps: steps.length, epochs: epochs.length, started, preparing, final };
}

/**
 * Returns the events that bring a reader up to date. The reader applies them to its own fold, which rewinds at the same
 * places. Only the last trainer's start is included.
 */
export function eventsSince(fold: RunFold, seen: FoldCursor): RunEvent[] {
  const { started, preparing, final, firstOfTrainer } = fold;
  const events: RunEvent[] = [];
  let isStartTold = started === seen.started;
  let epochs = seen.epochs;
  for (let index = seen.steps; index < fold.steps.length; index++) {
    const step = fold.steps[index];
    if (!step) break;
    for (let epoch = fold.epochs[epochs]; epoch && epoch.step <= step.step; epoch = fold.epochs[epochs]) {
      events.push(epoch);
      epochs += 1;
    }
    if (!isStartTold && started && index >= firstOfTrainer) {
      events.push(started);
      isStartTold = true;
    }
    events.push(step);
  }
  for (const epoch of fold.epochs.slice(epochs)) events.push(epoch);
  if (!isStartTold && started) events.push(started);
  if (preparing && preparing !== seen.preparing) events.push(preparing);
  if (final && final !== seen.final) events.push(final);
  return events;
}

/** Returns the steps and epochs of a log in order, as if its run had never stopped. */
export function settledMetrics(events: readonly RunEvent[]): (StepEvent | EpochEvent)[] {
  const fold = eventFold();
  for (const event of events) fold.take(event);
  return eventsSince(fold, FOLD_START).filter((event) => event.type === 'step' || event.type === 'epoch');
}
