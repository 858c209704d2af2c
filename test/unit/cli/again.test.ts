import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { catsAndDogs, writeTree } from '../datasets/photos';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A folder with a file that was queued with its own seed and then changed. */
async function changedSince() {
  const place = await work();
  const before = experimentText({ name: 'first' });
  await place.write('a.experiment.yaml', before);
  const queued = await place.tricks(['queue', 'add', 'a.experiment.yaml', '--set', 'seed=7']);
  expect(queued).toMatchObject({ code: 0 });
  const made = await place.manifest();
  await place.write('a.experiment.yaml', experimentText({ name: 'later', schedule: '{ epochs: 1 }' }));
  const runs = join(place.folder, '.bag-of-tricks/runs');
  const repeated = async () => {
    const [id = ''] = (await readdir(runs)).filter((each) => each !== made.id);
    return JSON.parse(await readFile(join(runs, id, 'run.json'), 'utf8'));
  };
  return { ...place, before, made, runs, repeated };
}

test("'run --again' repeats a run's own recipe, seed and results, whatever its file says now", async () => {
  const { tricks, made, before, repeated, manifest } = await changedSince();
  expect(await tricks(['queue', 'start'])).toMatchObject({ code: 0 });
  const first = await manifest();
  expect(await tricks(['run', '--again', made.id])).toMatchObject({ code: 0 });
  const again = await repeated();
  expect(again.recipe).toEqual(made.recipe);
  expect(again.recipe.seed).toBe(7);
  expect(again.experiment).toEqual({ file: 'a.experiment.yaml', text: before });
  expect(again.state.result.validationLoss).toBe(first.state.result.validationLoss);
});

test("'run --again' rejects options that would change the run, and 'run' needs something to run", async () => {
  const { tricks, made, runs } = await changedSince();
  for (const more of [['a.experiment.yaml'], ['--seed', '2'], ['--engine', 'cpu'], ['--set', 'seed=3']]) {
    const refused = await tricks(['run', '--again', made.id, ...more]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('repeated as it was') });
  }
  expect(await tricks(['run'])).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing to run') });
  expect(await readdir(runs)).toEqual([made.id]);
});

test("'run --again' asks about a run that came with its folder", async () => {
  const { tricks, made, runs } = await changedSince();
  const theirs = { env: { XDG_CONFIG_HOME: join(runs, '..', 'theirs') } };
  const refused = await tricks(['run', '--again', made.id], theirs);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      `You did not create these runs here. They came with the folder: ${made.id}`,
    ),
  });
  expect(await readdir(runs)).toEqual([made.id]);
});

test("'show --experiment' prints the file as the run has it", async () => {
  const { tricks, made, before } = await changedSince();
  expect(await tricks(['show', made.id, '--experiment'])).toEqual({ code: 0, stdout: before, stderr: '' });
});

test('a run on own images that have changed since is not repeated', async () => {
  const { folder, tricks, write } = await work();
  await writeTree(join(folder, 'photos'), await catsAndDogs());
  const data = '{ dataset: image_folder, path: photos, image_size: 8, batch_size: 4 }';
  const model = '{ name: resnet8, width: 2 }';
  await write(
    'a.experiment.yaml',
    experimentText({ data, model, schedule: '{ epochs: 1, decay: constant }' }),
  );
  expect(await tricks(['run', 'a.experiment.yaml'])).toMatchObject({ code: 0 });
  expect(await tricks(['run', '--again', 'last'])).toMatchObject({ code: 0 });
  const [[name = ''] = []] = Object.entries(await catsAndDogs());
  await rm(join(folder, 'photos', name));
  const runs = join(folder, '.bag-of-tricks/runs');
  const before = await readdir(runs);
  expect(before).toHaveLength(2);
  expect(await tricks(['run', '--again', 'last'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not those this run was created for'),
  });
  expect(await readdir(runs)).toEqual(before);
});
