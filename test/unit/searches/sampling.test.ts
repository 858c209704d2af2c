import { spawnSync } from 'node:child_process';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSampler, type KnownTrial } from '../../../src/searches/sampling';
import type { OptunaSamplerName, Search, TrialValues } from '../../../src/study/search/search';

const SEARCH: Search = {
  ...{ name: 'a', experiment: 'a.experiment.yaml', budget: { trials: 30 }, seeds: 1, rungs: 1 },
  ...{ reduction: 3, sampler: 'random', metric: 'validation_accuracy', seed: 3, atOnce: 1 },
  parameters: [
    {
      ...{ kind: 'range', key: 'optimizer.base_lr', path: ['optimizer', 'base_lr'] },
      ...{ low: 1e-4, high: 1, isLog: true, isInteger: false },
    },
    {
      ...{ kind: 'range', key: 'data.batch_size', path: ['data', 'batch_size'] },
      ...{ low: 8, high: 64, isLog: false, isInteger: true },
    },
  ],
};

/**
 * Returns a Python that can import these modules, if the machine has one: the one that a variable names, or the one on
 * PATH.
 */
function pythonWith(...modules: string[]): string | undefined {
  const { BAG_OF_TRICKS_PYTHON: python = 'python3' } = process.env;
  const code = `import sys, ${modules.join(', ')}; print(sys.executable)`;
  const { status, stdout } = spawnSync(python, ['-c', code], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Best at a base learning rate of 0.1. */
const scoreOf = (values: TrialValues) => -((Math.log10(values['optimizer.base_lr'] ?? 0) + 1) ** 2);

async function drawn(search: Search, count: number, python?: string): Promise<KnownTrial[]> {
  const sampler = createSampler(search, [1], python);
  onTestFinished(() => sampler.close());
  const trials: KnownTrial[] = [];
  for (let id = 0; id < count; id++) {
    const values = await sampler.next(id, trials);
    trials.push({ id, values, results: [scoreOf(values)], isRunning: false });
  }
  return trials;
}

describe.each(['random', 'quasi_random'] as const)('the sampler %s', (sampler) => {
  test('draws the same wherever it starts', async () => {
    const whole = await drawn({ ...SEARCH, sampler }, 8);
    const later = createSampler({ ...SEARCH, sampler }, [1]);
    expect(await later.next(5, whole.slice(0, 5))).toEqual(whole[5]?.values);
    expect(new Set(whole.map(({ values }) => JSON.stringify(values))).size).toBe(8);
  });
});

describe.each([
  ['tpe', ['optuna'], 30],
  ['cmaes', ['optuna', 'cmaes'], 40],
  ['gp', ['optuna', 'scipy', 'torch'], 15],
] as const)("Optuna's sampler %s", (sampler: OptunaSamplerName, modules, count) => {
  const python = pythonWith(...modules);

  test.skipIf(python === undefined)('learns: its last trials are better than its first ones', async () => {
    const trials = await drawn({ ...SEARCH, sampler }, count, python);
    const mean = (some: readonly KnownTrial[]) =>
      some.reduce((sum, { values }) => sum + scoreOf(values), 0) / some.length;
    expect(mean(trials.slice(-5))).toBeGreaterThan(mean(trials.slice(0, 5)));
    for (const { values } of trials) {
      expect(values['optimizer.base_lr']).toBeGreaterThanOrEqual(1e-4);
      expect(values['optimizer.base_lr']).toBeLessThanOrEqual(1);
      expect(Number.isInteger(values['data.batch_size'])).toBe(true);
    }
  });
});

const plainPython = pythonWith('json');

test.skipIf(plainPython === undefined || pythonWith('optuna') !== undefined)(
  'a Python without Optuna gets instructions to install it',
  async () => {
    await expect(drawn({ ...SEARCH, sampler: 'tpe' }, 1, plainPython)).rejects.toThrow(
      'has no optuna, which the sampler tpe needs',
    );
  },
);

test('a program that is not Python is named', async () => {
  await expect(drawn({ ...SEARCH, sampler: 'tpe' }, 1, process.execPath)).rejects.toThrow(
    'The sampler tpe failed in',
  );
});
