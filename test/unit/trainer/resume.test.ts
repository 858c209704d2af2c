import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { settledMetrics } from '../../../src/protocol/fold';
import { pauseVariables, savePeriodVariables } from '../../../src/protocol/trainer';
import type { Recipe } from '../../../src/recipe/recipe';
import { bestCheckpointPath, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted } from '../../../src/runs/stopping';
import { manifestPath, writeManifest } from '../../../src/runs/store';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { endedRun, queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();

/** Starts or resumes a run. */
async function start(folder: string): Promise<TrainerProcess> {
  await markInterrupted(folder);
  expect(await makeReady(folder)).toBeNull();
  return tests.start(folder, savePeriodVariables({ steps: 3 }));
}

/** Trains a recipe to its end without interruption and returns its trainer. */
async function neverStopped(recipe: Recipe): Promise<TrainerProcess> {
  const trainer = await start(await queueRun(tests.store, recipe));
  expect(await trainer.exited).toEqual({ code: 0, signal: null });
  return trainer;
}

/** Trains a recipe, and ends its trainers by these signals when they have reached these steps. */
const ended = (recipe: Recipe, ends: Parameters<typeof endedRun>[2]) =>
  endedRun(() => queueRun(tests.store, recipe), start, ends);

/** Counts the steps in the log, including repeated ones. */
async function stepsIn(trainer: TrainerProcess): Promise<number> {
  return (await trainer.events()).filter(({ type }) => type === 'step').length;
}

/** Returns the parts of an event that do not depend on the clock or on the number of attempts. */
function measured(event: RunEvent): object {
  return { ...event, time: 0, attempt: 0, seconds: 0, imagesPerSecond: 0 };
}

async function expectSame(run: TrainerProcess, whole: TrainerProcess): Promise<void> {
  expect(settledMetrics(await run.events()).map(measured)).toEqual(
    settledMetrics(await whole.events()).map(measured),
  );
  for (const path of [lastCheckpointPath, bestCheckpointPath]) {
    const [own, expected] = [
      await readCheckpoint(path(run.folder)),
      await readCheckpoint(path(whole.folder)),
    ];
    expect(own.tensors).toEqual(expected.tensors);
  }
  const { state } = await run.manifest();
  const { state: wanted } = await whole.manifest();
  if (state.status !== 'done' || wanted.status !== 'done')
    throw new Error(`${state.status}, ${wanted.status}`);
  expect({ ...state.result, seconds: 0 }).toEqual({ ...wanted.result, seconds: 0 });
}

const changes = {
  data: { augment: 'crop_flip', train_images: 160 },
  schedule: { epochs: 32, decay: 'cosine' },
  tricks: { warmup: { epochs: 2 }, ema: true, mixup: true },
};
const recipe = smallRecipe(changes);

describe('a resumed run', () => {
  test('after kill -9 at 20 random moments ends with the weights and metrics of an uninterrupted one', async () => {
    const whole = await neverStopped(recipe);
    let folder = await queueRun(tests.store, recipe);
    for (let kills = 0; kills < 20; ) {
      const trainer = await start(folder);
      const stepsBefore = await stepsIn(trainer);
      // Any time from before it has taken the run to the middle of its epochs. On a fast machine, before too many
      // steps.
      const end = Date.now() + Math.random() * 1200;
      while (Date.now() < end && (await stepsIn(trainer)) < stepsBefore + 10) await delay(5);
      trainer.child.kill('SIGKILL');
      const { signal } = await trainer.exited;
      if (signal) kills++;
      else {
        // It ended before the kill came.
        await expectSame(trainer, whole);
        folder = await queueRun(tests.store, recipe);
      }
    }
    const last = await start(folder);
    expect(await last.exited).toEqual({ code: 0, signal: null });
    await expectSame(last, whole);
  });

  test('after stops ends the same, and repeats no step', async () => {
    const short = { ...recipe, epochs: 16, schedule: { ...recipe.schedule, totalSteps: 160 } };
    const whole = await neverStopped(short);
    const folder = await ended(short, [
      [4, 'SIGTERM'],
      [17, 'SIGTERM'],
      [40, 'SIGTERM'],
    ]);
    const last = await start(folder);
    expect(await last.exited).toEqual({ code: 0, signal: null });
    await expectSame(last, whole);
    const steps = (await last.events()).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 160 }, (_, index) => index));
  });

  test('is paused by its trainer right after the requested epochs, and ends the same', async () => {
    const short = smallRecipe({ ...changes, schedule: { epochs: 9, decay: 'cosine' } });
    const whole = await neverStopped(short);
    const folder = await queueRun(tests.store, short);
    for (const epochs of [1, 3]) {
      expect(await makeReady(folder)).toBeNull();
      const trainer = tests.start(folder, pauseVariables(epochs));
      expect((await trainer.exited).code).toBe(130);
      expect((await trainer.manifest()).state).toEqual({ status: 'paused', step: 10 * epochs });
    }
    expect(await makeReady(folder)).toBeNull();
    const last = tests.start(folder, pauseVariables(9));
    expect(await last.exited).toEqual({ code: 0, signal: null });
    await expectSame(last, whole);
  });

  // On every processor, an op that sums in parts must add them in one fixed order.
  test.runIf(PRESENT_ENGINES.includes('tensorflow'))(
    'on tensorflow, after kills and stops, ends with the weights and metrics of an uninterrupted one',
    async () => {
      const native = smallRecipe({
        ...changes,
        data: { ...changes.data, train_images: 640, height: 16, width: 16, channels: 3, batch_size: 64 },
        model: { width: 16 },
        schedule: { epochs: 6, decay: 'cosine' },
        engine: 'tensorflow',
      });
      const whole = await neverStopped(native);
      const folder = await ended(native, [
        [5, 'SIGKILL'],
        [14, 'SIGTERM'],
        [25, 'SIGKILL'],
      ]);
      const last = await start(folder);
      expect(await last.exited).toEqual({ code: 0, signal: null });
      expect((await last.manifest()).engine?.name).toBe('tensorflow');
      await expectSame(last, whole);
    },
  );

  test('reports another engine, or other threads of it', async () => {
    const folder = await queueRun(tests.store, smallRecipe({ schedule: { epochs: 20 } }));
    const first = tests.start(folder, pauseVariables(1));
    expect((await first.exited).code).toBe(130);
    const manifest = await first.manifest();
    const description = 'WebAssembly, 64 threads';
    await writeManifest(folder, { ...manifest, engine: { name: 'wasm', description } });
    const second = await start(folder);
    expect((await second.exited).code).toBe(0);
    const told = (await second.events()).flatMap((event) => (event.type === 'preparing' ? [event.what] : []));
    const now = manifest.engine?.description;
    expect(told).toContain(
      `${description} trained the run up to here. ${now} may give slightly different results.`,
    );
  });

  test('uses the checkpoint before a damaged one, says so, and ends the same', async () => {
    const whole = await neverStopped(recipe);
    // Not killed: a kill may come between a save's two renames, when there is no last checkpoint to damage.
    const folder = await ended(recipe, [[50, 'SIGTERM']]);
    const bytes = await readFile(lastCheckpointPath(folder));
    await writeFile(lastCheckpointPath(folder), bytes.subarray(0, bytes.length - 100));
    const second = await start(folder);
    expect(await second.exited).toEqual({ code: 0, signal: null });
    const told = (await second.events()).flatMap((event) => (event.type === 'preparing' ? [event.what] : []));
    expect(told.some((what) => /^last\.safetensors is damaged .*\. Resuming from/.test(what))).toBe(true);
    expect(told.some((what) => /^Resuming after step \d+$/.test(what))).toBe(true);
    expect(second.output).toContain('last.safetensors is damaged');
    await expectSame(second, whole);
  });

  test('from before some effects existed ends the same', async () => {
    const whole = await neverStopped(recipe);
    const folder = await ended(recipe, [[50, 'SIGTERM']]);
    const manifest = JSON.parse(await readFile(manifestPath(folder), 'utf8'));
    delete manifest.recipe.gradients.sharpnessRadius;
    delete manifest.recipe.data.erasing;
    await writeFile(manifestPath(folder), JSON.stringify(manifest));
    const second = await start(folder);
    expect(await second.exited).toEqual({ code: 0, signal: null });
    await expectSame(second, whole);
  });
});
