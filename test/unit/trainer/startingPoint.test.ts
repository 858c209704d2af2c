import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allowFolder, revokeFolder } from '../../../src/datasets/consent';
import { FILES_OUTSIDE } from '../../../src/protocol/trainer';
import type { Recipe } from '../../../src/recipe/recipe';
import { bestCheckpointPath, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { smallRecipe } from '../../support/smallTraining';
import { queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();

async function train(recipe: Recipe, env?: Record<string, string>): Promise<TrainerProcess> {
  const trainer = tests.start(await queueRun(tests.store, recipe), env);
  await trainer.exited;
  return trainer;
}

async function failureOf(trainer: TrainerProcess) {
  const { state } = await trainer.manifest();
  if (state.status !== 'failed') throw new Error(`${state.status}: ${trainer.output}`);
  return state.failure;
}

async function done(trainer: TrainerProcess): Promise<TrainerProcess> {
  expect((await trainer.manifest()).state.status, trainer.output).toBe('done');
  return trainer;
}

/** One epoch in which nothing is learned. */
function still(recipe: Recipe): Recipe {
  return { ...recipe, epochs: 1, schedule: { ...recipe.schedule, peakLearningRate: 0, totalSteps: 4 } };
}

describe('a run that starts from a file', () => {
  test('has its weights', async () => {
    const first = await done(await train(smallRecipe({ seed: 5 })));
    await copyFile(lastCheckpointPath(first.folder), join(tests.store, 'weights.safetensors'));
    const second = await done(await train(still(smallRecipe({ init: 'weights.safetensors' }))));
    const values = async ({ folder }: TrainerProcess) =>
      new Map(
        (await readCheckpoint(lastCheckpointPath(folder))).tensors.map((each) => [each.name, each.values]),
      );
    const [before, after] = [await values(first), await values(second)];
    for (const name of ['conv1.weight', 'layer2.0.bn1.bias', 'fc.weight']) {
      expect(after.get(name), name).toEqual(before.get(name));
    }
  });

  test('that is not there fails, and says where it was looked for', async () => {
    const { what, remedy } = await failureOf(await train(smallRecipe({ init: 'nowhere.safetensors' })));
    expect(what).toBe(`There is no file ${join(tests.store, 'nowhere.safetensors')} to start from.`);
    expect(remedy).toBe("Check init: a path is taken from the experiment file's folder.");
  });

  test('outside the workspace fails, by a path or a link, unless that is allowed', async () => {
    const first = await done(await train(smallRecipe()));
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    try {
      const file = join(outside, 'weights.safetensors');
      await copyFile(lastCheckpointPath(first.folder), file);
      await mkdir(join(tests.store, 'links'));
      await symlink(outside, join(tests.store, 'links', 'out'));
      for (const init of [
        file,
        `../${basename(outside)}/weights.safetensors`,
        'links/out/weights.safetensors',
      ]) {
        const recipe = still(smallRecipe({ init }));
        const { what, remedy } = await failureOf(await train(recipe));
        expect(what).toBe(`${init} lies outside ${tests.store}.`);
        expect(remedy).toContain('bagOfTricks.filesOutside');
        await done(await train(recipe, { [FILES_OUTSIDE]: '1' }));
      }
      const recipe = still(smallRecipe({ init: 'links/out/weights.safetensors' }));
      await allowFolder(outside);
      await done(await train(recipe));
      await revokeFolder(outside);
      expect((await failureOf(await train(recipe))).remedy).toContain('tricks allow FOLDER');
    } finally {
      await rm(outside, { recursive: true });
    }
  });
});

describe('a run that learns from another', () => {
  const student = (teacher: string, changes = {}) =>
    smallRecipe({ seed: 2, tricks: { distillation: { teacher, temperature: 4 } }, ...changes });

  test('takes a run by its id or its checkpoint, of another model too, and trains otherwise than without', async () => {
    const teacher = await done(await train(smallRecipe({ model: { name: 'resnet14', width: 4 } })));
    const id = basename(teacher.folder);
    const losses = async (run: TrainerProcess) =>
      (await run.events()).flatMap((event) => (event.type === 'step' ? [event.loss] : []));
    const byId = await losses(await done(await train(student(id))));
    const path = `.bag-of-tricks/runs/${id}/checkpoints/best.safetensors`;
    const byPath = await losses(await done(await train(student(path))));
    const alone = await losses(await done(await train(smallRecipe({ seed: 2 }))));
    expect(byPath).toEqual(byId);
    expect(byId).toHaveLength(8);
    // The distillation loss stands beside that of the labels.
    expect(byId[0]).toBeGreaterThan(alone[0]! + 1);
  });

  test('that is not there fails, and says how to name one', async () => {
    expect(await failureOf(await train(student('nobody')))).toEqual({
      what: 'There is no run nobody to learn from.',
      remedy: 'Name a run that is listed by tricks runs, or a checkpoint in the folder of a run.',
    });
  });

  test('that has no checkpoint yet fails, and names the file', async () => {
    const folder = await queueRun(tests.store, smallRecipe());
    const { what } = await failureOf(await train(student(basename(folder))));
    expect(what).toContain(bestCheckpointPath(folder));
  });

  test.each([
    ['another size', { height: 12, width: 12 }, 'synthetic (12 x 12 x 1)', 'synthetic (8 x 8 x 1)'],
    ['other classes', { classes: 5 }, 'synthetic (5 classes)', 'synthetic (3 classes)'],
  ])('of images of %s fails, and says in what they differ', async (_, data, theirs, ours) => {
    const folder = await queueRun(tests.store, smallRecipe({ data }));
    const { what } = await failureOf(await train(student(basename(folder))));
    expect(what).toBe(
      `The teacher ${basename(folder)} was trained on ${theirs}, whose images or classes are not those of ${ours}.`,
    );
  });
});
