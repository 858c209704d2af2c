import type { RunState } from '../../protocol/manifest';
import type { FollowedRun } from '../../runs/feed/followedRun';
import type { RunEntry } from '../../runs/store';

/** A run in the open folders. */
export type KnownRun = FollowedRun & {
  /** The folder that contains the store. */
  readonly root: string;
  /** The new path of its experiment file, if that was renamed. */
  readonly movedTo?: string;
};

/** A run with a readable manifest. */
export type ReadableRun = Extract<KnownRun, { kind: 'run' }>;

type InState<Status extends RunState['status']> = ReadableRun & {
  readonly manifest: { readonly state: Extract<RunState, { status: Status }> };
};

/** Whether a run is queued or running. */
export function isLive(run: KnownRun): run is InState<'queued' | 'running'> {
  return run.kind === 'run' && isLiveState(run.manifest.state);
}

function isLiveState({ status }: RunState): boolean {
  return status === 'queued' || status === 'running';
}

export function isRunning(run: KnownRun): run is InState<'running'> {
  return run.kind === 'run' && run.manifest.state.status === 'running';
}

/**
 * Whether both a run's files and its feed say that it is no longer live. The feed alone knows an end that could not be
 * written, for as long as it is followed.
 */
export function isOver(entry: RunEntry, followed: KnownRun): boolean {
  return [entry, followed].every((run) => run.kind === 'broken' || !isLiveState(run.manifest.state));
}

/** Whether a run ended early and can be resumed. */
export function isResumable(run: KnownRun): run is InState<'stopped' | 'paused' | 'failed' | 'interrupted'> {
  if (run.kind === 'broken') return false;
  const { status } = run.manifest.state;
  return status === 'stopped' || status === 'paused' || status === 'failed' || status === 'interrupted';
}
