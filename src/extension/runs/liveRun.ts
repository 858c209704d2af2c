import type { RunState } from '../../protocol/manifest';
import type { FollowedRun } from '../../runs/feed/followedRun';

/** A run of the open folders. */
export type KnownRun = FollowedRun & {
  /** The folder that holds the store. */
  readonly root: string;
};

/** A run whose manifest could be read. */
export type ReadableRun = Extract<KnownRun, { kind: 'run' }>;

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
