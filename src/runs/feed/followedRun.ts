import { isDeepStrictEqual } from 'node:util';
import type { FinalState } from '../../protocol/manifest';
import { type LogStanding, stateOfRun } from '../../protocol/standing';
import type { ReadableEntry, RunEntry } from '../store';

/** What only the log of a run that is being trained says. */
export interface Activity {
  /** Work before the first step, such as a download; null once it trains. */
  readonly preparing: string | null;
  /** Of the last batch; null before the first. */
  readonly loss: number | null;
}

export const NO_ACTIVITY: Activity = { preparing: null, loss: null };

/** A run as all of its folder says it is, log included. */
export type FollowedRun = RunEntry & { readonly activity: Activity };

/** A followed run that can be read. */
export type ReadableFollowedRun = ReadableEntry & { readonly activity: Activity };

/**
 * What a run's manifest, lease and log come to.
 *
 * @param told how it ended, by who waited for it, where no disk could take that
 */
export function followedRun(entry: RunEntry, log: LogStanding, told: FinalState | null): FollowedRun {
  if (entry.kind === 'broken') return { ...entry, activity: NO_ACTIVITY };
  const { manifest, isUncertain, ...rest } = entry;
  const state = told ?? stateOfRun(manifest, log);
  const isCurrent = log.attempt >= (manifest.attempt ?? 0);
  const engine = (isCurrent && log.started?.engine) || manifest.engine;
  // Whether the trainer lives is of no account once it has said how the run ended.
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

/** Whether two readings of a run say the same; manifests that were read once are compared by what changes in them. */
export function isSameRun(a: FollowedRun, b: FollowedRun): boolean {
  if (a.kind === 'broken' || b.kind === 'broken') return isDeepStrictEqual(a, b);
  return (
    a.isUncertain === b.isUncertain &&
    a.manifest.recipe === b.manifest.recipe &&
    a.manifest.endedAt === b.manifest.endedAt &&
    a.manifest.attempt === b.manifest.attempt &&
    isDeepStrictEqual(
      [a.manifest.state, a.manifest.engine, a.activity],
      [b.manifest.state, b.manifest.engine, b.activity],
    )
  );
}
