import type { RunView } from '../src/protocol/dashboard';
import type { RunEvent } from '../src/protocol/events';
import { RunFold } from '../src/protocol/fold';
import type { RunState } from '../src/protocol/manifest';
import type { EpochEvent, PreparingEvent, StartedEvent, StepEvent } from '../src/protocol/standing';
import type { Schedule } from '../src/recipe/schedule';
import { type Average, averageAfter, NO_AVERAGE, smoothingFor, valueOfAverage } from './smoothing';

/** A point of a curve: x in steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the page keeps of a step beside its points. */
interface ShownStep {
  readonly step: number;
  /** When it was done, milliseconds since 1970. */
  readonly time: number;
  readonly loss: number;
  readonly average: Average;
}

/**
 * What a run's events add up to, as curves. It grows in place, for a run may have 100,000 steps; the same events lead to
 * the same history however they are cut into messages.
 */
export class RunHistory {
  /** Training loss of every step: the labels', which validation has too, where a teacher's comes on top. */
  readonly loss: Point[] = [];
  readonly smoothedLoss: Point[] = [];
  readonly learningRate: Point[] = [];

  private readonly fold: RunFold<ShownStep>;

  constructor(private readonly schedule: Pick<Schedule, 'stepsPerEpoch' | 'totalSteps'>) {
    const keep = smoothingFor(schedule.totalSteps);
    this.fold = new RunFold((event, before) => {
      // Of a long history, the host leaves steps out.
      const steps = before ? Math.max(1, event.step - before.step) : 1;
      const loss = event.labelsLoss ?? event.loss;
      const average = averageAfter(before?.average ?? NO_AVERAGE, loss, keep ** steps);
      return { step: event.step, time: event.time, loss, average };
    });
  }

  /** Takes in events that follow those it has. */
  append(events: readonly RunEvent[]): void {
    for (const event of events) this.take(event);
  }

  get started(): StartedEvent | null {
    return this.fold.started;
  }

  /** What is being prepared right now. */
  get preparing(): PreparingEvent | null {
    return this.fold.preparing;
  }

  get lastStep(): StepEvent | null {
    return this.fold.lastStep;
  }

  get epochs(): readonly EpochEvent[] {
    return this.fold.epochs;
  }

  /** Steps done. */
  get stepsDone(): number {
    return this.lastStep ? this.lastStep.step + 1 : 0;
  }

  /** The epoch with the best validation accuracy so far, the earliest of equals. */
  get best(): EpochEvent | null {
    return this.epochs.reduce<EpochEvent | null>(
      (best, epoch) => (best && best.validationAccuracy >= epoch.validationAccuracy ? best : epoch),
      null,
    );
  }

  /**
   * Milliseconds a step takes, over the last epoch's worth of steps, so that evaluation counts as often as it
   * comes; null before there are two.
   */
  get stepMs(): number | null {
    const { steps, firstOfTrainer } = this.fold;
    const last = steps.at(-1);
    let index = steps.length - 1;
    while (index > firstOfTrainer && last!.step - steps[index - 1]!.step <= this.schedule.stepsPerEpoch)
      index--;
    const first = steps[index];
    return last && first && first !== last ? (last.time - first.time) / (last.step - first.step) : null;
  }

  private take(event: RunEvent): void {
    if (!this.fold.take(event) || (event.type !== 'step' && event.type !== 'epoch')) return;
    const { steps } = this.fold;
    // A resumed run writes the steps since its checkpoint again: those that the fold took out go.
    const kept = event.type === 'step' ? steps.length - 1 : steps.length;
    for (const series of [this.loss, this.smoothedLoss, this.learningRate]) series.length = kept;
    const step = steps.at(-1);
    if (event.type !== 'step' || !step) return;
    this.loss.push({ x: step.step, y: step.loss });
    this.smoothedLoss.push({ x: step.step, y: valueOfAverage(step.average) });
    this.learningRate.push({ x: step.step, y: event.learningRate });
  }
}

/** A run and what its events add up to. */
export interface ShownRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

/** Whether a run in this state can still write. */
export function isLive(state: RunState): boolean {
  return state.status === 'queued' || state.status === 'running';
}

/** What a run is at. */
export type Phase =
  | { readonly name: 'queued' }
  /** Downloading, loading; share done from 0 to 1, or null where it cannot be told. */
  | { readonly name: 'preparing'; readonly what: string; readonly share: number | null }
  /** The trainer is up, no step is done. */
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

/** How far a run is, as people count: epochs and steps from 1. */
export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Done, from 0 to 1. */
  readonly share: number;
  /** At the speed of late; null where it cannot be told or the run is not training. */
  readonly leftMs: number | null;
}

export function progressOf(shown: ShownRun): Progress {
  const { run, history } = shown;
  const { totalSteps, stepsPerEpoch } = run.recipe.schedule;
  const step = Math.min(history.stepsDone, totalSteps);
  const training = phaseOf(shown).name === 'training';
  return {
    epoch: epochOf(step, stepsPerEpoch),
    epochs: run.recipe.epochs,
    step,
    steps: totalSteps,
    share: totalSteps > 0 ? step / totalSteps : 0,
    leftMs: training && history.stepMs !== null ? (totalSteps - step) * history.stepMs : null,
  };
}

/** The epoch, counted from 1, that the last of `stepsDone` steps belongs to; 0 before any. */
export function epochOf(stepsDone: number, stepsPerEpoch: number): number {
  return Math.ceil(stepsDone / stepsPerEpoch);
}
