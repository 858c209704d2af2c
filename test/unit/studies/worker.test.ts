import { describe, expect, test } from 'vitest';
import { listRuns } from '../../../src/runs/store';
import { readStudy } from '../../../src/studies/store';
import { studyIn, studyTests } from './support';

const tests = studyTests();

describe('a study', () => {
  test('trains every run of its plan by the queue, block by block, and says what they show', async () => {
    const { folder } = await studyIn(tests.root);
    const { worker } = tests.program(folder);
    const told: number[] = [];
    worker.on('analysis', (analysis, { blocksDone }) => {
      expect(analysis.blocksDone).toBe(blocksDone);
      told.push(blocksDone);
    });
    expect(await worker.run()).toEqual({ status: 'done', how: 'full' });
    const study = await readStudy(folder);
    if (study.kind === 'broken') throw new Error(study.reason);
    console.log(JSON.stringify(study.record, null, 1).slice(0, 6000));
    const runs = await listRuns(tests.root);
    expect(runs).toHaveLength(8);
  });
});
