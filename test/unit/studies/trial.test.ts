import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRun } from '../../../src/runs/supervisor';
import type { TrainerCommand } from '../../../src/runs/trainerCommand';
import { tryOut } from '../../../src/studies/probes/trial';
import { ours } from '../../support/ourRecipe';
import { standIn } from './standIn';
import { read, sourceIn, studyTests } from './support';

const tests = studyTests();

test('a trial ends with its process, and removes leftovers of killed processes', async () => {
  await tests.replaceTrainer(standIn('0.5'));
  const probes = join(tests.root, '.bag-of-tricks/probes');
  for (const name of ['left', 'young']) {
    await mkdir(join(probes, name), { recursive: true });
    await writeFile(join(probes, name, 'run.json'), '{');
  }
  await utimes(join(probes, 'left'), 0, 0);
  const source = sourceIn(tests.root);
  const recipe = ours(read(tests.root, source).baseline.recipe);
  const given: Partial<TrainerCommand>[] = [];
  const start = (folder: string, changes: Partial<TrainerCommand>) => {
    given.push(changes);
    return startRun(folder, { nodePath: process.execPath, trainerPath: tests.trainerPath, ...changes });
  };
  const tried = { recipe, experimentFile: source.experiment.file };
  const trials = await tryOut(tried, 2, { root: tests.root, start, threads: 1 });
  expect(trials.map(({ started }) => started.engine.threads)).toEqual([1, 1]);
  expect(given).toEqual([
    { stopWithParent: true, runsPerGpu: 2, threads: 1 },
    { stopWithParent: true, runsPerGpu: 2, threads: 1 },
  ]);
  expect(await readdir(probes)).toEqual(['young']);
});
