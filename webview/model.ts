import type { RunView } from '../src/protocol/dashboard';
import type { RunEvent } from '../src/protocol/events';
import { RunFold } from '../src/protocol/fold';
import type { RunState } from '../src/protocol/manifest';
import type { EpochEvent, PreparingEvent, StartedEvent, StepEvent } from '../src/protocol/standing';
import type { RecipeFacts } from '../src/recipe/anyRecipe';
import { smoothed, smoothingFor } from './smoothing';

/** A point of a curve: x in steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How long a run is. Null if unknown. */
export type RunLength = Pick<RecipeFacts, 'epochs' | 'stepsPerEpoch' | 'totalSteps'>;

/** The data that the page keeps of a step besides its points. */
interface ShownStep {
  readonly step: number;
  /** Time of completion, in milliseconds since 1970. */
  readonly time: number;
}

/**
 * A run's events as curves. It grows in place, because a run may have 100,000 steps. The result does not depend on how
 * the events are split into messages.
 */
export class RunHistory {
  /** Training loss of every step. With distillation, only the label term, which validation has as well. */
  readonly loss: Point[] = [];
  readonly learningRate: Point[] = [];

  private readonly fold = new RunFold<ShownStep>(({ step, time }) => ({ step, time }));
  private smoothedAsOf: readonly Point[] | null = null;

  /** @param planned the length according to the recipe */
  constructor(private readonly planned: RunLength) {}

  /** The length according to the recipe, or to the trainer if only that knows it. */
  get length(): RunLength {
    const { started } = this;
    return {
      epochs: this.planned.epochs ?? started?.epochs ?? null,
      stepsPerEpoch: this.planned.stepsPerEpoch ?? started?.stepsPerEpoch ?? null,
      totalSteps: this.planned.totalSteps ?? started?.totalSteps ?? null,
    };
  }

  /** Adds the events that follow the previous ones. */
  append(events: readonly RunEvent[]): void {
    for (const event of events) this.take(event);
  }

  /** The loss smoothed over steps on both sides. Later steps still change its end. */
  get smoothedLoss(): readonly Point[] {
    this.smoothedAsOf ??= smoothed(this.loss, smoothingFor(this.length.totalSteps ?? this.loss.length));
    return this.smoothedAsOf;
  }

  get started(): StartedEvent | null {
    return this.fold.started;
  }

  /** The preparation in progress. */
  get preparing(): PreparingEvent | null {
    return this.fold.preparing;
  }

  get lastStep(): StepEvent | null {
    return this.fold.lastStep;
  }

  get epochs(): readonly EpochEvent[] {
    return this.fold.epochs;
  }

  /** Number of completed steps. */
  get stepsDone(): number {
    return this.lastStep ? this.lastStep.step + 1 : 0;
  }

  /** The epoch with the best validation accuracy so far. Ties go to the first. */
  get best(): EpochEvent | null {
    let best: EpochEvent | null = null;
    for (const epoch of this.epochs) {
      const { validationAccuracy: accuracy } = epoch;
      if (accuracy !== undefined && !(accuracy <= (best?.validationAccuracy ?? -1))) best = epoch;
    }
    return best;
  }

  /**
   * Milliseconds per step over the last epoch's worth of steps, so that evaluation is included in proportion. Null for
   * fewer than two steps.
   */
  get stepMs(): number | null {
    const { steps, firstOfTrainer } = this.fold;
    const last = steps.at(-1);
    // Without epochs, all steps of the trainer count.
    const most = this.length.stepsPerEpoch ?? Number.POSITIVE_INFINITY;
    let index = steps.length - 1;
    while (index > firstOfTrainer && last!.step - steps[index - 1]!.step <= most) index--;
    const first = steps[index];
    return last && first && first !== last ? (last.time - first.time) / (last.step - first.step) : null;
  }

  private take(event: RunEvent): void {
    if (!this.fold.take(event) || (event.type !== 'step' && event.type !== 'epoch')) return;
    // A resumed run repeats the steps since its checkpoint: drop the ones that the fold removed.
    const end = event.type === 'step' ? event.step : (this.fold.steps.at(-1)?.step ?? -1) + 1;
    for (const series of [this.loss, this.learningRate]) {
      for (let last = series.at(-1); last && last.x >= end; last = series.at(-1)) series.pop();
    }
    this.smoothedAsOf = null;
    if (event.type !== 'step') return;
    const loss = event.labelsLoss ?? event.loss;
    if (loss !== undefined) this.loss.push({ x: event.step, y: loss });
    if (event.learningRate !== undefined) this.learningRate.push({ x: event.step, y: event.learningRate });
  }
}

/** A run and its history. */
export interface ShownRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

/** Whether a run in this state can still write. */
export function isLive(state: RunState): boolean {
  return state.status === 'queued' || state.status === 'running';
}

/** The current phase of a run. */
export type Phase =
  | { readonly name: 'queued' }
  /** Downloading or loading. The fraction done, 0 to 1, is null if unknown. */
  | { readonly name: 'preparing'; readonly what: string; readonly share: number | null }
  /** The trainer has started, but no step is complete. */
  | { readonly name: 'waiting' }
  | { readonly name: 'training' }
  | { readonly name: 'ended' };

export function phaseOf(shown: ShownRun): Phase {
  const { state } = shown.run;
  const { preparing, lastStep, started } = shown.history;
  if (!isLive(state)) return { name: 'ended' };
  if (preparing) return { name: 'preparing', what: preparing.what, share: preparing.share };
  if (lastStep) return { name: 'training' };
  return state.status === 'queued' && !started ? { name: 'queued' } : { name: 'waiting' };
}

/** Progress of a run, with epochs and steps counted from 1. Null if unknown. */
export interface Progress {
  readonly epoch: number | null;
  readonly epochs: number | null;
  readonly step: number;
  readonly steps: number | null;
  /** Fraction done, 0 to 1. */
  readonly share: number | null;
  /** At the recent speed. Null if unknown or if the run is not training. */
  readonly leftMs: number | null;
}

export function progressOf(shown: ShownRun): Progress {
  const { history } = shown;
  const { totalSteps, epochs } = history.length;
  const step = Math.min(history.stepsDone, totalSteps ?? Number.POSITIVE_INFINITY);
  const { stepMs } = history;
  const isTimed = phaseOf(shown).name === 'training' && stepMs !== null && totalSteps !== null;
  return {
    epoch: epochOf(history, step),
    epochs,
    step,
    steps: totalSteps,
    share: shareOf(history, step),
    leftMs: isTimed ? (totalSteps - step) * stepMs : null,
  };
}

/** A run that does not count steps is as far as its epochs. */
function shareOf({ length, epochs }: RunHistory, step: number): number | null {
  if (length.totalSteps !== null) return length.totalSteps > 0 ? step / length.totalSteps : 0;
  const last = epochs.at(-1);
  return length.epochs !== null && last ? Math.min(1, (last.epoch + 1) / length.epochs) : null;
}

/**
 * Returns the epoch, counted from 1, of the last of `stepsDone` steps. 0 before the first step. Null if the run does
 * not say how many steps an epoch has, unless this is the end of an epoch or the last step.
 */
export function epochOf({ length, epochs, lastStep }: RunHistory, stepsDone: number): number | null {
  if (length.stepsPerEpoch !== null) return Math.ceil(stepsDone / length.stepsPerEpoch);
  const ended = epochs.find(({ step }) => step === stepsDone);
  if (ended) return ended.epoch + 1;
  return lastStep && lastStep.step + 1 === stepsDone ? lastStep.epoch + 1 : null;
}
