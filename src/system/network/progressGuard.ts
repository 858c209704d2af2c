import * as l10n from '@vscode/l10n';

/** Fewer bytes a second than this, over a whole time limit, are no progress. */
const LEAST_BYTES_PER_S = 1024;

/**
 * Watches over one request: it is aborted when its server makes no progress, or by the person. A server makes progress as
 * long as it sends at least 1 KiB/s on average over each time limit; the time that the receiver takes does not count.
 *
 * Whoever waits is woken by the guard itself, and does not rely on `fetch` to heed its signal: a signal that nobody else
 * holds may be collected as garbage, and then never fires (nodejs/node#54614).
 */
export class ProgressGuard {
  readonly #end = new AbortController();
  readonly #idleTimeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = () => this.#abort(this.#outer?.reason);
  #remainingMs: number;
  #bytes = 0;
  #wake: ((reason: unknown) => void) | null = null;

  /** @param outer The person's; its reason is what waiting then rejects with. */
  constructor(idleTimeoutMs: number, outer?: AbortSignal) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#remainingMs = idleTimeoutMs;
    this.#outer = outer;
    if (outer?.aborted) this.#end.abort(outer.reason);
    else outer?.addEventListener('abort', this.#onOuterAbort);
  }

  /** For `fetch`. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /**
   * Waits for the server.
   *
   * @throws the work's error; an Error that says how long nothing came; the outer signal's reason when aborted
   */
  async waitFor<Result>(work: () => Promise<Result>): Promise<Result> {
    this.signal.throwIfAborted();
    const startedAt = performance.now();
    const timer = setTimeout(() => this.#abort(this.#tooSlow()), Math.max(0, this.#remainingMs));
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#wake = reject;
        work().then(resolve, reject);
      });
    } finally {
      this.#wake = null;
      clearTimeout(timer);
      this.#remainingMs -= performance.now() - startedAt;
    }
  }

  /** Counts what the server sent. */
  received(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < (LEAST_BYTES_PER_S * this.#idleTimeoutMs) / 1000) return;
    this.#bytes = 0;
    this.#remainingMs = this.#idleTimeoutMs;
  }

  /** Ends the request: whatever is left of an answer would keep the process alive. */
  end(): void {
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
    this.#end.abort();
  }

  #abort(reason: unknown): void {
    this.#wake?.(reason);
    this.#end.abort(reason);
  }

  #tooSlow(): Error {
    const seconds = this.#idleTimeoutMs / 1000;
    return new Error(
      this.#bytes === 0
        ? l10n.t('The server was silent for {0} s.', seconds)
        : l10n.t('The server is too slow: it sent {0} bytes in {1} s.', this.#bytes, seconds),
    );
  }
}

/** What a failed request says of itself: its own error says no more than that it failed, its cause says why. */
export function requestReason(error: Error): string {
  const { cause = error } = error;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}
