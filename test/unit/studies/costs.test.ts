import { expect, test } from 'vitest';
import { startRun } from '../../../src/runs/supervisor';
import { experimentsOf } from '../../../src/studies/planning';
import { measureCosts } from '../../../src/studies/probes/costs';
import { studyRecordSchema } from '../../../src/studies/record';
import { costChange } from '../../../src/study/costChange';
import { ACCURACY, standIn } from './standIn';
import { studyIn, studyTests } from './support';

const tests = studyTests();

/**
 * A trainer with a fake clock: a step takes 30 ms with zero gamma and 20 ms without, and the machine becomes a tenth
 * slower with every trial.
 */
const SLOWING = `
  {
    const { appendFileSync, readFileSync } = require('node:fs');
    const { join } = require('node:path');
    const trials = join(process.argv[2], '../trials');
    appendFileSync(trials, 'x');
    const slowness = 1.1 ** readFileSync(trials, 'utf8').length;
    const { recipe } = JSON.parse(readFileSync(join(process.argv[2], 'run.json'), 'utf8'));
    const period = slowness * (recipe.initialization.zeroGamma ? 30 : 20);
    const begun = Date.now();
    let count = 0;
    Date.now = () => begun + period * count++;
  }
${standIn(ACCURACY)}`;

test('costs are compared within rounds, of which there are five', async () => {
  await tests.replaceTrainer(SLOWING);
  const { record } = await studyIn(tests.root);
  const costs = await measureCosts(experimentsOf(tests.root, record), {
    ...{ root: tests.root, experimentFile: record.experiment.file, engine: 'wasm', seed: 0 },
    start: (run) => startRun(run, { nodePath: process.execPath, trainerPath: tests.trainerPath }),
  });
  const [gamma, smoothing] = costs;
  expect(costs.map(({ timeRatios }) => timeRatios?.length)).toEqual([5, 5]);
  // Baseline, gamma, then smoothing, and the reverse in the next round: of two neighbors the later is 1.1 times as
  // slow.
  const [forth, back] = [1.5 * 1.1, 1.5 / 1.1];
  for (const [round, ratio] of (gamma?.timeRatios ?? []).entries()) {
    expect(ratio).toBeCloseTo(round % 2 === 0 ? forth : back, 3);
  }
  expect(costChange(gamma?.timeRatios ?? [])).toMatchObject({ isClear: true });
  // Pure drift is not a cost: forward and backward rounds disagree.
  expect(costChange(smoothing?.timeRatios ?? [])).toMatchObject({ isClear: false });
  // Older records have no ratios and can still be read.
  const { timeRatios: _, ...before } = gamma ?? {};
  for (const each of [costs, [before]]) {
    expect(studyRecordSchema.safeParse({ ...record, costs: each }).success).toBe(true);
  }
});
