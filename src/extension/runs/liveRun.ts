import type { RunEvent } from '../../protocol/events';
import type { RunState } from '../../protocol/manifest';
import { isFinalState, stateAfter } from '../../protocol/state';
import type { RunEntry } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';

/** What only the log of a run that is being trained says. */
export interface Activity {
  /** Work before the first step, such as a download; null once it trains. */
  readonly preparing: string | null;
  /** Of the last batch; null before the first. */
  readonly loss: number | null;
}

export const NO_ACTIVITY: Activity = { preparing: null, loss: null };

/** A run of the open folders. */
export type KnownRun = RunEntry & {
  /** The folder that holds the store. */
  readonly root: string;
  readonly activity: Activity;
};

/** A run whose manifest could be read. */
export type ReadableRun = Extract<KnownRun, { kind: 'run' }>;

/** The run once `events` have happened too. */
export function runAfter(run: ReadableRun, events: readonly RunEvent[]): ReadableRun {
  const { state, engine } = run.manifest;
  const started = events.findLast((event) => event.type === 'started');
  return {
    ...run,
    manifest: {
      ...run.manifest,
      state: events.reduce(stateAfter, state),
      engine: started?.engine ?? engine,
    },
    activity: events.reduce(activityAfter, run.activity),
  };
}

/**
 * What is known of a run once it was read from disk: that, unless what is known already, by its log, was ahead of it.
 *
 * @param endedMeanwhile whether the run ended after the reading began
 */
export function afterReading(known: KnownRun | undefined, read: KnownRun, endedMeanwhile: boolean): KnownRun {
  if (known?.kind !== 'run' || read.kind !== 'run') return read;
  const ahead = { ...known, manifest: { ...read.manifest, state: known.manifest.state } };
  if (isRunning(known) && isRunning(read)) {
    // A run that goes on from a checkpoint says so in its manifest first.
    return read.manifest.state.step > known.manifest.state.step ? read : ahead;
  }
  const { status } = read.manifest.state;
  // Whoever started it writes how it ended after that stands in the log.
  const isUnwritten = status === 'queued' && known.manifest.endedAt === null;
  const mayBeOld = endedMeanwhile || status === 'interrupted' || isUnwritten;
  return mayBeOld && isFinalState(known.manifest.state) ? ahead : read;
}

type InState<Status extends RunState['status']> = ReadableRun & {
  readonly manifest: { readonly state: Extract<RunState, { status: Status }> };
};

/** Whether more may come of a run. */
export function isLive(run: KnownRun): run is InState<'queued' | 'running'> {
  return run.kind === 'run' && (run.manifest.state.status === 'queued' || isRunning(run));
}

export function isRunning(run: KnownRun): run is InState<'running'> {
  return run.kind === 'run' && run.manifest.state.status === 'running';
}

/** Whether a run ended before its training was over, so that it can go on. */
export function isResumable(run: KnownRun): run is InState<'stopped' | 'paused' | 'failed' | 'interrupted'> {
  if (run.kind === 'broken') return false;
  const { status } = run.manifest.state;
  return status === 'stopped' || status === 'paused' || status === 'failed' || status === 'interrupted';
}

function activityAfter(activity: Activity, event: RunEvent): Activity {
  switch (event.type) {
    case 'preparing':
      return { ...activity, preparing: event.what };
    case 'step':
      return { preparing: null, loss: event.loss };
    case 'started':
    case 'epoch':
    case 'done':
    case 'stopped':
    case 'paused':
    case 'failed':
      return activity;
    default:
      return assertNever(event);
  }
}
