import type { RunEvent } from './events';

type StepEvent = Extract<RunEvent, { type: 'step' }>;
type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

/**
 * The steps and epochs of a run as if it had never stopped. A log is append only: a trainer that goes on from a
 * checkpoint does the steps since then again, and the later ones count.
 */
export function settledMetrics(events: readonly RunEvent[]): (StepEvent | EpochEvent)[] {
  const settled: (StepEvent | EpochEvent)[] = [];
  for (const event of events) {
    if (event.type !== 'step' && event.type !== 'epoch') continue;
    while (isSuperseded(settled.at(-1), event)) settled.pop();
    settled.push(event);
  }
  return settled;
}

/** Whether `later` tells of the same part of the training as `earlier`, or of one before. */
function isSuperseded(earlier: StepEvent | EpochEvent | undefined, later: StepEvent | EpochEvent): boolean {
  if (!earlier) return false;
  // An epoch's step counts the steps done at its end, a step's own those before it.
  const endOf = ({ type, step }: StepEvent | EpochEvent) => (type === 'step' ? step + 1 : step);
  if (earlier.type === 'epoch' && later.type === 'step') return endOf(earlier) > later.step;
  if (earlier.type === 'step' && later.type === 'epoch') return endOf(earlier) > endOf(later);
  return endOf(earlier) >= endOf(later);
}
