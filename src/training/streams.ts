import { Random, type RandomState } from './random';

/** Where each stream stands, by its name. */
export type StreamStates = Readonly<Record<string, RandomState>>;

/**
 * A run's streams of random numbers, one for each purpose, so that drawing more for one leaves the others be. A stream
 * that the saved states do not know starts at its beginning.
 */
export class Streams {
  readonly #streams = new Map<string, Random>();

  constructor(
    private readonly seed: number,
    private readonly saved: StreamStates = {},
  ) {}

  get(name: string): Random {
    const known = this.#streams.get(name);
    if (known) return known;
    const state = this.saved[name];
    const stream = state ? Random.restored(state) : Random.seeded(this.seed, name);
    this.#streams.set(name, stream);
    return stream;
  }

  /** Where each stream stands that was asked for so far, and those of the saved states that nobody asked for. */
  get states(): StreamStates {
    const asked = Object.fromEntries([...this.#streams].map(([name, stream]) => [name, stream.state]));
    return { ...this.saved, ...asked };
  }
}
