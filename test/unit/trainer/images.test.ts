/** Trainings whose images are prepared by threads, in the trainer's own process. */
import { describe, expect, test } from 'vitest';
import { CACHE_MB, DATA_WORKERS } from '../../../src/protocol/dataVariables';
import type { RunEvent } from '../../../src/protocol/events';
import { settledMetrics } from '../../../src/protocol/history';
import { savePeriodVariables } from '../../../src/protocol/trainer';
import type { Recipe } from '../../../src/recipe/recipe';
import { bestCheckpointPath, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted } from '../../../src/runs/stopping';
import { smallRecipe } from '../../support/smallTraining';
import { queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();

type Variables = Readonly<Record<string, string>>;

/** Starts a run, or lets it go on. */
async function start(folder: string, variables: Variables = {}): Promise<TrainerProcess> {
  await markInterrupted(folder);
  expect(await makeReady(folder)).toBeNull();
  return tests.start(folder, { ...savePeriodVariables({ steps: 3 }), ...variables });
}

/** Lets a run go on to its end. */
async function finish(folder: string, variables?: Variables): Promise<TrainerProcess> {
  const trainer = await start(folder, variables);
  expect(await trainer.exited, trainer.output).toEqual({ code: 0, signal: null });
  return trainer;
}

/** What a run came to, but for what depends on the clock. */
async function outcomeOf(trainer: TrainerProcess): Promise<object> {
  const measured = (event: RunEvent) => ({
    ...event,
    time: 0,
    seconds: 0,
    imagesPerSecond: 0,
    dataWaitShare: 0,
  });
  const { tensors } = await readCheckpoint(lastCheckpointPath(trainer.folder));
  const best = await readCheckpoint(bestCheckpointPath(trainer.folder));
  return { events: settledMetrics(await trainer.events()).map(measured), tensors, best: best.tensors };
}

/** Images in memory that are augmented in steps: crops, and one that draws operations. */
const inMemory = smallRecipe({
  data: {
    augment: [{ step: 'padded_crop', padding: 1 }, 'flip', 'randaugment'],
    train_images: 160,
    channels: 3,
  },
  schedule: { epochs: 4, decay: 'cosine' },
  tricks: { mixup: true },
});

describe.each<[string, () => Promise<Recipe>]>([['images in memory', async () => inMemory]])(
  '%s',
  (_, recipeOf) => {
    test('train the same on any number of threads, with and without what is kept in memory', async () => {
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
        expect(await outcomeOf(await finish(await queueRun(tests.store, recipe), variables))).toEqual(
          expected,
        );
      }
      const epochs = (await first.events()).filter((event) => event.type === 'epoch');
      expect(epochs).toHaveLength(recipe.epochs);
      for (const { dataWaitShare } of epochs) {
        expect(dataWaitShare).toBeGreaterThanOrEqual(0);
        expect(dataWaitShare).toBeLessThanOrEqual(1);
      }
    });

    test('that are stopped and killed in the middle of epochs end as if they never were', async () => {
      const recipe = await recipeOf();
      const whole = await finish(await queueRun(tests.store, recipe), { [DATA_WORKERS]: '2' });
      const folder = await queueRun(tests.store, recipe);
      const { stepsPerEpoch } = recipe.schedule;
      for (const [step, signal] of [
        [Math.floor(stepsPerEpoch / 2), 'SIGTERM'],
        [stepsPerEpoch + Math.floor(stepsPerEpoch / 2), 'SIGKILL'],
        [2 * stepsPerEpoch + 1, 'SIGTERM'],
      ] as const) {
        const trainer = await start(folder, { [DATA_WORKERS]: signal === 'SIGKILL' ? '1' : '2' });
        await trainer.reachesStep(step);
        trainer.child.kill(signal);
        await trainer.exited;
      }
      const last = await finish(folder, { [DATA_WORKERS]: '3' });
      expect(await outcomeOf(last)).toEqual(await outcomeOf(whole));
    });
  },
);
