import { assertNever } from '../shared/assertNever';
import { AttemptFence } from './attempts';
import type { FinalEvent, RunEvent } from './events';
import type { Manifest, RunState } from './manifest';
import { isFinalState, stateAfter } from './state';

export type StartedEvent = Extract<RunEvent, { type: 'started' }>;
export type PreparingEvent = Extract<RunEvent, { type: 'preparing' }>;
export type StepEvent = Extract<RunEvent, { type: 'step' }>;
export type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

const END_TYPES: ReadonlySet<RunEvent['type']> = new Set<FinalEvent['type']>([
  'done',
  'stopped',
  'paused',
  'failed',
]);

/**
 * Where a run stands by its log: by the last trainer's events, for a trainer that is resumed begins anew. What a trainer
 * writes that was taken for dead, after a higher attempt began, does not count.
 */
export class LogStanding {
  readonly #fence = new AttemptFence();
  #state: RunState | null = null;
  #started: StartedEvent | null = null;
  #preparing: PreparingEvent | null = null;
  #lastStep: StepEvent | null = null;
  #final: FinalEvent | null = null;
  #hasTrained = false;

  /** The highest attempt that has begun. */
  get attempt(): number {
    return this.#fence.highest;
  }

  /** Null while the log says nothing of the last trainer. */
  get state(): RunState | null {
    return this.#state;
  }

  /** Of any trainer, the last. */
  get started(): StartedEvent | null {
    return this.#started;
  }

  /** What is being prepared right now. */
  get preparing(): PreparingEvent | null {
    return this.#preparing;
  }

  /** Of any trainer, the last. */
  get lastStep(): StepEvent | null {
    return this.#lastStep;
  }

  /** How the last trainer ended. */
  get final(): FinalEvent | null {
    return this.#final;
  }

  /** Whether the last trainer has told of a step or an epoch: before that, only its manifest says where it goes on. */
  get hasTrained(): boolean {
    return this.#hasTrained;
  }

  /**
   * Takes in the next event of the log.
   *
   * @returns whether it counts
   */
  take(event: RunEvent): boolean {
    const before = this.attempt;
    if (!this.#fence.accepts(event)) return false;
    // Logs of earlier releases have no attempts: there, what follows an end is another trainer's.
    const isAfterEnd = this.#final !== null && !END_TYPES.has(event.type);
    if (event.type === 'started' || this.attempt > before || isAfterEnd) this.#begin();
    const state = this.#state ?? { status: 'running', step: 0, validationAccuracy: null };
    this.#state = stateAfter(state, event);
    switch (event.type) {
      case 'started':
        this.#started = event;
        break;
      case 'preparing':
        this.#preparing = event;
        break;
      case 'step':
        this.#lastStep = event;
        this.#preparing = null;
        this.#hasTrained = true;
        break;
      case 'epoch':
        this.#hasTrained = true;
        break;
      case 'done':
      case 'stopped':
      case 'paused':
      case 'failed':
        this.#preparing = null;
        this.#final = event;
        break;
      default:
        assertNever(event);
    }
    return true;
  }

  #begin(): void {
    this.#state = null;
    this.#preparing = null;
    this.#final = null;
    this.#hasTrained = false;
  }
}

/**
 * Where a run stands by all that its folder says. Of the manifest and the log, the one of the higher attempt counts; of
 * one attempt, the log's end comes first, then the manifest's, then what is known of the trainer's process.
 *
 * @param manifest its state `interrupted` where it says `running` and the trainer's process is gone
 */
export function stateOfRun(
  { state, attempt = 0 }: Pick<Manifest, 'state' | 'attempt'>,
  log: Pick<LogStanding, 'state' | 'attempt' | 'hasTrained'>,
): RunState {
  if (log.state === null || log.attempt < attempt) return state;
  // No trainer puts its own run back into the queue: earlier releases, which had no attempts, wrote that afterwards.
  if (log.attempt === attempt && state.status === 'queued') return state;
  if (isFinalState(log.state)) return log.state;
  if (log.attempt > attempt) return state.status === 'interrupted' ? state : log.state;
  if (state.status !== 'running' || log.state.status !== 'running' || !log.hasTrained) return state;
  return { ...log.state, validationAccuracy: log.state.validationAccuracy ?? state.validationAccuracy };
}
