import { AttemptFence } from './attempts';
import type { RunEvent } from './events';

/** Start and duration of a run's training, according to its log. */
export interface TrainingTime {
  /** Time at which its first trainer had loaded an engine, in milliseconds since 1970. Null if none is recorded. */
  readonly startedAt: number | null;
  /** Total working time of its trainers, without waits in the queue. Null if none is recorded. */
  readonly seconds: number | null;
}

/**
 * Returns the start of a run's training and the total working time so far: from the first to the last event of each
 * trainer.
 */
export function trainingTimeOf(events: readonly RunEvent[]): TrainingTime {
  const fence = new AttemptFence();
  let startedAt: number | null = null;
  let ms = 0;
  let last: number | null = null;
  for (const event of events) {
    if (!fence.accepts(event)) continue;
    if (event.type === 'started') startedAt ??= event.time;
    else if (last !== null) ms += Math.max(0, event.time - last);
    // The time from an end to the next start does not count.
    if (startedAt !== null) last = event.time;
  }
  return { startedAt, seconds: startedAt === null ? null : ms / 1000 };
}
