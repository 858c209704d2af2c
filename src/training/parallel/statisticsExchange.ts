import * as l10n from '@vscode/l10n';
import type { BatchShards } from '../../backends/batchShards';
import type { Graph } from '../../models/graph';
import { UserError } from '../../shared/userError';
import { resumeRemedy } from './remedy';

/** Shared memory in which threads exchange what their batch norms add up. */
export interface ExchangeMemory {
  /** By `ARRIVED`, `GENERATION` and `IS_BROKEN`. */
  readonly state: Int32Array;
  /** Two tables [threads, values]: while one is still read, the next exchange writes to the other. */
  readonly values: Float64Array;
  /** Values of a thread, at most. */
  readonly capacity: number;
}

/** How many threads have handed over their values. */
const ARRIVED = 0;
/** How many exchanges there were; it wraps around. */
const GENERATION = 1;
/** 1 once a thread was lost. */
const IS_BROKEN = 2;

/** Looks for the other threads before this one sleeps. Waking it takes longer than most waits. */
const SPINS = 2000;
/** A waiting thread looks this often whether another was lost. */
const RECHECK_MS = 100;
/** The longest wait, counted in looks, so that a computer that sleeps does not end it. */
const LONGEST_WAIT_MS = 10 * 60_000;

/** Another thread was lost, so that the batch's statistics never come. Whoever lost it knows why. */
export class ExchangeBrokenError extends Error {
  constructor() {
    super('Another thread of the training was lost');
    this.name = 'ExchangeBrokenError';
  }
}

/** The memory for a network's batch norms on some threads. */
export function allocateExchange({ layers }: Graph, threads: number): ExchangeMemory {
  const channels = layers.map(({ kind, shape }) => (kind === 'batch_norm' ? (shape.at(-1) as number) : 0));
  // A mean and a variance by channel, or two sums.
  const capacity = 2 * Math.max(...channels);
  return {
    state: new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)),
    values: new Float64Array(new SharedArrayBuffer(2 * threads * capacity * Float64Array.BYTES_PER_ELEMENT)),
    capacity,
  };
}

/** Wakes all threads that wait for others, and has each fail: at its next exchange, if not in this one. */
export function breakExchange({ state }: ExchangeMemory): void {
  Atomics.store(state, IS_BROKEN, 1);
  Atomics.notify(state, GENERATION);
}

/**
 * One thread's part in exchanges. The threads with a shard meet at each: all run the same layers in the same order, so
 * that one counter is enough. A thread without a shard takes no part, and needs to know nothing of what it missed.
 */
export class StatisticsExchange implements BatchShards {
  /**
   * @param index Which shard this thread has.
   * @param images How many images each shard has; none has 0.
   * @param isOtherGone Whether a thread ended without a word. Asked while this one waits.
   */
  constructor(
    private readonly memory: ExchangeMemory,
    private readonly index: number,
    readonly images: readonly number[],
    private readonly isOtherGone: () => boolean = () => false,
    private readonly longestWaitMs = LONGEST_WAIT_MS,
  ) {}

  exchange(values: Float64Array): readonly Float64Array[] {
    const { state, capacity } = this.memory;
    const shards = this.images.length;
    // It stands still until this thread arrives.
    const generation = Atomics.load(state, GENERATION);
    const table = (generation & 1) * (this.memory.values.length / 2);
    const part = (shard: number) => {
      const start = table + shard * capacity;
      return this.memory.values.subarray(start, start + values.length);
    };
    part(this.index).set(values);
    this.#failIfBroken();
    if (Atomics.add(state, ARRIVED, 1) === shards - 1) {
      Atomics.store(state, ARRIVED, 0);
      Atomics.add(state, GENERATION, 1);
      Atomics.notify(state, GENERATION);
    } else {
      this.#waitWhile(generation);
    }
    return this.images.map((_, shard) => part(shard));
  }

  #waitWhile(generation: number): void {
    const { state } = this.memory;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(state, GENERATION) !== generation) return;
    }
    for (let waitedMs = 0; Atomics.load(state, GENERATION) === generation; waitedMs += RECHECK_MS) {
      this.#failIfBroken();
      const isWoken = Atomics.wait(state, GENERATION, generation, RECHECK_MS) !== 'timed-out';
      if (isWoken) continue;
      if (this.isOtherGone()) throw new ExchangeBrokenError();
      if (waitedMs >= this.longestWaitMs) throw noAnswer();
    }
  }

  #failIfBroken(): void {
    if (Atomics.load(this.memory.state, IS_BROKEN) !== 0) throw new ExchangeBrokenError();
  }
}

function noAnswer(): UserError {
  return new UserError({
    what: l10n.t('A thread of the training does not answer.'),
    remedy: resumeRemedy(),
  });
}
