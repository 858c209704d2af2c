import { copyFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { savePeriodVariables } from '../../../src/protocol/trainer';
import { lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { smallRecipe } from '../../support/smallTraining';
import { type ThreadProgram, threadProgram } from '../support/threads';
import { queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();
const recipe = smallRecipe({ data: { batch_size: 32 }, schedule: { epochs: 4 } });

async function start(folder: string, threads?: number): Promise<TrainerProcess> {
  expect(await makeReady(folder)).toBeNull();
  return tests.start(folder, {
    ...savePeriodVariables({ steps: 3 }),
    BAG_OF_TRICKS_THREADS: threads === undefined ? '' : `${threads}`,
  });
}

/** Runs `work` while a trainer's threads run a program other than the shipped one. */
async function withProgram(program: ThreadProgram, work: () => Promise<void>): Promise<void> {
  const own = join(dirname(tests.trainerPath), 'thread.js');
  const shipped = join(dirname(tests.trainerPath), 'shipped.js');
  await copyFile(own, shipped);
  await writeFile(own, threadProgram(program, shipped));
  try {
    await work();
  } finally {
    await rename(shipped, own);
  }
}

describe("a trainer's threads", () => {
  test('one that dies fails the run with a reason, and the run resumes to the end of an undisturbed one', async () => {
    const whole = await start(await queueRun(tests.store, recipe), 2);
    expect((await whole.exited).code).toBe(0);
    expect((await whole.manifest()).engine?.description).toMatch(/, 2 threads$/);

    const folder = await queueRun(tests.store, recipe);
    await withProgram('leaving', async () => {
      const failing = await start(folder, 2);
      expect(await failing.exited).toEqual({ code: 1, signal: null });
      expect((await failing.manifest()).state).toMatchObject({
        status: 'failed',
        failure: {
          what: 'A training thread failed: it exited with code 3.',
          remedy: expect.stringMatching(
            /^Resume the run from its last checkpoint\. .* BAG_OF_TRICKS_THREADS=1\.$/,
          ),
        },
      });
    });
    // On two threads as before, whatever the environment says now.
    const rest = await start(folder, 1);
    expect((await rest.exited).code).toBe(0);
    expect((await rest.manifest()).engine?.description).toMatch(/, 2 threads$/);
    const [own, expected] = await Promise.all(
      [rest, whole].map((run) => readCheckpoint(lastCheckpointPath(run.folder))),
    );
    expect(own?.tensors).toEqual(expected?.tensors);
  });

  test('end with it when it is stopped', async () => {
    const long = { ...recipe, epochs: 100_000, schedule: { ...recipe.schedule, totalSteps: 200_000 } };
    const trainer = await start(await queueRun(tests.store, long), 3);
    await trainer.reachesStep(3);
    trainer.child.kill('SIGTERM');
    expect((await trainer.exited).code).toBe(130);
    expect((await trainer.manifest()).state).toMatchObject({ status: 'stopped' });
  });

  test('are as many as the environment says, or as fit machine and batch', async () => {
    const one = await start(await queueRun(tests.store, recipe), 1);
    expect((await one.exited).code).toBe(0);
    expect((await one.manifest()).engine?.description).toMatch(/, 1 thread$/);
    // Too small to be sharded.
    const small = smallRecipe({ schedule: { epochs: 1 } });
    const uncut = await start(await queueRun(tests.store, small));
    expect((await uncut.exited).code).toBe(0);
    expect((await uncut.manifest()).engine?.description).toMatch(/, 1 thread$/);
  });
});
