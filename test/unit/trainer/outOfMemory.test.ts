import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { THREADS } from '../../../src/protocol/trainer';
import { explainOutOfMemory } from '../../../src/training/trainer/outOfMemory';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { trainHere } from '../support/trainHere';
import { queueRun, trainerTests } from './trainerProcess';

const tests = trainerTests();

/** How a trainer's run ended that could not have the memory it needs. */
async function failureOf(recipe: ReturnType<typeof smallRecipe>, env: Readonly<Record<string, string>> = {}) {
  const trainer = tests.start(await queueRun(tests.store, recipe), env);
  expect(await trainer.exited).toEqual({ code: 1, signal: null });
  const events = await trainer.events();
  expect(events.at(-1)?.type).toBe('failed');
  const { state } = await trainer.manifest();
  if (state.status !== 'failed') throw new Error(`The run is ${state.status}`);
  return { ...state.failure, output: trainer.output };
}

/** A batch whose first convolution alone, of 32 filters, has more values than WebAssembly has bytes. */
const HUGE = 60_000;
const images = (batch: number) => ({
  data: { train_images: batch, batch_size: batch, height: 28, width: 28 },
  model: { name: 'cnn', width: 32 },
  schedule: { epochs: 1 },
});

describe('a training that memory is too small for', () => {
  test('is not begun where its steps need far more than there is', async () => {
    const oneThread = { [THREADS]: '1' };
    const { what, remedy } = await failureOf(smallRecipe({ ...images(HUGE), engine: 'wasm' }), oneThread);
    expect(what).toMatch(
      /^Out of memory: a step on a batch of 60000 images needs about \d+\.\d GiB, .* had 4\.0 GiB/,
    );
    const fitting = Number(/batch_size to (\d+) or less/.exec(remedy)?.[1]);
    expect(fitting).toBeGreaterThan(1000);
    expect(fitting).toBeLessThan(HUGE / 4);
  });

  test('ends when WebAssembly cannot allocate', async () => {
    const recipe = smallRecipe(images(HUGE));
    const engine = await loadEngine('wasm');
    const training = explainOutOfMemory(recipe, engine, 1, () => trainHere(recipe));
    await expect(training).rejects.toMatchObject({
      failure: { what: expect.stringMatching(/needs about \d+\.\d GiB, and the engine "wasm" had 4\.0 GiB/) },
      cause: { message: expect.stringMatching(/^Out of memory: \d+ bytes could not be allocated/) },
    });
  });

  test.runIf(PRESENT_ENGINES.includes('tensorflow'))(
    'ends when the library cannot allocate, and a batch that it names fits',
    async () => {
      // Near what the estimate says, so that it is tried.
      const limit = { TF_MKL_ALLOC_MAX_BYTES: String(256 * 2 ** 20) };
      const recipe = (batch: number) => smallRecipe({ ...images(batch), engine: 'tensorflow' });
      const { what, remedy, output } = await failureOf(recipe(460), limit);
      expect(output).toContain('OOM when allocating tensor');
      expect(what).toMatch(/^Out of memory: a step on a batch of 460 images needs about \d+ MiB/);
      const fitting = Number(/batch_size to (\d+) or less/.exec(remedy)?.[1]);
      expect(fitting).toBeGreaterThan(100);
      const trainer = tests.start(await queueRun(tests.store, recipe(fitting)), limit);
      expect(await trainer.exited).toEqual({ code: 0, signal: null });
    },
  );
});
