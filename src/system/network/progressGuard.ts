import * as l10n from '@vscode/l10n';

/** Fewer bytes per second than this over a whole time limit count as no progress. */
const LEAST_BYTES_PER_S = 1024;

/**
 * Guards one request. Aborts it if its server makes no progress or the user cancels. A server makes progress if it
 * sends at least 1 KiB/s on average over each time limit. Time spent by the receiver does not count.
 *
 * The guard itself rejects pending waits and does not rely on `fetch` to respect its signal: a signal without other
 * references may be garbage-collected and then never fires (nodejs/node#54614).
 */
export class ProgressGuard {
  readonly #end = new AbortController();
  readonly #idleTimeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = () => this.#abort(this.#outer?.reason);
  #remainingMs: number;
  #bytes = 0;
  #wake: ((reason: unknown) => void) | null = null;

  /** @param outer the user's signal. Pending waits reject with its reason. */
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
   * @throws the work's error, an Error that says how long nothing arrived, or the outer signal's reason if aborted
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

  /** Counts bytes received from the server. */
  received(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < (LEAST_BYTES_PER_S * this.#idleTimeoutMs) / 1000) return;
    this.#bytes = 0;
    this.#remainingMs = this.#idleTimeoutMs;
  }

  /** Ends the request. The unread rest of a response would keep the process alive. */
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
        ? l10n.t('The server sent nothing for {0} s.', seconds)
        : l10n.t('The server is too slow: it sent {0} bytes in {1} s.', this.#bytes, seconds),
    );
  }
}

/** The reason of a failed request. Its own error only says that it failed, and its cause says why. */
export function requestReason(error: Error): string {
  const { cause = error } = error;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}
