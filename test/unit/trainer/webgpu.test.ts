import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SOFTWARE_GPU } from '../../../src/engines/dawn';
import { settledMetrics } from '../../../src/protocol/fold';
import { lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

/** Real faults of the real adapter, caused by a file that Node loads before the trainer. */
const faults = { NODE_OPTIONS: `--require ${join(__dirname, 'gpuFaults.cjs')}` };

/** An adapter with known memory and limits. */
const onSwiftShader = Boolean(process.env[SOFTWARE_GPU]);

// SwiftShader compiles its programs again for each trainer, which is slow.
describe.runIf(PRESENT_ENGINES.includes('webgpu'))('a trainer on webgpu', () => {
  const tests = trainerTests();
  const recipe = smallRecipe({
    engine: 'webgpu',
    schedule: { epochs: 3 },
    data: { augment: 'flip', train_images: 16, validation_images: 8, batch_size: 8 },
  });

  /** Starts a trainer that loses its GPU. Starts another one if it is done before. */
  async function lostTrainer(): Promise<TrainerProcess> {
    for (;;) {
      const trainer = tests.start(await queueRun(tests.store, recipe), faults);
      await trainer.reachesStep(2);
      trainer.child.kill('SIGUSR2');
      if ((await trainer.exited).code !== 0) return trainer;
    }
  }

  test('whose GPU is lost ends with that reason, and the resumed run equals an undisturbed one', async () => {
    const whole = tests.start(await queueRun(tests.store, recipe));
    const first = await lostTrainer();
    const { folder } = first;
    expect(await first.exited, first.output).toEqual({ code: 1, signal: null });
    const failed = (await first.events()).at(-1);
    expect(failed).toMatchObject({
      type: 'failed',
      failure: {
        what: 'The GPU was lost: device was destroyed.',
        remedy: expect.stringContaining('Resume'),
      },
    });
    expect((await first.manifest()).state.status).toBe('failed');
    // Nothing else trained the remaining steps.
    expect((await first.events()).filter(({ type }) => type === 'started')).toHaveLength(1);

    expect(await makeReady(folder)).toBeNull();
    const second = tests.start(folder);
    expect(await second.exited, second.output).toEqual({ code: 0, signal: null });
    expect(await whole.exited, whole.output).toEqual({ code: 0, signal: null });
    expect((await second.manifest()).engine).toMatchObject({ name: 'webgpu' });
    const losses = async (run: typeof whole) =>
      settledMetrics(await run.events()).map((event) =>
        event.type === 'step' ? event.loss : event.validationLoss,
      );
    expect(await losses(second)).toEqual(await losses(whole));
    const weights = async (run: typeof whole) =>
      (await readCheckpoint(lastCheckpointPath(run.folder))).tensors;
    expect(await weights(second)).toEqual(await weights(whole));
  });

  test.runIf(onSwiftShader)(
    'whose GPU has too little memory says what it needs and which batch would fit',
    async () => {
      const large = smallRecipe({
        engine: 'webgpu',
        model: { width: 8 },
        data: { height: 16, width: 16, train_images: 128, batch_size: 128 },
      });
      const trainer = tests.start(await queueRun(tests.store, large), {
        ...faults,
        TEST_GPU_MEMORY_MIB: '5',
      });
      expect(await trainer.exited, trainer.output).toEqual({ code: 1, signal: null });
      expect((await trainer.events()).at(-1)).toMatchObject({
        type: 'failed',
        failure: {
          what: expect.stringMatching(
            /^The GPU ran out of memory: a step of 128 images needs about 24 MiB, but \d MiB were available\.$/,
          ),
          remedy: expect.stringContaining('A data.batch_size of 16 would fit'),
        },
      });
    },
  );

  test.runIf(onSwiftShader)(
    'whose adapter does not allow such large tensors says so, before it computes',
    async () => {
      const data = { height: 64, width: 64, train_images: 2048, batch_size: 2048 };
      const large = smallRecipe({ engine: 'webgpu', model: { width: 64 }, data });
      const trainer = tests.start(await queueRun(tests.store, large));
      expect(await trainer.exited, trainer.output).toEqual({ code: 1, signal: null });
      expect((await trainer.events()).at(-1)).toMatchObject({
        failure: {
          what: 'A step of 2,048 images needs a tensor of 2.0 GiB, but the GPU allows at most 1.0 GiB.',
          remedy: expect.stringContaining('A data.batch_size of 1024 would fit'),
        },
      });
    },
  );

  test.runIf(onSwiftShader)('does not use software as a GPU unless it is told to', async () => {
    const trainer = tests.start(await queueRun(tests.store, recipe), { [SOFTWARE_GPU]: '' });
    expect(await trainer.exited).toEqual({ code: 1, signal: null });
    expect((await trainer.events()).at(-1)).toMatchObject({
      failure: {
        what: expect.stringMatching(/: There is no GPU, only the software adapter SwiftShader .*\.$/),
        remedy: expect.stringContaining('BAG_OF_TRICKS_SOFTWARE_GPU=1'),
      },
    });
  });
});
