import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { THREADS } from '../../../src/protocol/trainer';
import { explainOutOfMemory } from '../../../src/training/trainer/outOfMemory';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { trainHere } from '../support/trainHere';
import { queueRun, trainerTests } from './trainerProcess';

const tests = trainerTests();

/** Returns the failure of a training run that could not get the memory it needs. */
async function failureOf(recipe: ReturnType<typeof smallRecipe>, env: Readonly<Record<string, string>> = {}) {
  const trainer = tests.start(await queueRun(tests.store, recipe), env);
  expect(await trainer.exited).toEqual({ code: 1, signal: null });
  const events = await trainer.events();
  expect(events.at(-1)?.type).toBe('failed');
  const { state } = await trainer.manifest();
  if (state.status !== 'failed') throw new Error(`The run is ${state.status}`);
  return { ...state.failure, output: trainer.output };
}

/** Returns the failure of the first batch size that does not fit, or null if all fit. */
async function firstOutOfMemory(
  recipe: (batch: number) => ReturnType<typeof smallRecipe>,
  env: Readonly<Record<string, string>>,
  batches: readonly number[],
) {
  for (const batch of batches) {
    const trainer = tests.start(await queueRun(tests.store, recipe(batch)), env);
    await trainer.exited;
    const { state } = await trainer.manifest();
    if (state.status === 'failed') return { batch, ...state.failure, output: trainer.output };
  }
  return null;
}

/**
 * A batch for which the output of the first convolution alone (32 filters) has more values than WebAssembly has bytes.
 */
const HUGE = 60_000;
const images = (batch: number) => ({
  data: { train_images: batch, batch_size: batch, height: 28, width: 28 },
  model: { name: 'cnn', width: 32 },
  schedule: { epochs: 1 },
});

describe('a training with too little memory', () => {
  test('does not start if its steps need far more than there is', async () => {
    const oneThread = { [THREADS]: '1' };
    const { what, remedy } = await failureOf(smallRecipe({ ...images(HUGE), engine: 'wasm' }), oneThread);
    expect(what).toMatch(
      /^Out of memory: a step on a batch of 60,000 images needs about \d+\.\d GiB, .* had 4\.0 GiB/,
    );
    const fitting = Number(/batch_size to (\d+) or less/.exec(remedy)?.[1]);
    expect(fitting).toBeGreaterThan(1000);
    expect(fitting).toBeLessThan(HUGE / 4);
  });

  test('ends if WebAssembly cannot allocate', async () => {
    const recipe = smallRecipe(images(HUGE));
    const engine = await loadEngine('wasm');
    const training = explainOutOfMemory(recipe, engine, 1, () => trainHere(recipe));
    await expect(training).rejects.toMatchObject({
      failure: { what: expect.stringMatching(/needs about \d+\.\d GiB, but the engine "wasm" had 4\.0 GiB/) },
      cause: { message: expect.stringMatching(/^Out of memory: \d+ bytes could not be allocated/) },
    });
  });

  test.runIf(PRESENT_ENGINES.includes('tensorflow'))(
    'ends if the library cannot allocate, and a batch that it suggests fits',
    async (context) => {
      const limit = { TF_MKL_ALLOC_MAX_BYTES: String(256 * 2 ** 20) };
      const recipe = (batch: number) => smallRecipe({ ...images(batch), engine: 'tensorflow' });
      // The estimate rejects batches of more than 465 images without trying them. The memory of a step depends on the
      // processor.
      const large = await firstOutOfMemory(recipe, limit, [460, 465]);
      if (!large)
        return context.skip('A step needs so much less than its estimate here that all batches fit.');
      const { what, remedy, output } = large;
      expect(output).toContain('OOM when allocating tensor');
      expect(what).toMatch(
        new RegExp(`^Out of memory: a step on a batch of ${large.batch} images needs about \\d+ MiB`),
      );
      const fitting = Number(/batch_size to (\d+) or less/.exec(remedy)?.[1]);
      expect(fitting).toBeGreaterThan(100);
      const trainer = tests.start(await queueRun(tests.store, recipe(fitting)), limit);
      expect(await trainer.exited).toEqual({ code: 0, signal: null });
    },
  );
});
