import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { KnownDatasetRequest } from '../../../src/recipe/datasets';
import { bestCheckpointPath } from '../../../src/runs/checkpoint';
import { evaluationFolder } from '../../../src/runs/evaluationFiles';
import { decodeNpy } from '../../../src/shared/npy';
import { openDataset } from '../../../src/training/data/open';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'small.experiment.yaml';

interface Predicted {
  readonly path: string;
  readonly classes?: readonly { readonly class: string; readonly probability: number }[];
  readonly error?: { readonly what: string; readonly remedy: string };
}

/** A folder with a trained run and its validation images as PNG files in `images`, named by their number. */
async function trained(settings: readonly string[] = []) {
  const place = await work();
  const { folder, tricks, write, manifest } = place;
  await write(FILE, experimentText({ engine: 'wasm' }));
  const run = await tricks(['run', FILE, ...settings.flatMap((setting) => ['--set', setting])]);
  expect(run).toMatchObject({ code: 0 });
  const { id, recipe } = await manifest();
  const images = join(folder, 'images');
  await mkdir(images);
  const { facts, validation } = await openDataset(recipe.data.source as KnownDatasetRequest);
  const { height, width, channels } = facts;
  const labels: number[] = [];
  for (let image = 0; image < validation.count; image++) {
    const pixels = new Uint8Array(height * width * channels);
    validation.draw(image, pixels);
    labels.push(validation.label(image));
    await sharp(pixels, { raw: { height, width, channels: channels === 1 ? 1 : 3 } })
      .png()
      .toFile(join(images, `${String(image).padStart(3, '0')}.png`));
  }
  const runFolder = join(folder, '.bag-of-tricks/runs', id);
  const predict = async (args: readonly string[], notes = ''): Promise<Predicted[]> => {
    const { code, stdout, stderr } = await tricks(['predict', 'last', ...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: notes });
    return JSON.parse(stdout);
  };
  return { ...place, predict, labels, runFolder };
}

describe('tricks predict', () => {
  it.each([
    ['gray images', []],
    ['colored images of another height than width', ['data.channels=3', 'data.height=9']],
  ])('predicts for %s what the run predicted in training', async (_, settings) => {
    const { predict, labels, runFolder } = await trained(settings);
    const predictions = await predict(['images']);
    expect(predictions.map(({ path }) => path)).toEqual(
      labels.map((__, image) => `images/${String(image).padStart(3, '0')}.png`),
    );
    const kept = await readFile(join(evaluationFolder(runFolder, 'best'), 'correct.npy'));
    const correct = [...decodeNpy(kept).values].map(Number);
    expect(
      predictions.map(({ classes }, image) => Number(classes?.[0]?.class === `class ${labels[image]}`)),
    ).toEqual(correct);
    // Up to the probability of the right class, which the list of most wrong images includes.
    const wrong: string[][] = parse(
      await readFile(join(evaluationFolder(runFolder, 'best'), 'most_wrong.csv'), 'utf8'),
      { fromLine: 2 },
    );
    expect(wrong).toHaveLength(32);
    for (const [name = '', right, predicted, probability] of wrong) {
      const { classes = [] } = predictions[Number(name.slice(1))]!;
      expect(classes).toHaveLength(4);
      expect(classes[0]?.class).toBe(predicted);
      expect(classes.find((each) => each.class === right)?.probability).toBeCloseTo(Number(probability), 4);
      expect(classes.reduce((sum, each) => sum + each.probability, 0)).toBeCloseTo(1, 6);
    }
  });

  it('prints the likeliest classes of each image, and writes CSV', async () => {
    const { tricks } = await trained();
    const text = await tricks(['predict', 'last', 'images/000.png', 'images/001.png', '--top', '2']);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(
      /^images\/000\.png\n( {2}class \d +\d+\.\d\d%\n){2}images\/001\.png\n( {2}class \d +\d+\.\d\d%\n){2}$/,
    );
    const csv = await tricks(['predict', 'last', 'images/000.png', '--csv', '--top', '2']);
    const rows: string[][] = parse(csv.stdout);
    expect(rows[0]).toEqual(['path', 'rank', 'class', 'probability']);
    expect(rows.slice(1).map(([path, rank]) => [path, rank])).toEqual([
      ['images/000.png', '1'],
      ['images/000.png', '2'],
    ]);
    expect(Number(rows[1]![3])).toBeGreaterThanOrEqual(Number(rows[2]![3]));
  });

  it('takes images of any size, format and color', async () => {
    const { folder, predict } = await trained();
    const photo = sharp({ create: { width: 60, height: 45, channels: 3, background: '#c84' } });
    await photo.clone().jpeg().toFile(join(folder, 'a photo.jpeg'));
    await photo.clone().webp().toFile(join(folder, 'b.WEBP'));
    const predictions = await predict(['a photo.jpeg', 'b.WEBP', '--top', '1']);
    expect(predictions.map(({ classes }) => classes?.length)).toEqual([1, 1]);
  });

  it('names each unreadable image, and classifies the others', async () => {
    const { folder, tricks } = await trained();
    await writeFile(join(folder, 'images/005.png'), 'not an image');
    await writeFile(join(folder, 'empty.jpg'), '');
    const { code, stdout, stderr } = await tricks([
      ...['predict', 'last', 'empty.jpg', 'images', 'missing.png', '--json', '--top', '1'],
    ]);
    expect(code).toBe(1);
    const results: Predicted[] = JSON.parse(stdout);
    expect(results).toHaveLength(34);
    expect(results.filter(({ error }) => error).map(({ path, error }) => `${path}: ${error?.what}`)).toEqual([
      'empty.jpg: empty.jpg: The file is empty.',
      'images/005.png: images/005.png: The file is not an image.',
      'missing.png: missing.png does not exist.',
    ]);
    for (const { error } of results)
      if (error) expect(stderr).toContain(`error: ${error.what}\n${error.remedy}`);
    expect(results.filter(({ classes }) => classes?.length === 1)).toHaveLength(31);
    expect(stderr).not.toContain('data set');
  });

  it.skipIf(process.platform === 'win32')('does not wait for the writer of a pipe', async () => {
    const { folder, tricks } = await trained();
    execFileSync('mkfifo', [join(folder, 'pipe.png')]);
    const { code, stderr } = await tricks(['predict', 'last', 'pipe.png']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'error: pipe.png: It is not a file.\nSpecify an undamaged image file.\n',
    });
  });

  it('takes folders recursively, without system files and links that may loop', async () => {
    const { folder, predict } = await trained();
    await mkdir(join(folder, 'images/b/c'), { recursive: true });
    await cp(join(folder, 'images/000.png'), join(folder, 'images/b/c/1.PNG'));
    for (const name of ['.hidden.png', 'notes.txt', 'Thumbs.db']) {
      await writeFile(join(folder, 'images/b', name), 'none');
    }
    await mkdir(join(folder, 'images/__MACOSX'));
    await writeFile(join(folder, 'images/__MACOSX/._1.png'), 'none');
    await symlink('..', join(folder, 'images/b/back'));
    const predictions = await predict(
      ['images/b', 'images/000.png'],
      'These links point to folders outside the data set and are not followed: back.\nFiles that are not images are skipped: *.txt: 1.\n',
    );
    expect(predictions.map(({ path }) => path)).toEqual(['images/b/c/1.PNG', 'images/000.png']);
    expect(predictions[0]?.classes).toEqual(predictions[1]?.classes);
  });

  it('uses the requested weights', async () => {
    const { predict } = await trained(['tricks.ema.decay=0.5', 'optimizer.base_lr=0.3']);
    const asked = async (...args: string[]) => (await predict(['images/000.png', ...args]))[0]?.classes;
    const last = await asked('--checkpoint', 'last');
    expect(await asked('--average')).not.toEqual(last);
    expect(await asked('--checkpoint', 'last', '--engine', 'cpu')).toEqual(
      last?.map((each) => ({ ...each, probability: expect.closeTo(each.probability, 4) })),
    );
  });

  it('says why there is nothing to ask or to classify', async () => {
    const { folder, tricks, runFolder } = await trained();
    const failure = async (...args: string[]) => {
      const { code, stdout, stderr } = await tricks(['predict', ...args]);
      return { code, stdout, stderr: stderr.split('\n')[0] };
    };
    await mkdir(join(folder, 'bare'));
    expect(await failure('last', 'bare')).toEqual({
      ...{ code: 2, stdout: '', stderr: 'error: The folder bare has no images.' },
    });
    expect(await failure('none', 'images')).toMatchObject({ code: 2, stdout: '' });
    expect(await failure('last', 'images', '--json', '--csv')).toMatchObject({ code: 2, stdout: '' });
    expect(await failure('last', 'images', '--average')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: The run has no EMA weights: it was trained without the trick ema.',
    });
    await writeFile(bestCheckpointPath(runFolder), 'damaged');
    expect((await failure('last', 'images')).stderr).toContain('best.safetensors cannot be read');
    const checkpoints = dirname(bestCheckpointPath(runFolder));
    for (const name of await readdir(checkpoints)) await writeFile(join(checkpoints, name), '');
    expect((await failure('last', 'images', '--checkpoint', 'last')).stderr).toContain('cannot be read');
  });
});

const FOLDER_FILE = 'pictures.experiment.yaml';

/** A run on a folder of images in six classes, with some images in each of these splits. */
async function trainedOnFolder(splits: readonly string[]) {
  const place = await work();
  const { folder, tricks, write } = place;
  const request = { train_images: 96, validation_images: 60, height: 16, width: 16, channels: 3, classes: 6 };
  const { train, validation } = await openDataset({ dataset: 'synthetic', ...request });
  const save = async (split: string, source: typeof train, first: number, end: number) => {
    for (let image = first; image < end; image++) {
      const pixels = new Uint8Array(16 * 16 * 3);
      source.draw(image, pixels);
      const path = join(folder, 'pictures', split, `kind ${source.label(image)}`);
      await mkdir(path, { recursive: true });
      await sharp(pixels, { raw: { height: 16, width: 16, channels: 3 } })
        .png()
        .toFile(join(path, `${image}.png`));
    }
  };
  await save('train', train, 0, 96);
  await save('val', validation, 0, 30);
  if (splits.includes('test')) await save('test', validation, 30, 60);
  await write(
    FOLDER_FILE,
    `name: pictures
data: { dataset: image_folder, path: pictures, batch_size: 16 }
model: { name: resnet8, width: 4 }
schedule: { epochs: 3, decay: constant }
engine: wasm
`,
  );
  expect(await tricks(['run', FOLDER_FILE])).toMatchObject({ code: 0 });
  return place;
}

describe('tricks test', () => {
  it('evaluates the best weights on images that training never saw, and counts each evaluation', async () => {
    const { folder, tricks, manifest } = await trainedOnFolder(['train', 'val', 'test']);
    const { id } = await manifest();
    // A run saves nothing about test images.
    const best = evaluationFolder(join(folder, '.bag-of-tricks/runs', id), 'best');
    const wrong: string[][] = parse(await readFile(join(best, 'most_wrong.csv'), 'utf8'), { fromLine: 2 });
    expect(wrong).toHaveLength(30);
    for (const [name = ''] of wrong) expect(Number(/kind \d\/(\d+)\.png$/.exec(name)?.[1])).toBeLessThan(30);

    const first = await tricks(['test', 'last', '--json']);
    expect(first.code).toBe(0);
    const tested = JSON.parse(first.stdout);
    expect(tested).toMatchObject({ run: id, images: 30, looks: 1 });
    // The results for all images together match those for each image.
    const each = await tricks(['predict', 'last', 'pictures/test', '--json']);
    const predictions: Predicted[] = JSON.parse(each.stdout);
    const ranks = predictions.map(({ path, classes = [] }) =>
      classes.findIndex((choice) => choice.class === path.split('/').at(-2)),
    );
    expect(ranks).toHaveLength(30);
    const share = (isCounted: (rank: number) => boolean) => ranks.filter(isCounted).length / 30;
    expect(tested).toMatchObject({
      correct: ranks.filter((rank) => rank === 0).length,
      accuracy: share((rank) => rank === 0),
      top5: share((rank) => rank >= 0),
    });
    const [low, high] = tested.interval95;
    expect(low).toBeLessThan(tested.accuracy);
    expect(high).toBeGreaterThanOrEqual(tested.accuracy);

    const second = await tricks(['test', 'last', '--checkpoint', 'last']);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(
      /^Test accuracy \d+\.\d% \(95% interval \d+\.\d% to \d+\.\d%\), \d+ of 30 images\nTop-5 accuracy +\d+\.\d%\nMacro F1 +\d+\.\d%\nBalanced accuracy +\d+\.\d%\nLoss +\d\.\d{4}\nThis is evaluation 2 on the test images of this data set\.\n$/,
    );
  });

  it('refuses images that changed since the run was made, which counts no evaluation', async () => {
    const { folder, tricks } = await trainedOnFolder(['train', 'val', 'test']);
    await writeFile(join(folder, 'pictures/test/kind 0/30.png'), 'another');
    const { code, stderr, stdout } = await tricks(['test', 'last']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('30.png has changed since the data set was indexed.');
    const looks = (await readdir(join(folder, '.bag-of-tricks/datasets'))).filter((name) =>
      /looks/.test(name),
    );
    expect(looks).toEqual([]);
  });

  it('refuses a data set without test images', async () => {
    const { tricks } = await trained();
    expect(await tricks(['test', 'last'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'error: The data set synthetic has no separate test images.\nUse a data set with a test split, such as a folder of images with train, val and test.\n',
    });
    const { tricks: onFolder } = await trainedOnFolder(['train', 'val']);
    const { code, stdout, stderr } = await onFolder(['test', 'last']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      'error: The data set image_folder has no test images.\nSet some images aside that training never sees',
    );
  });
});
