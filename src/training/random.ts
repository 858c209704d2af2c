import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';

/** A stream's position, as plain JSON. */
export type RandomState = readonly number[];

/** A seeded stream of random numbers (xoroshiro128+) whose position can be saved and restored. */
export class Random {
  readonly #generator: JumpableRandomGenerator;

  private constructor(generator: JumpableRandomGenerator) {
    this.#generator = generator;
  }

  /**
   * Returns a run's stream of that name at its start. Seeds it with a hash because the generator is linear: neighboring
   * seeds would give correlated numbers.
   */
  static seeded(seed: number, stream: string): Random {
    const hash = createHash('sha256').update(`${stream} ${seed}`).digest();
    return Random.restored([0, 4, 8, 12].map((offset) => hash.readInt32LE(offset)));
  }

  /** Returns a stream that continues from `state`. */
  static restored(state: RandomState): Random {
    return new Random(xoroshiro128plusFromState(state));
  }

  get state(): RandomState {
    return [...this.#generator.getState()];
  }

  /** Draws uniformly from [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Draws 32 random bits as an integer from 0 to 2^32 - 1, with half the work of `uniform`. */
  bits(): number {
    return this.#generator.next() >>> 0;
  }

  /** Draws an integer uniformly from 0 to `limit` - 1. */
  below(limit: number): number {
    return uniformInt(this.#generator, 0, limit - 1);
  }

  /**
   * Draws from a normal distribution with mean 0 and standard deviation 1 (Box and Muller 1958). Discards the second
   * number of the pair, so that there is no further state.
   */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Draws from the gamma distribution with this shape and scale 1 (Marsaglia and Tsang 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < x * x * 0.5 + d * (1 - v + Math.log(v))) return d * v;
    }
  }

  /** Draws from the distribution Beta(a, b), between 0 and 1. */
  beta(a: number, b: number): number {
    const x = this.gamma(a);
    const y = this.gamma(b);
    // For tiny shapes, both may underflow to 0. The distribution then concentrates at its ends.
    return x + y > 0 ? x / (x + y) : this.below(2);
  }

  /** Shuffles in place. All orders are equally likely (Fisher and Yates). */
  shuffle(values: { readonly length: number; [index: number]: number }): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const value = values[last] as number;
      values[last] = values[other] as number;
      values[other] = value;
    }
  }
}
