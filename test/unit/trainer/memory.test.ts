import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { makeReady } from '../../../src/runs/queue';
import { readRun } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { smallRecipe } from '../../support/smallTraining';
import { queueRun, trainerTests } from './trainerProcess';

const tests = trainerTests();
const canLimit = spawnSync('prlimit', ['--data=unlimited', 'true']).status === 0;

/** Starts a run's trainer as a process with a limit on its own memory. */
function startWithin(folder: string, mebibytes: number) {
  const { trainerPath } = tests;
  const execArgv = [`--data=${mebibytes * 2 ** 20}`, process.execPath];
  return startRun(folder, { nodePath: 'prlimit', execArgv, trainerPath });
}

describe.skipIf(!canLimit)('a trainer whose memory runs out', () => {
  /** One step takes more than a gigabyte. */
  const large = smallRecipe({
    data: { train_images: 1024, validation_images: 16, height: 32, width: 32, channels: 3, batch_size: 512 },
    model: { name: 'resnet20', width: 16 },
  });

  test.each([200, 600])('of %d MiB fails its run with a reason that says so', async (mebibytes) => {
    const folder = await queueRun(tests.store, large);
    const end = await startWithin(folder, mebibytes).exited;
    expect(end).toMatchObject({
      status: 'failed',
      failure: {
        what: expect.stringMatching(/memory|bad_alloc/i),
        remedy: expect.stringMatching(/data\.batch_size|smaller model/),
      },
    });
    const run = await readRun(folder);
    expect(run.kind === 'run' && run.manifest.state).toEqual(end);
  });

  test('keeps its progress: with more memory, its run continues from there', async () => {
    const folder = await queueRun(tests.store, smallRecipe({ schedule: { epochs: 30 } }));
    const command = { nodePath: process.execPath, trainerPath: tests.trainerPath, pauseAfterEpochs: 1 };
    const first = startRun(folder, command);
    expect(await first.exited).toMatchObject({ status: 'paused' });
    expect(await makeReady(folder)).toBeNull();
    expect(await startWithin(folder, 100).exited).toMatchObject({ status: 'failed' });
    expect(await makeReady(folder)).toBeNull();
    const last = tests.start(folder);
    expect((await last.exited).code).toBe(0);
    const steps = (await last.events()).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 120 }, (_, step) => step));
  });
});
