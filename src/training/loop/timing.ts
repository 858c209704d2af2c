/** Number of steps for the reported speed. */
const SPEED_WINDOW_STEPS = 10;

/** Elapsed time, including that of earlier attempts. */
export class Stopwatch {
  readonly #start = performance.now();

  constructor(private readonly before: number = 0) {}

  get seconds(): number {
    return this.before + secondsSince(this.#start);
  }
}

/** Images per second over the last steps. */
export class Speed {
  readonly #times = [performance.now()];

  constructor(private readonly batchSize: number) {}

  afterStep(): number {
    const now = performance.now();
    this.#times.push(now);
    if (this.#times.length > SPEED_WINDOW_STEPS + 1) this.#times.shift();
    const steps = this.#times.length - 1;
    // Avoids an infinite speed if the timer is too coarse to separate two steps.
    const seconds = Math.max(now - (this.#times[0] as number), 1e-3) / 1000;
    return (steps * this.batchSize) / seconds;
  }
}

/** Returns the seconds since a value of `performance.now()`. */
export function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
