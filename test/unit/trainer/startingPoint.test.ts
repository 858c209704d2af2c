import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stateDictOf } from '../../../src/interop/export/stateDict';
import { buildGraph } from '../../../src/models/catalog';
import { FILES_OUTSIDE, savePeriodVariables } from '../../../src/protocol/trainer';
import { graphOf } from '../../../src/recipe/draft';
import type { Recipe } from '../../../src/recipe/recipe';
import { bestCheckpointPath, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted } from '../../../src/runs/stopping';
import { encodeSafetensors } from '../../../src/shared/safetensors';
import { allowFolder, revokeFolder } from '../../../src/system/allowedFolders';
import { initialValues } from '../../../src/training/network/initialization';
import { Random } from '../../../src/training/random';
import { loadInitialWeights } from '../../../src/weights/initialValues';
import { smallRecipe } from '../../support/smallTraining';
import { fileServer, give } from '../support/fileServer';
import { fixturePath } from '../weights/fixtures';
import { endedRun, queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

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

/** Returns the recipe with one epoch that learns nothing. */
function still(recipe: Recipe): Recipe {
  return { ...recipe, epochs: 1, schedule: { ...recipe.schedule, peakLearningRate: 0, totalSteps: 4 } };
}

/** Returns the notes that a run logged before it trained. */
async function notesOf(trainer: TrainerProcess): Promise<string[]> {
  return (await trainer.events()).flatMap((event) => (event.type === 'preparing' ? [event.what] : []));
}

const weightsOf = async ({ folder }: TrainerProcess, path = lastCheckpointPath) =>
  new Map((await readCheckpoint(path(folder))).tensors.map(({ name, values }) => [name, values]));

describe('a run that fine-tunes', () => {
  const finetuned = {
    data: { height: 32, width: 32, channels: 1, classes: 3 },
    model: { name: 'resnet18', width: 4 },
    optimizer: { base_lr: 0.01, head_learning_rate: '10x' },
    init: { weights: 'resnet18.pth', freeze: ['stem', 'layer1'] },
  };
  const copyWeights = () => copyFile(fixturePath('resnet18.pth'), join(tests.store, 'resnet18.pth'));

  test('a file of torch.save on gray images of other classes reports what it did, and keeps frozen parts', async () => {
    await copyWeights();
    const run = await done(await train(smallRecipe(finetuned)));
    const notes = await notesOf(run);
    expect(notes).toEqual(
      expect.arrayContaining([
        'Loaded 100 tensors from resnet18.pth.',
        'Using the weights state_dict of the file.',
        'The classifier fc is newly initialized: the weights have 5 classes, and the data set has 3.',
        "The first convolution's weights are summed over red, green and blue to fit gray images.",
      ]),
    );
    const graph = graphOf(smallRecipe(finetuned));
    const { values } = await loadInitialWeights(fixturePath('resnet18.pth'), graph, 'auto', 'it');
    const after = await weightsOf(run);
    for (const [name, value] of values) {
      if (/^(conv1|bn1|layer1)\./.test(name)) expect(after.get(name), name).toEqual(value);
      else if (name.startsWith('layer4')) expect(after.get(name), name).not.toEqual(value);
    }
  });

  test('initializes a new head as from scratch with the seed', async () => {
    await copyWeights();
    const recipe = smallRecipe({ ...finetuned, seed: 7, init: { weights: 'resnet18.pth', head: 'new' } });
    const run = await done(
      await train(still({ ...recipe, optimizer: { name: 'sgd', momentum: 0, nesterov: false } })),
    );
    const drawn = initialValues(graphOf(recipe), { zeroGamma: false }, Random.seeded(7, 'initialization'));
    expect((await weightsOf(run)).get('fc.weight')).toEqual(drawn.get('fc.weight'));
    expect(await notesOf(run)).toContain('The classifier fc is newly initialized: head is new.');
  });

  test('continues bit for bit after it was killed in the middle', async () => {
    await copyWeights();
    const recipe = smallRecipe({ ...finetuned, schedule: { epochs: 6 } });
    const whole = await done(await train(recipe));
    const folder = await endedRun(
      () => queueRun(tests.store, recipe),
      (queued) => tests.start(queued, savePeriodVariables({ steps: 3 })),
      [[5, 'SIGKILL']],
    );
    await rm(join(tests.store, 'resnet18.pth'));
    await markInterrupted(folder);
    expect(await makeReady(folder)).toBeNull();
    const second = tests.start(folder);
    await second.exited;
    await done(second);
    expect(await weightsOf(second)).toEqual(await weightsOf(whole));
  });

  test('downloads published weights, and says so', async () => {
    const server = await fileServer(give(await readFile(fixturePath('resnet18.pth'))));
    // The name is right, but the content differs.
    const recipe = smallRecipe({
      ...finetuned,
      model: { name: 'resnet18', width: 64 },
      init: 'torchvision:resnet18',
    });
    const run = await train(recipe, {
      BAG_OF_TRICKS_TORCHVISION_URL: server.url,
      BAG_OF_TRICKS_CACHE: join(tests.store, 'cache'),
    });
    const { what } = await failureOf(run);
    expect(what).toContain(
      `resnet18-f37072fd.pth could not be downloaded. ${server.url}/resnet18-f37072fd.pth: `,
    );
    expect(what).toContain('but f37072fd');
    expect(await notesOf(run)).toContain('Downloading resnet18-f37072fd.pth');
  });

  test('warns if a bottleneck has its strides elsewhere than the weights had', async () => {
    const graph = buildGraph({ name: 'resnet50', width: 4, variant: 'B' }, [32, 32, 1], 3);
    const drawn = initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization'));
    const tensors = stateDictOf(graph, drawn, 1);
    await writeFile(join(tests.store, 'b.safetensors'), encodeSafetensors({ metadata: {}, tensors }));
    const changes = { ...finetuned, init: 'b.safetensors' };
    const model = (variant: string) => ({ ...changes, model: { name: 'resnet50', width: 4, variant } });
    const warning =
      'Warning: resnet50 in PyTorch and timm places its strides as variant B does, but the model is variant A.';
    expect(await notesOf(await train(still(smallRecipe(model('A')))))).toContain(warning);
    expect(await notesOf(await train(still(smallRecipe(model('B')))))).not.toContain(warning);
  });
});

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

  test('that is missing fails, and says where it was searched', async () => {
    const { what, remedy } = await failureOf(await train(smallRecipe({ init: 'nowhere.safetensors' })));
    expect(what).toBe(`The weights file ${join(tests.store, 'nowhere.safetensors')} does not exist.`);
    expect(remedy).toBe("Check init. A path is relative to the experiment file's folder.");
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
        expect(what).toBe(`${init} is outside ${tests.store}.`);
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

describe('a run that learns from a teacher', () => {
  const student = (teacher: string, changes = {}) =>
    smallRecipe({ seed: 2, tricks: { distillation: { teacher, temperature: 4 } }, ...changes });

  test('takes a run by its id or its checkpoint, of another model too, and trains differently than without', async () => {
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
    // The distillation loss is added to the label loss.
    expect(byId[0]).toBeGreaterThan(alone[0]! + 1);
    // The label part, reported separately, equals the loss of the same network without a teacher.
    const events = await (await done(await train(student(id)))).events();
    const [first] = events.filter((event) => event.type === 'step');
    expect(first?.labelsLoss).toBeCloseTo(alone[0]!, 5);
    const epoch = events.find((event) => event.type === 'epoch');
    expect(epoch?.trainLabelsLoss).toBeGreaterThan(0);
    expect(epoch?.trainLabelsLoss).toBeLessThan(epoch!.trainLoss! - 1);
  });

  test('that is missing fails, and says how to name one', async () => {
    expect(await failureOf(await train(student('nobody')))).toEqual({
      what: 'There is no run nobody to use as the teacher.',
      remedy: "Specify a run from tricks runs, or a checkpoint in a run's folder.",
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
  ])('with images of %s fails, and says in what they differ', async (_, data, theirs, ours) => {
    const folder = await queueRun(tests.store, smallRecipe({ data }));
    const { what } = await failureOf(await train(student(basename(folder))));
    expect(what).toBe(
      `The teacher ${basename(folder)} was trained on ${theirs}, but its images or classes differ from those of ${ours}.`,
    );
  });
});
