import type { RunEvent } from '../../protocol/events';
import {
  cursorOf,
  eventsSince,
  FOLD_START,
  type FoldCursor,
  type MetricsCursor,
  type RunFold,
} from '../../protocol/fold';
import type { FinalState } from '../../protocol/manifest';
import { thinningStride } from '../log';
import type { FollowedRun } from './followedRun';

/** Required detail of a run's log: only its current state, all steps and epochs, or about this many steps. */
export type Detail = 'state' | 'all' | { readonly points: number };

/** An update for a subscriber of a run. */
export interface RunUpdate {
  /** A snapshot replaces everything sent before. A delta adds to it. */
  readonly type: 'snapshot' | 'delta';
  readonly run: FollowedRun;
  /** Events that advance a fold, or build one from scratch in a snapshot. Empty for `state` subscribers. */
  readonly events: readonly RunEvent[];
}

/** The source of a subscription's updates. */
export interface Feed {
  /** Null before the first read. */
  readonly run: FollowedRun | null;
  /** Number of the log read that `fold` belongs to. */
  readonly reading: number;
  /** Null if no subscriber needs steps. */
  readonly fold: RunFold | null;
  remove(subscription: FeedSubscription): void;
  poke(): void;
  flushSoon(): void;
  refresh(): Promise<FollowedRun | null>;
  tell(state: FinalState): void;
}

/**
 * Determines the step stride for several subscribers, as a function of the bytes left in the log. Returns `tail` if the
 * end of the log is enough.
 */
export function strideOf(details: readonly Detail[]): 'tail' | ((bytesLeft: number) => number) {
  const points = Math.max(0, ...details.map(pointsOf));
  return points === 0 ? 'tail' : strideFor(points);
}

/** Cached by points, so that equal demands yield the same function. */
const strides = new Map<number, (bytesLeft: number) => number>();

function strideFor(points: number): (bytesLeft: number) => number {
  const known = strides.get(points);
  if (known) return known;
  const stride = (bytesLeft: number) => (Number.isFinite(points) ? thinningStride(bytesLeft, points) : 1);
  strides.set(points, stride);
  return stride;
}

function pointsOf(detail: Detail): number {
  if (detail === 'state') return 0;
  return detail === 'all' ? Number.POSITIVE_INFINITY : detail.points;
}

/** A subscriber of a run. Pending events are not stored, only the position where they begin. */
export class FeedSubscription {
  #told: FollowedRun | null = null;
  /** The log read of the last update. */
  #reading = 0;
  #cursor: FoldCursor = FOLD_START;
  /** The update that the subscriber is processing. */
  #taking: Promise<void> | null = null;
  #isPaused = false;
  #isClosed = false;

  constructor(
    private readonly feed: Feed,
    readonly detail: Detail,
    private readonly onUpdate: (update: RunUpdate) => void | Promise<void>,
    readonly onError: (error: unknown) => void,
  ) {}

  /** The run as of the last update. */
  get run(): FollowedRun | null {
    return this.#told;
  }

  /** Whether there was no update yet. */
  get isNew(): boolean {
    return this.#told === null && !this.#isPaused;
  }

  /** Reads the current state of the folder, updates all ready subscribers, and resolves to the state. */
  refresh(): Promise<FollowedRun | null> {
    return this.feed.refresh();
  }

  /** The log has grown. */
  poke(): void {
    this.feed.poke();
  }

  /**
   * Reports a run's final state from a process that waited for it, which may know it even if a full disk prevented
   * writing it. Valid until the run changes.
   */
  tell(state: FinalState): void {
    this.feed.tell(state);
  }

  /** Suspends updates until `resume`, for example while a page is hidden. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Sends a snapshot, then continues with deltas. */
  resume(): void {
    this.#isPaused = false;
    this.#told = null;
    // The receiver of the previous updates no longer exists.
    this.#taking = null;
    this.send();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.feed.remove(this);
  }

  /** The log was rewound: only this much of the earlier content is still valid. */
  keep({ steps, epochs }: MetricsCursor): void {
    if (this.#cursor.steps <= steps && this.#cursor.epochs <= epochs) return;
    const kept = {
      steps: Math.min(this.#cursor.steps, steps),
      epochs: Math.min(this.#cursor.epochs, epochs),
    };
    this.#cursor = { ...this.#cursor, ...kept };
  }

  /** Sends an update if there is something new and the previous one has been processed. */
  send(): void {
    const { run, reading } = this.feed;
    if (!run || this.#taking || this.#isPaused || this.#isClosed) return;
    const fold = this.detail === 'state' ? null : this.feed.fold;
    // For a `state` subscriber, a fresh read of the log changes nothing.
    const isOther = this.#told?.kind !== run.kind || (fold !== null && reading !== this.#reading);
    if (isOther) this.#cursor = FOLD_START;
    const events = fold ? eventsSince(fold, this.#cursor) : [];
    if (!isOther && events.length === 0 && run === this.#told) return;
    this.#told = run;
    this.#reading = reading;
    if (fold) this.#cursor = cursorOf(fold);
    const taken = this.#tell({ type: isOther ? 'snapshot' : 'delta', run, events });
    if (!taken) return;
    this.#taking = taken;
    void taken.finally(() => {
      if (this.#taking !== taken) return;
      this.#taking = null;
      this.feed.flushSoon();
    });
  }

  #tell(update: RunUpdate): Promise<void> | undefined {
    try {
      return this.onUpdate(update)?.catch(this.onError);
    } catch (error) {
      this.onError(error);
      return undefined;
    }
  }
}
