import { AttemptFence } from '../../protocol/attempts';
import type { FinalState } from '../../protocol/manifest';
import type { EventBatch, Position } from '../logParser';
import { metricsPath } from '../store';
import { LogReader } from './logReader';

/** The source that wakes a raw subscription. */
export interface RawFeed {
  readonly folder: string;
  poke(): void;
  tell(state: FinalState): void;
  remove(subscription: RawSubscription): void;
}

/** A subscriber of every event in a run's log. The log itself stores the pending events. */
export class RawSubscription {
  readonly #reader: LogReader;
  #fence = new AttemptFence();
  #reading: Promise<void> = Promise.resolve();
  #isAsked = false;
  #isClosed = false;

  constructor(
    private readonly feed: RawFeed,
    from: Position,
    private readonly onEvents: (batch: EventBatch) => void | Promise<void>,
    readonly onError: (error: unknown) => void,
  ) {
    this.#reader = new LogReader(metricsPath(feed.folder));
    this.#reader.startAt(from);
  }

  /** Reads on after the previous events are processed. Coalesces many calls into one read. */
  wake(): void {
    if (this.#isAsked || this.#isClosed) return;
    this.#isAsked = true;
    this.#reading = this.#reading.then(() => {
      this.#isAsked = false;
      return this.#read();
    });
  }

  /** Resolves when the log's current content is delivered and processed. */
  drain(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  /** The log has grown. */
  poke(): void {
    this.feed.poke();
  }

  /** As `FeedSubscription.tell`. */
  tell(state: FinalState): void {
    this.feed.tell(state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.feed.remove(this);
  }

  async #read(): Promise<void> {
    if (this.#isClosed) return;
    try {
      for await (const { batch, isAnew } of this.#reader.read()) {
        if (this.#isClosed) return;
        if (isAnew) this.#fence = new AttemptFence();
        const events = batch.events.filter((event) => this.#fence.accepts(event));
        if (events.length > 0 || batch.skipped > 0) await this.onEvents({ events, skipped: batch.skipped });
      }
    } catch (error) {
      this.onError(error);
    }
  }
}
