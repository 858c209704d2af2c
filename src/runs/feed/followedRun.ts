import { isDeepStrictEqual } from 'node:util';
import type { FinalState } from '../../protocol/manifest';
import { type LogStanding, stateOfRun } from '../../protocol/standing';
import type { ReadableEntry, RunEntry } from '../store';

/** Information about a run in training that only its log has. */
export interface Activity {
  /** Work before the first step, such as a download. Null after training has started. */
  readonly preparing: string | null;
  /** Loss of the last batch, or null before the first. */
  readonly loss: number | null;
}

export const NO_ACTIVITY: Activity = { preparing: null, loss: null };

/** A run according to all files in its folder, including the log. */
export type FollowedRun = RunEntry & { readonly activity: Activity };

/** A followed run with a readable manifest. */
export type ReadableFollowedRun = ReadableEntry & { readonly activity: Activity };

/**
 * Combines a run's manifest, lease and log.
 *
 * @param told the final state reported by a process that waited for the run, which could not be written
 */
export function followedRun(entry: RunEntry, log: LogStanding, told: FinalState | null): FollowedRun {
  if (entry.kind === 'broken') return { ...entry, activity: NO_ACTIVITY };
  const { manifest, isUncertain, ...rest } = entry;
  const state = told ?? stateOfRun(manifest, log);
  const isCurrent = log.attempt >= (manifest.attempt ?? 0);
  const engine = (isCurrent && log.started?.engine) || manifest.engine;
  // After the trainer has reported an end, it does not matter whether it is alive.
  const mayLive = isUncertain && state.status === manifest.state.status;
  return {
    ...rest,
    manifest: { ...manifest, state, engine },
    ...(mayLive && { isUncertain }),
    activity: isCurrent
      ? {
          preparing: log.preparing?.what ?? null,
          loss: log.hasTrained ? (log.lastStep?.loss ?? null) : null,
        }
      : NO_ACTIVITY,
  };
}

/**
 * Whether two reads of a run are equal. An unchanged manifest keeps its recipe object, so only the parts that may
 * change are compared in depth.
 */
export function isSameRun(a: FollowedRun, b: FollowedRun): boolean {
  if (a.kind === 'broken' || b.kind === 'broken') return isDeepStrictEqual(a, b);
  return (
    a.isUncertain === b.isUncertain &&
    a.manifest.recipe === b.manifest.recipe &&
    a.manifest.name === b.manifest.name &&
    a.manifest.endedAt === b.manifest.endedAt &&
    a.manifest.attempt === b.manifest.attempt &&
    isDeepStrictEqual(
      [a.manifest.state, a.manifest.engine, a.manifest.python, a.manifest.gpus, a.activity],
      [b.manifest.state, b.manifest.engine, b.manifest.python, b.manifest.gpus, b.activity],
    )
  );
}
