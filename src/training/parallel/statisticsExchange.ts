import * as l10n from '@vscode/l10n';
import type { BatchShards } from '../../backends/batchShards';
import type { Graph } from '../../models/graph';
import { UserError } from '../../shared/userError';
import { resumeRemedy } from './remedy';

/** Shared memory in which threads exchange the sums of their batch norms. */
export interface ExchangeMemory {
  /** Indexed by `ARRIVED`, `GENERATION` and `IS_BROKEN`. */
  readonly state: Int32Array;
  /** Two tables [threads, values]. While one is still being read, the next exchange writes to the other. */
  readonly values: Float64Array;
  /** Maximum number of values per thread. */
  readonly capacity: number;
}

/** Number of threads that have delivered their values. */
const ARRIVED = 0;
/** Number of exchanges so far. Wraps around. */
const GENERATION = 1;
/** 1 after a thread was lost. */
const IS_BROKEN = 2;

/** Number of checks for the other threads before this one sleeps. Waking it takes longer than most waits. */
const SPINS = 2000;
/** How often a waiting thread checks whether another was lost. */
const RECHECK_MS = 100;
/** The longest wait, counted in checks, so that a suspended computer does not cause a timeout. */
const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * Another thread was lost, so the batch's statistics will never arrive. The code that detected the loss knows the
 * reason.
 */
export class ExchangeBrokenError extends Error {
  constructor() {
    super('Another thread of the training was lost');
    this.name = 'ExchangeBrokenError';
  }
}

/** Allocates the memory for a network's batch norms on several threads. */
export function allocateExchange({ layers }: Graph, threads: number): ExchangeMemory {
  const channels = layers.map(({ kind, shape }) => (kind === 'batch_norm' ? (shape.at(-1) as number) : 0));
  // A mean and a variance per channel, or two sums.
  const capacity = 2 * Math.max(...channels);
  return {
    state: new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)),
    values: new Float64Array(new SharedArrayBuffer(2 * threads * capacity * Float64Array.BYTES_PER_ELEMENT)),
    capacity,
  };
}

/** Wakes all waiting threads and makes each fail, in this exchange or in its next one. */
export function breakExchange({ state }: ExchangeMemory): void {
  Atomics.store(state, IS_BROKEN, 1);
  Atomics.notify(state, GENERATION);
}

/**
 * One thread's side of the exchanges. All threads with a shard take part in each exchange. They run the same layers in
 * the same order, so one counter is enough. A thread without a shard takes no part and does not need to know what it
 * missed.
 */
export class StatisticsExchange implements BatchShards {
  /**
   * @param index This thread's shard.
   * @param images Number of images per shard; none has 0.
   * @param isOtherGone Returns whether a thread ended without a message. Called while this thread waits.
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
    // It cannot change until this thread arrives.
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
    what: l10n.t('A training thread does not respond.'),
    remedy: resumeRemedy(),
  });
}
