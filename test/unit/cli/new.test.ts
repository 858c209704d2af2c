import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { isValidation } from '../../../src/datasets/split';
import { allowedFoldersPath, readAllowedFolders } from '../../../src/system/allowedFolders';
import { catsAndDogs, photo, testFolder, writeTree } from '../datasets/photos';
import { tricksTests } from './tricks';

const work = tricksTests();

beforeEach(() => rm(allowedFoldersPath(), { force: true }));

async function workWithPhotos(name = 'photos') {
  const place = await work();
  await writeTree(join(place.folder, name), await catsAndDogs());
  return place;
}

describe('tricks new', () => {
  it('writes an experiment for a folder of images that runs as it is', async () => {
    const { tricks, folder } = await workWithPhotos();
    const { code, stdout } = await tricks(['new', '--data', 'photos']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'Wrote photos.experiment.yaml.\nCheck the images: tricks data photos.experiment.yaml\nTrain: tricks run photos.experiment.yaml\nOnly 8 images for training from scratch. Fine-tuning usually does better: add --force --weights torchvision:resnet18.\n',
    });
    const text = await readFile(join(folder, 'photos.experiment.yaml'), 'utf8');
    expect(text).toContain('# Trains from scratch on 8 images of 2 classes, with 4 for validation.\n');
    expect(text).toContain('  path: photos\n');
    const small = [
      '--set',
      'schedule.epochs=1',
      '--set',
      'tricks.warmup.epochs=1',
      '--set',
      'data.image_size=16',
      '--set',
      'model.width=2',
    ];
    const run = await tricks(['run', 'photos.experiment.yaml', '--engine', 'wasm', ...small]);
    expect(run, run.stderr).toMatchObject({ code: 0 });
  });

  it('writes nothing for images that cannot be trained on', async () => {
    const { tricks, folder } = await work();
    await writeTree(join(folder, 'photos'), { 'cat/1.jpg': await photo(1), 'cat/2.jpg': await photo(2) });
    const { code, stdout, stderr } = await tricks(['new', '--data', 'photos']);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(await readdir(folder)).not.toContain('photos.experiment.yaml');
  });

  it('keeps a fifth of few images for validation, and reports that some cannot be read', async () => {
    const { tricks, folder } = await work();
    const drawn = await Promise.all(
      ['cats', 'dogs'].flatMap((name) =>
        Array.from({ length: 40 }, async (_, at) => [
          `photos/${name}/${at}.jpg`,
          await photo(name === 'cats' ? at : at + 40, { width: 24, height: 24 }),
        ]),
      ),
    );
    await writeTree(folder, { ...Object.fromEntries(drawn), 'photos/cats/broken.jpg': 'no image' });
    const { code, stdout } = await tricks(['new', '--data', 'photos']);
    expect(code).toBe(0);
    expect(stdout).toContain('Problems found in the images: 1.');
    const text = await readFile(join(folder, 'photos.experiment.yaml'), 'utf8');
    expect(text).toContain('split: { validation: 0.2, seed: 0 }');
    const [, train, validation] = /on (\d+) images of 2 classes, with (\d+) for/.exec(text) ?? [];
    const sides = ['cats', 'dogs'].flatMap((name) =>
      Array.from({ length: 40 }, (_, at) => isValidation(`${name}/${at}.jpg`, { validation: 0.2, seed: 0 })),
    );
    expect(Number(validation)).toBe(sides.filter(Boolean).length);
    expect(Number(train) + Number(validation)).toBe(80);
  });

  it('replaces no file unless told to', async () => {
    const { tricks, folder } = await workWithPhotos();
    const file = join(folder, 'mine.yaml');
    await writeFile(file, 'mine');
    const refused = await tricks(['new', 'mine.yaml', '--data', 'photos']);
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--force') });
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect((await tricks(['new', 'mine.yaml', '--data', 'photos', '--force'])).code).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('dataset: image_folder');
  });

  it('takes a name and weights, and quotes what a shell would split', async () => {
    const { tricks, folder } = await workWithPhotos('my photos');
    const args = ['--data', 'my photos', '--name', 'pets: 1', '--weights', 'resnet18'];
    const { code, stdout } = await tricks(['new', ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain("Train: tricks run 'pets- 1.experiment.yaml'\n");
    const text = await readFile(join(folder, 'pets- 1.experiment.yaml'), 'utf8');
    expect(text).toContain('name: "pets: 1"\n');
    expect(text).toContain('  weights: torchvision:resnet18 ');
  });

  it('starts without images from a small example, under its own name', async () => {
    const { tricks, folder } = await work();
    const { code, stdout } = await tricks(['new', '--name', 'my: first']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "Wrote my- first.experiment.yaml.\nTrain: tricks run 'my- first.experiment.yaml'\n",
    });
    const resolved = await tricks(['resolve', 'my- first.experiment.yaml']);
    expect(JSON.parse(resolved.stdout)).toMatchObject({
      name: 'my: first',
      data: { dataset: { name: 'fashion-mnist-sample' } },
    });
    expect((await tricks(['new', 'second.experiment.yaml'])).code).toBe(0);
    expect(await readFile(join(folder, 'second.experiment.yaml'), 'utf8')).toContain('\nname: second\n');
  });

  it('asks for a name at a terminal, and otherwise says how to give one', async () => {
    const { tricks, shell, folder } = await work();
    expect(await tricks(['new'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Give it one: tricks new --name NAME'),
    });
    expect(await tricks(['new', '--weights', 'resnet18'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('tricks new --data FOLDER --weights resnet18'),
    });
    expect(await readdir(folder)).toEqual([]);
    if (process.platform !== 'linux') return;
    const asked = await shell(
      'echo asked | script --quiet --return --command "$TRICKS new; code=\\$?; sleep 1; exit \\$code" /dev/null',
    );
    expect(asked.stdout).toContain('Name of the experiment:');
    expect(await readFile(join(folder, 'asked.experiment.yaml'), 'utf8')).toContain('\nname: asked\n');
  });

  it('allows the images outside that it was given, and writes their path', async () => {
    const { tricks, folder } = await work();
    const outside = await testFolder();
    await writeTree(join(outside, 'pets'), await catsAndDogs());
    expect((await tricks(['new', '--data', join(outside, 'pets')])).code).toBe(0);
    expect(await readAllowedFolders()).toEqual([join(outside, 'pets')]);
    const text = await readFile(join(folder, 'pets.experiment.yaml'), 'utf8');
    expect(text).toContain(`  path: ${join(outside, 'pets')}\n`);
    expect((await tricks(['resolve', 'pets.experiment.yaml'])).code).toBe(0);
  });

  it.each<[string, string[], RegExp]>([
    [
      'a folder that is missing',
      ['--data', 'nowhere'],
      /The folder .*nowhere does not exist\.\nCheck the path/,
    ],
    ['weights that it does not know', ['--data', 'photos', '--weights', 'alexnet'], /torchvision:resnet50/],
    ['weights without a folder', ['--weights', 'resnet18'], /tricks new --data FOLDER --weights resnet18/],
  ])('refuses %s, and writes nothing', async (_, args, words) => {
    const { tricks, folder } = await workWithPhotos();
    const { code, stderr, stdout } = await tricks(['new', 'a.yaml', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(words);
    await expect(readFile(join(folder, 'a.yaml'))).rejects.toThrow('ENOENT');
  });
});

describe('tricks new --from', () => {
  const ARGUMENTS = `aa: null
amp: false
batch_size: 64
cutmix: 0.0
data_dir: pets
dataset: ''
drop_path: null
epochs: 3
lr: 0.1
mixup: 0.2
model: resnet50
num_classes: 37
opt: sgd
output: ''
sched: cosine
seed: 42
smoothing: 0.1
warmup_epochs: 5
weight_decay: 0.0001
`;

  it.each([['run'], ['resolve'], ['inspect'], ['queue', 'add']])(
    'is named where tricks %s gets a file of timm',
    async (...command) => {
      const { tricks, write, folder } = await work();
      await write('args.yaml', ARGUMENTS);
      const { code, stderr } = await tricks([...command, 'args.yaml']);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr:
          'error: args.yaml is a file of timm, not an experiment.\nWrite an experiment that runs its command: tricks new --from args.yaml\n',
      });
      expect(await readdir(folder)).toEqual(['args.yaml']);
    },
  );

  it('writes an experiment of the same command beside the file', async () => {
    const { tricks, write, folder } = await work();
    await write('args.yaml', ARGUMENTS);
    const { code, stdout } = await tricks(['new', '--from', 'args.yaml', '--name', 'pets']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'Wrote args.experiment.yaml.\nSet the folder of the training script in the experiment, then run it.\nTrain: tricks run args.experiment.yaml\n',
    });
    expect(await readFile(join(folder, 'args.experiment.yaml'), 'utf8')).toMatch(/^name: pets$/m);
    const resolved = await tricks(['resolve', 'args.experiment.yaml']);
    expect(JSON.parse(resolved.stdout)).toMatchObject({
      kind: 'command',
      system: 'timm',
      command: expect.arrayContaining(['--data-dir', 'pets', '--epochs', '3']),
    });
    // Nothing is overwritten.
    expect(await tricks(['new', '--from', 'args.yaml'])).toMatchObject({ code: 2 });
  });

  it('refuses a file of no known system, other sources beside it, and another folder', async () => {
    const { tricks, write } = await work();
    await write('args.yaml', ARGUMENTS);
    await write('own.py', 'print(1)\n');
    const refused = async (...more: string[]) => {
      const { code, stderr } = await tricks(['new', '--from', ...more]);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('own.py')).toContain('is no file of timm, torchvision or MMPretrain.');
    expect(await refused('args.yaml', '--data', 'photos')).toContain('--from and --data exclude each other.');
    expect(await refused('args.yaml', 'other/a.experiment.yaml')).toContain('must be in the same folder');
  });
});
