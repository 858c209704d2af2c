import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Recipe } from '../../../src/recipe/recipe';
import { allowedFoldersPath } from '../../../src/system/allowedFolders';
import { experimentText } from '../../support/smallTraining';
import { age, catsAndDogs, photo, testFolder, writeTree } from '../datasets/photos';
import { until } from '../runs/support';
import { canMount, tricksTests, withSmallDisk } from './tricks';

const work = tricksTests();

beforeEach(() => rm(allowedFoldersPath(), { force: true }));

const SMALL_IMAGES = { image_size: 8, batch_size: 4 };

/** An experiment on an image folder. */
function photosText(path = 'photos', changes: Record<string, unknown> = {}): string {
  return experimentText({
    data: JSON.stringify({ dataset: 'image_folder', path, ...SMALL_IMAGES, ...changes }),
    model: '{ name: resnet8, width: 2 }',
    schedule: '{ epochs: 1, decay: constant }',
    engine: 'wasm',
  });
}

/** A folder with photos and an experiment on them. */
async function workWithPhotos(
  changes: Record<string, unknown> = {},
  files?: Record<string, Uint8Array | string>,
) {
  const place = await work();
  await writeTree(join(place.folder, 'photos'), files ?? (await catsAndDogs()));
  await place.write('photos.yaml', photosText('photos', changes));
  return { ...place, indexes: join(place.folder, '.bag-of-tricks/datasets') };
}

/** Returns a command's standard error without the progress line that appears only if indexing takes long. */
const withoutProgress = (text: string) => text.replace('Indexing the images...\n', '');

describe('tricks data', () => {
  it('indexes images in threads and reports on them', async () => {
    const { tricks, indexes } = await workWithPhotos();
    const { code, stdout, stderr } = await tricks(['data', 'photos.yaml']);
    expect({ code, stderr: withoutProgress(stderr) }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^image_folder .*\/photos$/m);
    expect(stdout).toMatch(/^Images +8 for training, 4 for validation \(/m);
    expect(stdout).toMatch(/^Width +80 pixels$/m);
    expect(stdout).toMatch(/^CLASS +TRAIN +VALIDATION\ncat +4 +2\ndog +4 +2$/m);
    expect((await readdir(indexes)).map((name) => name.replace(/.*[.]/, ''))).toEqual(['bin', 'json']);
  });

  it('reports the same as JSON and as text', async () => {
    const { tricks } = await workWithPhotos();
    const { stdout } = await tricks(['data', 'photos.yaml', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      request: { dataset: 'image_folder', path: 'photos' },
      facts: { trainImages: 8, trainCounts: [4, 4], channels: 3 },
      report: { unreadable: { count: 0 }, problems: [] },
      testLooks: 0,
    });
  });

  it('reports leaks, and unreadable images, which are an error unless they are skipped', async () => {
    const one = await photo(90);
    const files = {
      ...(await catsAndDogs()),
      'train/cat/one.jpg': one,
      'val/cat/one.jpg': one,
      'train/dog/bad.jpg': 'x',
    };
    const { tricks, write } = await workWithPhotos({}, files);
    const bad = await tricks(['data', 'photos.yaml']);
    expect(bad.code).toBe(2);
    expect(bad.stdout).toContain('One image cannot be read.');
    expect(bad.stdout).toContain('  photos/train/dog/bad.jpg: The file is not an image.');
    expect(bad.stdout).toContain('  photos/val/cat/one.jpg = ');
    expect(bad.stderr).toContain('train/dog/bad.jpg cannot be read. The file is not an image.');
    expect(bad.stderr).toContain('data.on_bad_image: skip');
    await write('skip.yaml', photosText('photos', { on_bad_image: 'skip' }));
    expect((await tricks(['data', 'skip.yaml'])).code).toBe(0);
  });

  it('reports before a training problems of its images that do not prevent their use', async () => {
    const one = await photo(90);
    const { tricks, folder } = await workWithPhotos(
      { on_bad_image: 'skip' },
      {
        ...(await catsAndDogs()),
        'train/cat/one.jpg': one,
        'val/cat/one.jpg': one,
        'train/dog/bad.jpg': 'x',
        'train/dog/later.heic': 'x',
        'train/dog/notes.txt': 'x',
      },
    );
    const { code, stderr } = await tricks(['run', 'photos.yaml']);
    expect(code).toBe(0);
    const photos = join(folder, 'photos');
    expect(stderr.split('\n').filter((line) => line.startsWith('warning:'))).toEqual([
      'warning: These images have an unsupported format and are skipped: train/dog/later.heic.',
      `warning: One image cannot be read. ${photos}/train/dog/bad.jpg: The file is not an image.`,
      `warning: One validation or test image is a copy of an image in another split. ${photos}/val/cat/one.jpg = ${photos}/train/cat/one.jpg`,
    ]);
  });

  it('writes sheets: a row for each class, or samples next to their originals', async () => {
    const { tricks, folder } = await workWithPhotos();
    const plain = await tricks(['data', 'photos.yaml', '--sheet', 'sheet.png']);
    expect(plain.stdout).toMatch(/Wrote sheet[.]png: .*\ncat, dog\n\nTrain: tricks run photos.yaml\n$/);
    expect(await sharp(join(folder, 'sheet.png')).metadata()).toMatchObject({
      width: 4 * 100 + 4,
      height: 2 * 100 + 4,
    });
    const augmented = await tricks(['data', 'photos.yaml', '--augmented', '--set', 'data.augment=imagenet']);
    expect(augmented).toMatchObject({ code: 0, stdout: expect.stringMatching(/\ncat, dog, cat, dog/) });
    const path = join(folder, 'photos-augmented.png');
    const { data: pixels, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 8 * 12 + 4, height: 8 * 12 + 4, channels: 3 });
    // Two samples of one image differ, and the same command draws the same samples again.
    const tile = (column: number) =>
      Array.from(
        { length: 8 * 8 * 3 },
        (_, at) => pixels[((4 + Math.floor(at / 24)) * info.width + 4 + column * 12) * 3 + (at % 24)],
      );
    expect(tile(1)).not.toEqual(tile(2));
    expect(tile(1)).not.toEqual(tile(0));
    const first = await readFile(path);
    await tricks(['data', 'photos.yaml', '--augmented', '--set', 'data.augment=imagenet']);
    expect(await readFile(path)).toEqual(first);
  });

  it.each<[string, string, RegExp]>([
    ['a folder that is missing', photosText('nowhere'), /nowhere/],
    ['a data set that is known', experimentText(), /synthetic is built in and needs no index/],
    ['a bad file', photosText('photos', { dataset: 'image_foldr' }), /image_folder/],
  ])('refuses %s', async (_, text, words) => {
    const { tricks, write } = await workWithPhotos();
    await write('other.yaml', text);
    const { code, stderr, stdout } = await tricks(['data', 'other.yaml']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(words);
  });

  it('exits on an interrupt, and leaves no index', async () => {
    const { start, indexes, folder } = await workWithPhotos();
    // Ten seconds of work, so that no interrupt comes too late, in images that each finish quickly.
    const big = await sharp({ create: { width: 1500, height: 1500, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    await writeTree(
      join(folder, 'photos'),
      Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`train/cat/big${n}.png`, big])),
    );
    const running = start(['data', 'photos.yaml']);
    await until(() => running.stderr().includes('Indexing'));
    running.process.kill('SIGINT');
    expect(await running.outcome).toMatchObject({ code: 130, stdout: '' });
    expect(await readdir(indexes).catch(() => [])).toEqual([]);
  });

  it.skipIf(!canMount())('explains a full disk, and keeps the old index', async () => {
    const { shell, folder } = await workWithPhotos();
    // The index of more images than fit on the disk.
    const names = Array.from(
      { length: 3000 },
      (_, n) => `disk-photos/train/cat/a-name-that-takes-its-place-${n}.png`,
    );
    const small = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    await writeTree(
      folder,
      Object.fromEntries(
        [
          ...names,
          'disk-photos/train/dog/1.png',
          'disk-photos/val/cat/1.png',
          'disk-photos/val/dog/1.png',
        ].map((name) => [name, small]),
      ),
    );
    await writeFile(join(folder, 'disk.yaml'), photosText('../disk-photos'));
    const { code, stderr } = await shell(
      withSmallDisk(
        100,
        `cp disk.yaml disk && cd disk && $TRICKS data disk.yaml --allow ../disk-photos; code=$?; ls .bag-of-tricks/datasets > left; cd ..; (exit $code)`,
      ),
    );
    expect(stderr).toContain('The disk is full');
    expect(stderr).toContain('Free some space');
    expect(code).toBe(1);
    expect(await readFile(join(folder, 'left'), 'utf8')).toBe('');
  });
});

describe('a command that needs the images', () => {
  it('indexes them first, once, and prints only results to standard output', async () => {
    const { tricks } = await workWithPhotos();
    const first = await tricks(['resolve', 'photos.yaml']);
    expect({ ...first, stderr: withoutProgress(first.stderr) }).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout).data.dataset).toMatchObject({
      trainImages: 8,
      classNames: ['cat', 'dog'],
    });
    const second = await tricks(['schedule', 'photos.yaml']);
    expect(second).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^step,epoch,lr\n0,0,/),
    });
    const queued = await tricks(['queue', 'add', 'photos.yaml']);
    expect({ ...queued, stderr: withoutProgress(queued.stderr) }).toMatchObject({ code: 0, stderr: '' });
  });

  it('indexes them again before a training if they have changed', async () => {
    const { tricks, folder, indexes } = await workWithPhotos();
    await age(join(folder, 'photos'));
    await tricks(['queue', 'add', 'photos.yaml']);
    const tables = await readdir(indexes);
    await tricks(['queue', 'add', 'photos.yaml']);
    expect(await readdir(indexes)).toEqual(tables);
    await writeTree(join(folder, 'photos'), {
      'train/cat/more.jpg': await photo(77),
      'train/bird/1.jpg': await photo(78),
    });
    await tricks(['queue', 'add', 'photos.yaml']);
    const runs = JSON.parse((await tricks(['queue', '--json'])).stdout);
    expect(runs.map((run: { recipe: Recipe }) => run.recipe.data.dataset.trainCounts)).toEqual([
      [4, 4],
      [4, 4],
      [1, 5, 4],
    ]);
  });

  it('fails before it creates a run if some cannot be read', async () => {
    const { tricks, folder } = await workWithPhotos(
      {},
      { ...(await catsAndDogs()), 'train/dog/bad.jpg': 'x' },
    );
    for (const command of [['run'], ['queue', 'add']]) {
      const { code, stderr } = await tricks([...command, 'photos.yaml']);
      expect(code).toBe(2);
      expect(stderr).toContain('bad.jpg cannot be read.');
    }
    expect(await readdir(join(folder, '.bag-of-tricks'))).toEqual(['.gitignore', 'datasets']);
  });

  it('is not inspect, which creates no index and uses an existing one', async () => {
    const { tricks, folder } = await workWithPhotos();
    const without = await tricks(['inspect', 'photos.yaml']);
    expect(without).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(folder)).toEqual(['photos', 'photos.yaml']);
    await tricks(['data', 'photos.yaml']);
    const { stdout } = await tricks(['inspect', 'photos.yaml']);
    expect(stdout).toContain('8 x 8 x 3 and 2 classes');
  });
});

describe('data outside the folder that keeps the runs', () => {
  /** An experiment whose photos are in another folder. */
  async function workOutside() {
    const place = await work();
    const outside = await testFolder();
    await writeTree(outside, await catsAndDogs());
    await place.write('photos.yaml', photosText(outside));
    return { ...place, outside };
  }

  it('is refused without a terminal, with the command that allows it', async () => {
    const { tricks, outside, folder } = await workOutside();
    for (const command of ['run', 'data', 'resolve']) {
      const { code, stdout, stderr } = await tricks([command, 'photos.yaml']);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`Allow the folder: tricks allow ${outside}`);
    }
    expect(await readdir(folder)).toEqual(['photos.yaml']);
  });

  it('is read once its folder is allowed, for all commands, until that is revoked', async () => {
    const { tricks, outside } = await workOutside();
    expect(await tricks(['allow'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('tricks allow FOLDER'),
    });
    expect(await tricks(['data', 'photos.yaml', '--allow', outside])).toMatchObject({ code: 0 });
    expect(await tricks(['allow'])).toMatchObject({ code: 0, stdout: `${outside}\n` });
    expect(await tricks(['queue', 'add', 'photos.yaml'])).toMatchObject({ code: 0 });
    expect(await tricks(['allow', '--revoke', outside])).toMatchObject({ code: 0 });
    expect(await tricks(['queue', 'add', 'photos.yaml'])).toMatchObject({ code: 2 });
    expect(await tricks(['allow', outside])).toMatchObject({ code: 0, stdout: `Allowed: ${outside}\n` });
    expect(await tricks(['queue', 'add', 'photos.yaml'])).toMatchObject({ code: 0 });
  });

  it.skipIf(process.platform !== 'linux')(
    'is read after a yes at a terminal, and not otherwise',
    async () => {
      const { shell, outside, tricks } = await workOutside();
      const answer = (text: string) =>
        shell(
          `echo ${text} | script --quiet --return --command "$TRICKS resolve photos.yaml; code=\\$?; sleep 1; exit \\$code" /dev/null`,
        );
      for (const text of ['n', '', 'yesterday']) {
        const { code, stdout } = await answer(text);
        expect(code).toBe(2);
        expect(stdout).toContain(`${outside} is outside`);
        expect(stdout).toContain('Allow its images to be read? [y/N]');
      }
      expect(JSON.parse((await tricks(['allow', '--json'])).stdout)).toEqual([]);
      expect(await answer('y')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"trainImages": 8'),
      });
      expect(JSON.parse((await tricks(['allow', '--json'])).stdout)).toEqual([outside]);
      // The question is asked only once.
      expect((await answer('')).stdout).not.toContain('Allow its images to be read?');
    },
  );

  it('in a missing folder cannot be allowed', async () => {
    const { tricks } = await work();
    expect(await tricks(['allow', 'nowhere'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere'),
    });
    expect(await tricks(['allow', '--revoke', 'nowhere'])).toMatchObject({ code: 2 });
  });
});
