import { Random, type RandomState } from './random';

/** The state of each stream, by name. */
export type StreamStates = Readonly<Record<string, RandomState>>;

/**
 * A run's random streams, one per purpose, so that drawing more from one does not affect the others. A stream that is
 * missing in the saved states starts at its beginning.
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

  /** The states of all streams requested so far, and the saved states of those that were not. */
  get states(): StreamStates {
    const asked = Object.fromEntries([...this.#streams].map(([name, stream]) => [name, stream.state]));
    return { ...this.saved, ...asked };
  }
}
