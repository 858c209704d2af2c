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

/** What of a run's log somebody wants: where it leads to, all steps and epochs, or about so many steps. */
export type Detail = 'state' | 'all' | { readonly points: number };

/** What somebody who follows a run is told. */
export interface RunUpdate {
  /** A snapshot takes the place of all that was told before; a delta follows it. */
  readonly type: 'snapshot' | 'delta';
  readonly run: FollowedRun;
  /** That lead a fold on, from nothing in a snapshot; none for who wants the state alone. */
  readonly events: readonly RunEvent[];
}

/** What a subscription takes its updates from. */
export interface Feed {
  /** Null before the first reading. */
  readonly run: FollowedRun | null;
  /** The number of the reading of the log that `fold` is of. */
  readonly reading: number;
  /** Null where nobody wants steps. */
  readonly fold: RunFold | null;
  remove(subscription: FeedSubscription): void;
  poke(): void;
  flushSoon(): void;
  refresh(): Promise<FollowedRun | null>;
  tell(state: FinalState): void;
}

/**
 * Which steps of a log are read for several who want it: by how many bytes of it are left; `tail` where its end is enough.
 */
export function strideOf(details: readonly Detail[]): 'tail' | ((bytesLeft: number) => number) {
  const points = Math.max(0, ...details.map(pointsOf));
  return points === 0 ? 'tail' : strideFor(points);
}

/** By points, so that those who want the same are seen to. */
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

/** Somebody who follows a run. Of what they have not got yet, only where it begins is kept. */
export class FeedSubscription {
  #told: FollowedRun | null = null;
  /** The reading of the log that was told of. */
  #reading = 0;
  #cursor: FoldCursor = FOLD_START;
  /** The update that is being taken. */
  #taking: Promise<void> | null = null;
  #isPaused = false;
  #isClosed = false;

  constructor(
    private readonly feed: Feed,
    readonly detail: Detail,
    private readonly onUpdate: (update: RunUpdate) => void | Promise<void>,
    readonly onError: (error: unknown) => void,
  ) {}

  /** The run as it was last told. */
  get run(): FollowedRun | null {
    return this.#told;
  }

  /** Whether it was told nothing yet. */
  get isNew(): boolean {
    return this.#told === null && !this.#isPaused;
  }

  /** Reads what the folder says by now, tells all who are ready, and resolves with it. */
  refresh(): Promise<FollowedRun | null> {
    return this.feed.refresh();
  }

  /** The log has grown. */
  poke(): void {
    this.feed.poke();
  }

  /** Tells how the run ended: for who waited for it, and may know what no disk could take. It holds until the run is changed. */
  tell(state: FinalState): void {
    this.feed.tell(state);
  }

  /** Tells nothing until `resume`, such as while a page is hidden. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Tells a snapshot, then goes on. */
  resume(): void {
    this.#isPaused = false;
    this.#told = null;
    // Whoever took updates before is gone.
    this.#taking = null;
    this.send();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.feed.remove(this);
  }

  /** The log was rewound: so much of what was there before still stands. */
  keep({ steps, epochs }: MetricsCursor): void {
    if (this.#cursor.steps <= steps && this.#cursor.epochs <= epochs) return;
    const kept = {
      steps: Math.min(this.#cursor.steps, steps),
      epochs: Math.min(this.#cursor.epochs, epochs),
    };
    this.#cursor = { ...this.#cursor, ...kept };
  }

  /** Tells what is new, if something is and the last update was taken. */
  send(): void {
    const { run, reading } = this.feed;
    if (!run || this.#taking || this.#isPaused || this.#isClosed) return;
    const fold = this.detail === 'state' ? null : this.feed.fold;
    // Where the state alone is wanted, a log that was read anew makes no difference.
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
