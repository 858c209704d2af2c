import { mkdirSync } from 'node:fs';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listDataset } from '../../../src/datasets/list';
import type { ListedDataset } from '../../../src/datasets/listing';
import type { SplitOptions } from '../../../src/recipe/datasets';
import { UserError } from '../../../src/shared/userError';
import { unprivileged } from '../support/unprivileged';
import { imagesOf, makeFiles, numbered, problemsOf, testFolder } from './folders';

const folder = testFolder();
const SPLIT: SplitOptions = { validation: 0.25, seed: 0 };

const list = (path = '.', split = SPLIT, signal?: AbortSignal, onProgress?: (what: string) => void) =>
  listDataset(
    { dataset: 'image_folder', path, split },
    { folder: folder.path, cacheFolder: join(folder.path, '.cache'), signal, onProgress },
  );

const errorsOf = ({ problems }: ListedDataset) => problems.filter(({ severity }) => severity === 'error');

async function userErrorOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('the layout of a folder of images', () => {
  test.each([
    ['train', 'val'],
    ['train', 'valid'],
    ['Train', 'Validation'],
    ['TRAINING', 'VAL'],
  ])('may be %s and %s, with test', async (train, validation) => {
    await makeFiles(folder.path, [
      ...[`${train}/cat/b.jpg`, `${train}/cat/a.png`, `${train}/dog/c.webp`],
      ...[`${validation}/cat/d.jpg`, `${validation}/dog/e.JPEG`, 'Test/dog/f.gif'],
    ]);
    const listed = await list();
    expect(listed.classNames).toEqual(['cat', 'dog']);
    expect(imagesOf(listed, listed.train)).toEqual([
      `${train}/cat/a.png: cat`,
      `${train}/cat/b.jpg: cat`,
      `${train}/dog/c.webp: dog`,
    ]);
    expect(imagesOf(listed, listed.validation)).toEqual([
      `${validation}/cat/d.jpg: cat`,
      `${validation}/dog/e.JPEG: dog`,
    ]);
    expect(imagesOf(listed, listed.test)).toEqual(['Test/dog/f.gif: dog']);
    expect(listed.problems).toEqual([]);
  });

  test('may be classes only: validation images are split from each', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 40));
    const listed = await list();
    const [train, validation] = [imagesOf(listed, listed.train), imagesOf(listed, listed.validation)];
    expect([...train, ...validation].sort()).toEqual(
      numbered(['cat', 'dog'], 40)
        .map((name) => `${name}: ${name.slice(0, 3)}`)
        .sort(),
    );
    expect(validation.length).toBeGreaterThan(8);
    expect(validation.length).toBeLessThan(32);
    expect(listed.test).toBeNull();
    expect(listed.problems).toEqual([]);
  });

  test('may be train and test: validation is split from train, and test stays test', async () => {
    await makeFiles(folder.path, [
      ...numbered(['train/cat', 'train/dog'], 20),
      ...numbered(['test/cat', 'test/dog'], 2),
    ]);
    const listed = await list();
    expect(listed.validation.labels.length).toBeGreaterThan(0);
    expect(imagesOf(listed, listed.validation).every((name) => name.startsWith('train/'))).toBe(true);
    expect(imagesOf(listed, listed.test)).toHaveLength(4);
  });

  test('may have a class of vehicles named train', async () => {
    await makeFiles(folder.path, numbered(['bus', 'car', 'train'], 12));
    expect((await list()).classNames).toEqual(['bus', 'car', 'train']);
  });

  test('may have a class named test', async () => {
    await makeFiles(folder.path, numbered(['control', 'test'], 12));
    expect((await list()).classNames).toEqual(['control', 'test']);
  });

  test('names folders next to train that are not read', async () => {
    await makeFiles(folder.path, [
      ...numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 1),
      ...['extra/cat/1.jpg', 'train/loose.jpg'],
    ]);
    const listed = await list();
    expect(problemsOf(listed, 'ignored').map(({ where }) => where)).toEqual([['train/loose.jpg'], ['extra']]);
    expect(listed.train.labels).toHaveLength(2);
  });

  test('nested folders belong to their top-level class', async () => {
    await makeFiles(folder.path, ['train/cat/1.jpg', 'train/cat/paris/2024/2.jpg', 'train/cat/oslo/3.jpg']);
    await makeFiles(folder.path, ['train/dog/1.jpg', 'val/cat/1/2/3/x.jpg', 'val/dog/x.jpg']);
    const listed = await list();
    expect(imagesOf(listed, listed.train)).toEqual([
      'train/cat/1.jpg: cat',
      'train/cat/oslo/3.jpg: cat',
      'train/cat/paris/2024/2.jpg: cat',
      'train/dog/1.jpg: dog',
    ]);
    expect(imagesOf(listed, listed.validation)).toEqual(['val/cat/1/2/3/x.jpg: cat', 'val/dog/x.jpg: dog']);
  });

  test('hidden and system entries are neither classes nor images', async () => {
    const images = numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 2);
    await makeFiles(folder.path, images);
    await makeFiles(folder.path, [
      ...['train/.ipynb_checkpoints/1.jpg', '__MACOSX/train/cat/._0.jpg', 'train/__MACOSX/1.jpg'],
      ...['train/cat/._0.jpg', 'train/cat/Thumbs.db', 'train/cat/desktop.ini', 'train/.DS_Store'],
      ...['train/@eaDir/1.jpg', 'lost+found/1.jpg', 'val/cat/.ipynb_checkpoints/0-checkpoint.jpg'],
      ...['.cache/x/1.jpg', 'train/cat/__pycache__/a.jpg'],
    ]);
    const listed = await list();
    expect(listed.classNames).toEqual(['cat', 'dog']);
    expect(listed.train.labels.length + listed.validation.labels.length).toBe(images.length);
    expect(listed.problems).toEqual([]);
  });

  test("classes are in torchvision's order, that of code points", async () => {
    // UTF-16 order would put the face, past U+FFFF, before the private-use character.
    const names = ['10', '9', 'Zebra', '_other', 'apple', 'zoo', 'äpfel', '\ue000', '\u{1f600}'];
    await makeFiles(folder.path, numbered([...names].reverse(), 1));
    expect((await list()).classNames).toEqual(names);
  });

  test('names stay as on disk, and are one class in both splits whatever their Unicode composition', async () => {
    const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];
    await makeFiles(
      folder.path,
      numbered([`train/${decomposed}`, 'train/tea', `val/${composed}`, 'val/tea'], 1),
    );
    const listed = await list();
    expect(listed.classNames).toEqual([decomposed, 'tea']);
    expect([...listed.validation.labels]).toEqual([0, 1]);
    expect(listed.problems).toEqual([]);
  });

  test('paths may have spaces, unicode, and 300 characters and more', async () => {
    const deep = `train/big cat/${'ein langer Name 長い '.repeat(5)}/${'x'.repeat(120)}/${'y'.repeat(120)}.jpg`;
    expect(deep.length).toBeGreaterThan(300);
    await makeFiles(folder.path, [
      deep,
      'train/dog #1%/1 (copy).jpg',
      ...numbered(['val/big cat', 'val/dog #1%'], 1),
    ]);
    const listed = await list();
    expect(imagesOf(listed, listed.train)).toEqual([
      `${deep}: big cat`,
      'train/dog #1%/1 (copy).jpg: dog #1%',
    ]);
  });

  test('5,000 classes', async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `class ${i}`);
    for (const name of names) mkdirSync(join(folder.path, name));
    await makeFiles(folder.path, ['class 7/1.jpg']);
    const listed = await list();
    expect(listed.classNames).toHaveLength(5000);
    expect(listed.train.labels.length + listed.validation.labels.length).toBe(1);
    const [empty] = problemsOf(listed, 'empty_class');
    expect(empty).toMatchObject({ count: 4999, where: expect.objectContaining({ length: 10 }) });
  });
});

describe('the split', () => {
  test('keeps groups that a pattern names on one side', async () => {
    const patients = Array.from({ length: 30 }, (_, i) => `p${i}`);
    const names = patients.flatMap((patient) => [`sick/${patient}_a.jpg`, `healthy/${patient}_b.jpg`]);
    await makeFiles(folder.path, [...names, 'sick/other.jpg']);
    const listed = await list('.', { ...SPLIT, group_by: '{patient}_*' });
    const sides = new Map<string, Set<string>>();
    for (const side of ['train', 'validation'] as const)
      for (const name of imagesOf(listed, listed[side])) {
        const patient = /p\d+/.exec(name)?.[0];
        if (patient) sides.set(patient, (sides.get(patient) ?? new Set()).add(side));
      }
    expect(sides.size).toBe(30);
    expect([...sides.values()].every((side) => side.size === 1)).toBe(true);
    expect(problemsOf(listed, 'ungrouped')).toMatchObject([
      { severity: 'warning', count: 1, where: ['sick/other.jpg'] },
    ]);
  });

  test('refuses a pattern that names no group', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 2));
    const error = await userErrorOf(list('.', { ...SPLIT, group_by: 'patient' }));
    expect(error.failure.remedy).toContain('{patient}');
  });

  test('names a class left without validation images, and one without training images', async () => {
    await makeFiles(folder.path, [...numbered(['cat', 'dog'], 40), 'rare/0.jpg', 'rarer/1.jpg']);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => list('.', { validation: 0.4, seed })),
    );
    const unjudged = all.flatMap((listed) => problemsOf(listed, 'no_validation_image'));
    expect(unjudged.length).toBeGreaterThan(0);
    expect(unjudged.every(({ severity }) => severity === 'warning')).toBe(true);
    expect(unjudged.flatMap(({ where }) => where)).toEqual(expect.arrayContaining(['rare', 'rarer']));
    const untrained = all.flatMap((listed) => problemsOf(listed, 'empty_class'));
    expect(untrained.length).toBeGreaterThan(0);
    expect(untrained[0]?.what).toMatch(/^All images of these classes are validation images: rare/);
  });

  test('is an error if no image at all is in validation', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 1));
    const listed = await list('.', { validation: 0.001, seed: 0 });
    expect(errorsOf(listed)).toMatchObject([{ kind: 'no_validation_image', count: 2 }]);
  });
});

describe('a bad folder of images reports', () => {
  test('a missing folder, a file, and a folder without classes', async () => {
    expect((await userErrorOf(list('nowhere'))).failure.what).toMatch(
      /^The folder .*nowhere does not exist\.$/,
    );
    await writeFile(join(folder.path, 'file'), '');
    expect((await userErrorOf(list('file'))).failure.what).toMatch(/is not a folder\.$/);
    await makeFiles(folder.path, ['flat/1.jpg', 'flat/2.jpg']);
    const error = await userErrorOf(list('flat'));
    expect(error.failure).toMatchObject({
      what: expect.stringMatching(/has no class folders\.$/),
      remedy: 'Put the images of each class into a folder with the class name.',
    });
  });

  test('a validation folder without a training folder, and two of them', async () => {
    await makeFiles(folder.path, ['a/val/cat/1.jpg', 'a/test/cat/1.jpg']);
    expect((await userErrorOf(list('a'))).failure.what).toMatch(/has no train folder\.$/);
    await makeFiles(folder.path, ['b/train/cat/1.jpg', 'b/val/cat/1.jpg', 'b/valid/cat/1.jpg']);
    expect((await userErrorOf(list('b'))).failure.what).toContain('val, valid');
  });

  test('an empty class, by its name', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 1));
    await mkdir(join(folder.path, 'train/bird'));
    const listed = await list();
    expect(listed.classNames).toEqual(['bird', 'cat', 'dog']);
    expect(errorsOf(listed)).toMatchObject([
      { kind: 'empty_class', count: 1, where: ['bird'], what: 'These classes have no images: bird.' },
    ]);
  });

  test('only one class', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'val/cat'], 2));
    expect(errorsOf(await list())).toMatchObject([{ kind: 'single_class', where: ['cat'] }]);
  });

  test('a class of the validation images without training images, by its name', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'train/dog', 'val/cat', 'val/dogs', 'test/emu'], 2));
    const listed = await list();
    expect(errorsOf(listed)).toMatchObject([
      { kind: 'unknown_class', count: 2, where: ['test/emu', 'val/dogs'] },
    ]);
    expect(imagesOf(listed, listed.validation)).toEqual(['val/cat/0.jpg: cat', 'val/cat/1.jpg: cat']);
  });

  test('a class that validation lacks keeps the numbers of the training folder', async () => {
    await makeFiles(folder.path, numbered(['train/ant', 'train/bee', 'train/cat', 'val/cat'], 1));
    const listed = await list();
    expect(imagesOf(listed, listed.validation)).toEqual(['val/cat/0.jpg: cat']);
    expect([...listed.validation.labels]).toEqual([2]);
    expect(problemsOf(listed, 'no_validation_image')).toMatchObject([{ where: ['ant', 'bee'] }]);
  });

  test('files that are not images are counted once by extension; unsupported formats are named', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 1));
    await makeFiles(folder.path, [
      'train/cat/a.txt',
      'train/dog/b.TXT',
      'train/readme.md',
      'train/cat/c.xml',
    ]);
    await makeFiles(folder.path, ['train/cat/photo.HEIC', 'train/cat/photo.svg', 'train/cat/README']);
    const listed = await list();
    expect(problemsOf(listed, 'ignored')).toMatchObject([
      { severity: 'warning', count: 5, where: ['*.txt: 2', 'no extension: 1', '*.md: 1', '*.xml: 1'] },
    ]);
    expect(problemsOf(listed, 'unsupported')).toMatchObject([
      { severity: 'warning', where: ['train/cat/photo.HEIC', 'train/cat/photo.svg'] },
    ]);
    expect(listed.train.labels).toHaveLength(2);
  });

  test('a file without an extension is an image if its content is one', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 1));
    await makeFiles(folder.path, ['train/cat/1234'], Uint8Array.of(0xff, 0xd8, 0xff, 0xe0));
    const listed = await list();
    expect(imagesOf(listed, listed.train)).toContain('train/cat/1234: cat');
    expect(listed.problems).toEqual([]);
  });
});

// File systems of other operating systems reject these names.
describe.runIf(process.platform === 'linux')('names that are not UTF-8', () => {
  const latin1 = (...parts: readonly string[]) =>
    Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from(parts.join('/'), 'latin1')]);

  test('are skipped for images, and refused for classes: their labels would be missing', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 8));
    await writeFile(latin1('cat', 'b\u00e9.jpg'), 'image');
    const listed = await list();
    expect(problemsOf(listed, 'unreadable')).toMatchObject([
      { severity: 'warning', count: 1, where: ['cat/b\ufffd.jpg'] },
    ]);
    await mkdir(latin1('b\u00e4r'));
    await writeFile(latin1('b\u00e4r', '1.jpg'), 'image');
    const [error] = errorsOf(await list());
    expect(error).toMatchObject({
      kind: 'unreadable',
      what: 'The names of these folders are not UTF-8: b\ufffdr.',
    });
  });
});

describe('links', () => {
  const base = () =>
    makeFiles(folder.path, numbered(['data/train/cat', 'data/train/dog', 'data/val/cat', 'data/val/dog'], 1));
  const link = (target: string, at: string) => symlink(target, join(folder.path, at));

  test('within the data set are followed, to files and to folders', async () => {
    await base();
    await makeFiles(folder.path, ['data/pool/shared.jpg', 'data/pool/more/1.jpg']);
    await link('../../pool/shared.jpg', 'data/train/cat/linked.jpg');
    await link('../../pool/more', 'data/train/dog/more');
    const listed = await list('data');
    expect(imagesOf(listed, listed.train)).toEqual(
      [
        'data/train/cat/0.jpg: cat',
        'data/train/cat/linked.jpg: cat',
        'data/train/dog/0.jpg: dog',
        'data/train/dog/more/1.jpg: dog',
      ].map((name) => name.replace('data/', '')),
    );
    expect(problemsOf(listed, 'link')).toEqual([]);
  });

  test('that lead out of the data set are refused, and named', async () => {
    await base();
    await makeFiles(folder.path, ['elsewhere/cat/1.jpg', 'data-2/1.jpg']);
    await link(join(folder.path, 'elsewhere/cat/1.jpg'), 'data/train/cat/out.jpg');
    await link('../../../elsewhere', 'data/train/dog/out');
    // Its name begins like the data set's.
    await link('../../data-2', 'data/train/emu');
    const listed = await list('data');
    expect(imagesOf(listed, listed.train)).toEqual(['train/cat/0.jpg: cat', 'train/dog/0.jpg: dog']);
    expect(problemsOf(listed, 'link')).toMatchObject([
      { severity: 'error', count: 2, where: expect.arrayContaining(['train/emu', 'train/dog/out']) },
      { severity: 'warning', count: 1, where: ['train/cat/out.jpg'] },
    ]);
  });

  test('that form a loop are cut, and named', async () => {
    await base();
    await link('..', 'data/train/cat/up');
    await link('.', 'data/train/dog/self');
    await link('ring-b', 'data/train/cat/ring-a');
    await link('ring-a', 'data/train/cat/ring-b');
    // Each links into the other: followed once.
    await makeFiles(folder.path, ['data/a/1.jpg', 'data/b/2.jpg']);
    await link('../b', 'data/a/to-b');
    await link('../a', 'data/b/to-a');
    await link('../../a', 'data/train/cat/a');
    const listed = await list('data');
    const [loops] = problemsOf(listed, 'link');
    expect(loops).toMatchObject({ severity: 'warning', count: 5 });
    expect([...(loops?.where ?? [])].sort()).toEqual([
      ...['train/cat/a/to-b', 'train/cat/ring-a', 'train/cat/ring-b', 'train/cat/up', 'train/dog/self'],
    ]);
    expect(imagesOf(listed, listed.train)).toContain('train/cat/a/1.jpg: cat');
  });

  test('that lead nowhere are named', async () => {
    await base();
    await link('gone.jpg', 'data/train/cat/broken.jpg');
    expect(problemsOf(await list('data'), 'link')).toMatchObject([
      { severity: 'warning', where: ['train/cat/broken.jpg'] },
    ]);
  });

  test('a data set may itself be behind a link', async () => {
    await base();
    await rename(join(folder.path, 'data'), join(folder.path, 'real'));
    await link('real', 'data');
    const listed = await list('data');
    expect(imagesOf(listed, listed.train)).toEqual(['train/cat/0.jpg: cat', 'train/dog/0.jpg: dog']);
    expect(listed.problems).toEqual([]);
  });

  test('a train folder behind a link out of the data set is reported', async () => {
    await makeFiles(folder.path, numbered(['elsewhere/cat', 'elsewhere/dog'], 1));
    await mkdir(join(folder.path, 'data'));
    await link('../elsewhere', 'data/train');
    const error = await userErrorOf(list('data'));
    expect(error.failure.what).toContain('links point to folders outside the data set');
  });
});

describe.skipIf(process.platform === 'win32')('a folder without read permission', () => {
  test('is named, and the rest is listed', async () => {
    await makeFiles(folder.path, numbered(['train/cat', 'train/dog', 'val/cat', 'val/dog'], 1));
    const secret = join(folder.path, 'train/dog/secret');
    await mkdir(secret, { mode: 0o000 });
    const listed = await unprivileged(folder.path, () => list());
    expect(errorsOf(listed)).toMatchObject([
      { kind: 'no_permission', count: 1, where: ['train/dog/secret'] },
    ]);
    expect(listed.train.labels).toHaveLength(2);
  });
});

describe('listing', () => {
  test('can be aborted', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 3));
    const reason = new Error('enough');
    await expect(list('.', SPLIT, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('reports how many images it has found', async () => {
    await makeFiles(folder.path, numbered(['cat', 'dog'], 2600));
    const messages: string[] = [];
    await list('.', SPLIT, undefined, (what) => messages.push(what));
    expect(messages).toEqual(['5,000 images found']);
  });

  test('is the same every time', async () => {
    await makeFiles(folder.path, numbered(['b', 'a', 'c'], 30).reverse());
    const [first, second] = [await list(), await list()];
    expect(imagesOf(first, first.train)).toEqual(imagesOf(second, second.train));
    expect(imagesOf(first, first.validation)).toEqual(imagesOf(second, second.validation));
  });
});
