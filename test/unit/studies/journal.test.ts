import { getEventListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startRun } from '../../../src/runs/supervisor';
import { experimentsOf } from '../../../src/studies/planning';
import { tryOut } from '../../../src/studies/probes/trial';
import { readStudy } from '../../../src/studies/store';
import { ours } from '../../support/ourRecipe';
import { ACCURACY, standIn } from './standIn';
import { studyIn, studyTests } from './support';

const tests = studyTests();

interface Operation {
  readonly op_code: number;
  readonly params?: Readonly<Record<string, number>>;
  readonly user_attrs?: { readonly seed: number; readonly run: string };
  readonly state?: number;
  readonly values?: readonly number[] | null;
}

async function operationsIn(folder: string): Promise<Operation[]> {
  const text = await readFile(join(folder, 'optuna.log'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the optuna.log of a study', () => {
  test('has each of its runs as a trial, with its levels, seed and metric', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const { folder } = await studyIn(tests.root);
    expect((await tests.program(folder).worker.run()).status).toBe('done');
    const study = await readStudy(folder);
    if (study.kind === 'broken') throw new Error(study.reason);
    const { record } = study;
    const operations = await operationsIn(folder);
    const started = operations.filter(({ op_code }) => op_code === 4);
    expect(started).toHaveLength(8);
    for (const { params, user_attrs } of started) {
      const run = record.runs.find((each) => each.run === user_attrs?.run);
      expect(Object.values(params ?? {})).toEqual(run?.setting);
      expect(user_attrs?.seed).toBe(record.seeds[run?.block ?? -1]);
    }
    const ended = operations.filter(({ op_code }) => op_code === 6);
    expect(ended.map(({ state }) => state)).toEqual(started.map(() => 1));
    for (const { values } of ended) expect(values?.[0]).toBeGreaterThan(50);
  });

  test('has a run that diverged as a failed trial without a value', async () => {
    await tests.replaceTrainer(standIn(`recipe.initialization.zeroGamma ? 0.1 : ${ACCURACY}`));
    const { folder } = await studyIn(tests.root);
    await tests.program(folder).worker.run();
    const operations = await operationsIn(folder);
    const started = operations.filter(({ op_code }) => op_code === 4);
    const ended = operations.filter(({ op_code }) => op_code === 6);
    expect(ended).toHaveLength(8);
    for (const [index, { state, values }] of ended.entries()) {
      const isOn = started[index]?.params?.zero_gamma === 1;
      expect([state, values === null]).toEqual(isOn ? [3, true] : [1, false]);
    }
  });
});

test('a trial leaves no listener at the signal that would end it', async () => {
  await tests.replaceTrainer(standIn(ACCURACY));
  const { record } = await studyIn(tests.root);
  const recipe = ours(experimentsOf(tests.root, record).experimentAt([0, 0], 0, 0).recipe);
  const { signal } = new AbortController();
  const start = (run: string) =>
    startRun(run, { nodePath: process.execPath, trainerPath: tests.trainerPath });
  for (let count = 0; count < 2; count++) {
    const [trial] = await tryOut({ recipe, experimentFile: record.experiment.file }, 1, {
      ...{ root: tests.root, start, steps: 2, signal },
    });
    expect(trial?.steps.length).toBeGreaterThan(1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
});
