/** Trainings with images prepared by worker threads in the trainer's own process. */
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CACHE_MB, DATA_WORKERS } from '../../../src/protocol/dataVariables';
import type { RunEvent } from '../../../src/protocol/events';
import { settledMetrics } from '../../../src/protocol/fold';
import { savePeriodVariables } from '../../../src/protocol/trainer';
import type { Recipe } from '../../../src/recipe/recipe';
import { bestCheckpointPath, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted } from '../../../src/runs/stopping';
import type { Failure } from '../../../src/shared/failure';
import { smallRecipe } from '../../support/smallTraining';
import { pictureTable, writePicture } from '../data/pipeline/pictures';
import { indexedRecipe } from './indexedRecipe';
import { endedRun, queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();

type Variables = Readonly<Record<string, string>>;

/** Starts or resumes a run. */
async function start(folder: string, variables: Variables = {}): Promise<TrainerProcess> {
  await markInterrupted(folder);
  expect(await makeReady(folder)).toBeNull();
  return tests.start(folder, { ...savePeriodVariables({ steps: 3 }), ...variables });
}

/** Resumes a run and trains it to its end. */
async function finish(folder: string, variables?: Variables): Promise<TrainerProcess> {
  const trainer = await start(folder, variables);
  expect(await trainer.exited, trainer.output).toEqual({ code: 0, signal: null });
  return trainer;
}

/** Returns the outcome of a run without everything that depends on the clock. */
async function outcomeOf(trainer: TrainerProcess): Promise<object> {
  const measured = (event: RunEvent) => ({
    ...event,
    time: 0,
    attempt: 0,
    seconds: 0,
    imagesPerSecond: 0,
    dataWaitShare: 0,
  });
  const { tensors } = await readCheckpoint(lastCheckpointPath(trainer.folder));
  const best = await readCheckpoint(bestCheckpointPath(trainer.folder));
  return { events: settledMetrics(await trainer.events()).map(measured), tensors, best: best.tensors };
}

/** Writes a folder of photos, indexes it, and creates a recipe for it. `data` changes the experiment's data part. */
async function photoRecipe(data: object = {}): Promise<Recipe> {
  const root = tests.store;
  // Two files with the same number would be leaks.
  await pictureTable(join(root, 'photos/train'), { count: 49 });
  await pictureTable(join(root, 'photos/val'), { count: 11, first: 49 });
  return indexedRecipe(root, {
    name: 'photos',
    data: {
      dataset: 'image_folder',
      path: 'photos',
      image_size: 16,
      batch_size: 8,
      augment: 'imagenet',
      ...data,
    },
    model: { name: 'resnet8', width: 2 },
    schedule: { epochs: 3, decay: 'cosine' },
    engine: 'wasm',
  });
}

const photo = (name: string) => join(tests.store, 'photos', name);

/** Returns the failure that a run ends with. */
async function failureOf(trainer: TrainerProcess): Promise<Failure> {
  expect((await trainer.exited).code).toBe(1);
  const { state } = await trainer.manifest();
  if (state.status !== 'failed') throw new Error(state.status);
  return state.failure;
}

/** Images in memory with stepwise augmentation: crops, and a step that draws operations. */
const inMemory = smallRecipe({
  data: {
    augment: [{ step: 'padded_crop', padding: 1 }, 'flip', 'randaugment'],
    train_images: 160,
    channels: 3,
  },
  schedule: { epochs: 4, decay: 'cosine' },
  tricks: { mixup: true },
});

describe.each<[string, () => Promise<Recipe>]>([
  ['images in memory', async () => inMemory],
  ['images of a folder', () => photoRecipe({ presize: false })],
  ['images of a folder, resized once', () => photoRecipe({ presize: 20 })],
])('%s', (_, recipeOf) => {
  test('train the same on any number of threads, with and without the cache in memory', async () => {
    const recipe = await recipeOf();
    const first = await finish(await queueRun(tests.store, recipe), {
      [DATA_WORKERS]: '1',
      [CACHE_MB]: '0',
    });
    const expected = await outcomeOf(first);
    for (const variables of [
      { [DATA_WORKERS]: '3', [CACHE_MB]: '0' },
      { [DATA_WORKERS]: '2', [CACHE_MB]: '64' },
    ]) {
      expect(await outcomeOf(await finish(await queueRun(tests.store, recipe), variables))).toEqual(expected);
    }
    const epochs = (await first.events()).filter((event) => event.type === 'epoch');
    expect(epochs).toHaveLength(recipe.epochs);
    for (const { dataWaitShare } of epochs) {
      expect(dataWaitShare).toBeGreaterThanOrEqual(0);
      expect(dataWaitShare).toBeLessThanOrEqual(1);
    }
  });

  test('train the same if two runs of them train at once', async () => {
    const recipe = await recipeOf();
    const folders = [await queueRun(tests.store, recipe), await queueRun(tests.store, recipe)];
    const [one, other] = await Promise.all(folders.map((folder) => finish(folder, { [CACHE_MB]: '0' })));
    const alone = await finish(await queueRun(tests.store, recipe), { [CACHE_MB]: '0' });
    expect(await outcomeOf(one!)).toEqual(await outcomeOf(alone));
    expect(await outcomeOf(other!)).toEqual(await outcomeOf(alone));
  });

  test('train the same when they are stopped and killed in the middle of epochs', async () => {
    const recipe = await recipeOf();
    const whole = await finish(await queueRun(tests.store, recipe), { [DATA_WORKERS]: '2' });
    const { stepsPerEpoch } = recipe.schedule;
    const folder = await endedRun(
      () => queueRun(tests.store, recipe),
      (queued, signal) => start(queued, { [DATA_WORKERS]: signal === 'SIGKILL' ? '1' : '2' }),
      [
        [Math.floor(stepsPerEpoch / 2), 'SIGTERM'],
        [stepsPerEpoch + Math.floor(stepsPerEpoch / 2), 'SIGKILL'],
        [2 * stepsPerEpoch + 1, 'SIGTERM'],
      ],
    );
    const last = await finish(folder, { [DATA_WORKERS]: '3' });
    expect(await outcomeOf(last)).toEqual(await outcomeOf(whole));
  });
});

describe('images that change', () => {
  test('before a run starts are refused', async () => {
    const folder = await queueRun(tests.store, await photoRecipe());
    await writePicture(photo('train/c1/5.jpg'), 77, { height: 50, width: 41 });
    const { what, remedy } = await failureOf(await start(folder));
    expect(`${what} ${remedy}`).toMatch(/index/i);
  });

  /** A run long enough that its images change before it ends. */
  async function longRun(data: object): Promise<TrainerProcess> {
    const recipe = await photoRecipe({ presize: false, ...data });
    const totalSteps = 300 * recipe.schedule.stepsPerEpoch;
    const long = { ...recipe, epochs: 300, schedule: { ...recipe.schedule, totalSteps } };
    const trainer = await start(await queueRun(tests.store, long), { [CACHE_MB]: '0' });
    await trainer.reachesStep(8);
    return trainer;
  }

  test('during a training end it, by name', async () => {
    const trainer = await longRun({});
    await rm(photo('train/c1/5.jpg'));
    const { what, remedy } = await failureOf(trainer);
    expect(what).toContain(photo('train/c1/5.jpg'));
    expect(remedy).toContain('data.on_bad_image: skip');
  });

  test('during a training are replaced by others if bad images are skipped', async () => {
    const trainer = await longRun({ on_bad_image: 'skip' });
    await truncate(photo('train/c0/8.jpg'), 300);
    const isNote = (event: RunEvent) =>
      event.type === 'preparing' && event.what.includes(photo('train/c0/8.jpg'));
    while (!(await trainer.events()).some(isNote)) {
      expect(trainer.child.exitCode, trainer.output).toBeNull();
      await delay(20);
    }
    expect(trainer.output).toContain('Replaced with another image of its class');
    const events = await trainer.events();
    const last = events.findLast((event) => event.type === 'step');
    await trainer.reachesStep((last?.step ?? 0) + 8);
  });
});
