import type { RunView } from '../src/protocol/dashboard';
import type { FinalEvent, RunEvent } from '../src/protocol/events';
import type { RunState } from '../src/protocol/manifest';
import type { Schedule } from '../src/recipe/schedule';
import { assertNever } from '../src/shared/assertNever';
import { ExponentialAverage, smoothingFor } from './smoothing';

/** A point of a curve: x in steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export type StartedEvent = Extract<RunEvent, { type: 'started' }>;
export type PreparingEvent = Extract<RunEvent, { type: 'preparing' }>;
export type StepEvent = Extract<RunEvent, { type: 'step' }>;
export type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

/**
 * What a run's events add up to. It grows in place, for a run may have 100,000 steps; the same events lead to
 * the same history however they are cut into messages.
 */
export class RunHistory {
  started: StartedEvent | null = null;
  /** What is being prepared right now. */
  preparing: PreparingEvent | null = null;
  lastStep: StepEvent | null = null;
  final: FinalEvent | null = null;
  readonly epochs: EpochEvent[] = [];
  /** Training loss of every step: the labels', which validation has too, where a teacher's comes on top. */
  readonly loss: Point[] = [];
  readonly smoothedLoss: Point[] = [];
  readonly learningRate: Point[] = [];

  private smoothing: ExponentialAverage;
  /** When each step of `loss` was done, milliseconds since 1970. */
  private readonly times: number[] = [];
  /** The first step of this trainer's life; time between lives is nobody's speed. */
  private firstTimed = 0;

  constructor(private readonly schedule: Pick<Schedule, 'stepsPerEpoch' | 'totalSteps'>) {
    this.smoothing = this.newSmoothing();
  }

  /** Takes in events that follow those it has. */
  append(events: readonly RunEvent[]): void {
    for (const event of events) this.take(event);
  }

  /** The run goes on: how it ended before counts no more. */
  reopen(): void {
    this.final = null;
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
    const last = this.times.length - 1;
    const stepAt = (index: number) => this.loss[index]!.x;
    let first = last;
    while (first > this.firstTimed && stepAt(last) - stepAt(first - 1) <= this.schedule.stepsPerEpoch)
      first--;
    return last > first ? (this.times[last]! - this.times[first]!) / (stepAt(last) - stepAt(first)) : null;
  }

  private take(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.started = event;
        this.preparing = null;
        this.final = null;
        this.firstTimed = this.times.length;
        break;
      case 'preparing':
        this.preparing = event;
        break;
      case 'step':
        this.takeStep(event);
        break;
      case 'epoch':
        while (this.epochs.length > 0 && this.epochs.at(-1)!.epoch >= event.epoch) this.epochs.pop();
        this.epochs.push(event);
        break;
      case 'done':
      case 'stopped':
      case 'paused':
      case 'failed':
        this.preparing = null;
        this.final = event;
        break;
      default:
        assertNever(event);
    }
  }

  private takeStep(event: StepEvent): void {
    if (this.lastStep && event.step <= this.lastStep.step) this.rewind(event.step);
    // Of a long history, the host leaves steps out.
    const steps = this.lastStep ? Math.max(1, event.step - this.lastStep.step) : 1;
    this.preparing = null;
    this.lastStep = event;
    const loss = event.labelsLoss ?? event.loss;
    this.loss.push({ x: event.step, y: loss });
    this.smoothedLoss.push({ x: event.step, y: this.smoothing.add(loss, steps) });
    this.learningRate.push({ x: event.step, y: event.learningRate });
    this.times.push(event.time);
  }

  /** A resumed run writes the steps since its checkpoint again: the newer ones count. */
  private rewind(step: number): void {
    const kept = this.loss.findIndex(({ x }) => x >= step);
    for (const series of [this.loss, this.smoothedLoss, this.learningRate, this.times]) series.splice(kept);
    while (this.epochs.length > 0 && this.epochs.at(-1)!.step > step) this.epochs.pop();
    this.firstTimed = Math.min(this.firstTimed, kept);
    this.smoothing = this.newSmoothing();
    for (const [index, { x, y }] of this.loss.entries()) {
      this.smoothing.add(y, index === 0 ? 1 : x - this.loss[index - 1]!.x);
    }
  }

  private newSmoothing(): ExponentialAverage {
    return new ExponentialAverage(smoothingFor(this.schedule.totalSteps));
  }
}

/** A run and what its events add up to. */
export interface ShownRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

/** Where a run stands: a final event is ahead of the state message that follows it. */
export function stateOf({ run, history }: ShownRun): RunState {
  const { final } = history;
  switch (final?.type) {
    case undefined:
      return run.state;
    case 'done':
      return { status: 'done', result: final.result };
    case 'stopped':
    case 'paused':
      return { status: final.type, step: final.step };
    case 'failed':
      return { status: 'failed', failure: final.failure };
    default:
      return assertNever(final);
  }
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
  const state = stateOf(shown);
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
