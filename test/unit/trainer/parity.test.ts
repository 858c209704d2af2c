/**
 * Trainings on an image folder compared with PyTorch's, from the same weights. bench/parity/folder.py wrote the weights
 * and PyTorch's losses.
 */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { THREADS } from '../../../src/protocol/trainer';
import type { EngineName } from '../../../src/recipe/engineNames';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { indexedRecipe } from './indexedRecipe';
import { queueRun, trainerTests } from './trainerProcess';

/** Tolerance of a loss, relative to PyTorch's. */
const LIMIT = 1e-3;
/** Tolerance of the first loss, before updates amplify rounding: images with different bytes would show. */
const FIRST_LIMIT = 1e-5;

const FIXTURE = join(import.meta.dirname, '..', '..', 'fixtures', 'parity');

interface Cases {
  readonly experiment: { readonly data: object };
  readonly cases: readonly { readonly name: string; readonly data: object }[];
}

interface Losses {
  readonly name: string;
  /** One per step. */
  readonly losses: readonly number[];
  /** One per epoch. */
  readonly validationLosses: readonly number[];
}

const { experiment, cases } = await readJson<Cases>('cases.json');
const { results } = await readJson<{ readonly results: readonly Losses[] }>('losses.json');

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(FIXTURE, name), 'utf8')) as T;
}

function expectClose(actual: readonly number[], expected: readonly number[], limit = LIMIT): void {
  expect(actual).toHaveLength(expected.length);
  const differences = actual.map((loss, at) => Math.abs(loss / expected[at]! - 1));
  expect(Math.max(...differences), `${actual}, PyTorch's are ${expected}`).toBeLessThan(limit);
}

const tests = trainerTests();

// The other engines are compared with wasm elsewhere. Each of our threads gets a shard of the batch.
const engines = PRESENT_ENGINES.flatMap((name): { engine: EngineName; threads: number }[] => {
  if (name === 'wasm') return [1, 2, 4].map((threads) => ({ engine: name, threads }));
  return name === 'tensorflow' ? [{ engine: name, threads: 1 }] : [];
});

describe.each(engines)(
  'losses on $engine, $threads threads, are those of PyTorch for images that are',
  (on) => {
    test.each(cases)('$name', async ({ name, data }) => {
      await cp(FIXTURE, tests.store, { recursive: true });
      const recipe = await indexedRecipe(tests.store, {
        ...experiment,
        data: { ...experiment.data, ...data },
        engine: on.engine,
      });
      const trainer = tests.start(await queueRun(tests.store, recipe), { [THREADS]: `${on.threads}` });
      expect(await trainer.exited, trainer.output).toEqual({ code: 0, signal: null });
      const events = await trainer.events();
      const expected = results.find((result) => result.name === name)!;
      const losses = events.flatMap((event) => (event.type === 'step' ? (event.loss ?? []) : []));
      expectClose(losses, expected.losses);
      expectClose(losses.slice(0, 1), expected.losses.slice(0, 1), FIRST_LIMIT);
      expectClose(
        events.flatMap((event) => (event.type === 'epoch' ? (event.validationLoss ?? []) : [])),
        expected.validationLosses,
      );
    });
  },
);
