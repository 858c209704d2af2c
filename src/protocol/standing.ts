import { assertNever } from '../shared/assertNever';
import { AttemptFence } from './attempts';
import type { FinalEvent, RunEvent } from './events';
import type { Manifest, RunState } from './manifest';
import { isFinalState, stateAfter } from './state';

export type StartedEvent = Extract<RunEvent, { type: 'started' }>;

/** The start of our own trainer, which knows its engine and its length. */
export type EngineStartedEvent = StartedEvent & {
  readonly [Key in
    | 'engine'
    | 'precision'
    | 'epochs'
    | 'stepsPerEpoch'
    | 'totalSteps'
    | 'parameters']: NonNullable<StartedEvent[Key]>;
};

export function isEngineStart(event: StartedEvent): event is EngineStartedEvent {
  return event.engine !== null;
}

export type PreparingEvent = Extract<RunEvent, { type: 'preparing' }>;
export type StepEvent = Extract<RunEvent, { type: 'step' }>;
export type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

/** A step of our own trainer, which always reports these metrics. */
export type NetworkStep = StepEvent & {
  readonly [Key in 'loss' | 'accuracy' | 'learningRate' | 'imagesPerSecond']: number;
};

/** An epoch of our own trainer. */
export type NetworkEpoch = EpochEvent & {
  readonly [Key in 'trainLoss' | 'trainAccuracy' | 'validationLoss' | 'validationAccuracy']: number;
};

/** An event of our own trainer. */
export type NetworkEvent =
  | EngineStartedEvent
  | NetworkStep
  | NetworkEpoch
  | Exclude<RunEvent, { type: 'started' | 'step' | 'epoch' }>;

const END_TYPES: ReadonlySet<RunEvent['type']> = new Set<FinalEvent['type']>([
  'done',
  'stopped',
  'paused',
  'failed',
]);

/**
 * A run's state according to its log. Only the last trainer's events count, because a resumed trainer starts over.
 * Ignores events from a trainer that was considered dead, written after a higher attempt began.
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

  /** Null if the log has no events of the last trainer. */
  get state(): RunState | null {
    return this.#state;
  }

  /** The last one of any trainer. */
  get started(): StartedEvent | null {
    return this.#started;
  }

  /** The preparation in progress. */
  get preparing(): PreparingEvent | null {
    return this.#preparing;
  }

  /** The last one of any trainer. */
  get lastStep(): StepEvent | null {
    return this.#lastStep;
  }

  /** The end of the last trainer. */
  get final(): FinalEvent | null {
    return this.#final;
  }

  /** Whether the last trainer has logged a step or an epoch. Before that, only its manifest says where it resumes. */
  get hasTrained(): boolean {
    return this.#hasTrained;
  }

  /**
   * Processes the next event of the log.
   *
   * @returns whether it counts
   */
  take(event: RunEvent): boolean {
    const before = this.attempt;
    if (!this.#fence.accepts(event)) return false;
    // Logs of earlier releases have no attempts. In them, an event after an end belongs to another trainer.
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
        this.#preparing = null;
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
 * Determines a run's state from everything in its folder. Of manifest and log, the one with the higher attempt counts.
 * For the same attempt, an end in the log takes precedence, then one in the manifest, then the state of the trainer's
 * process.
 *
 * @param manifest with the state `interrupted` if it says `running` but the trainer's process has ended
 */
export function stateOfRun(
  { state, attempt = 0 }: Pick<Manifest, 'state' | 'attempt'>,
  log: Pick<LogStanding, 'state' | 'attempt' | 'hasTrained'>,
): RunState {
  if (log.state === null || log.attempt < attempt) return state;
  // No trainer puts its own run back into the queue. Earlier releases, which had no attempts, wrote that afterwards.
  if (log.attempt === attempt && state.status === 'queued') return state;
  if (isFinalState(log.state)) return log.state;
  if (log.attempt > attempt) return state.status === 'interrupted' ? state : log.state;
  if (state.status !== 'running' || log.state.status !== 'running' || !log.hasTrained) return state;
  return { ...log.state, validationAccuracy: log.state.validationAccuracy ?? state.validationAccuracy };
}
