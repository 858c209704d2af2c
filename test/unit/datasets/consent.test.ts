import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { assertAllowed, assertListedAllowed, pathsToAllow } from '../../../src/datasets/consent';
import type { ListedDataset } from '../../../src/datasets/listing';
import { nameTable } from '../../../src/datasets/table';
import type { OwnDatasetRequest } from '../../../src/recipe/datasets';
import {
  allowedFoldersPath,
  allowFolder,
  isAllowed,
  readAllowedFolders,
  revokeFolder,
} from '../../../src/system/allowedFolders';
import { isInside } from '../../../src/system/insideFolder';

const split = { validation: 0.1, seed: 0 };
const photos = (path: string): OwnDatasetRequest => ({ dataset: 'image_folder', path, split });

beforeEach(() => rm(allowedFoldersPath(), { force: true }));

/** A store and a folder next to it. */
async function places() {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'consent-')));
  onTestFinished(() => rm(base, { recursive: true }));
  const [root, outside] = [join(base, 'store'), join(base, 'outside')];
  await mkdir(join(root, 'data'), { recursive: true });
  await mkdir(join(outside, 'cats'), { recursive: true });
  return { base, root, outside };
}

describe('data within the store', () => {
  test('needs no consent, even if it does not exist', async () => {
    const { root } = await places();
    for (const path of ['data', './data/deeper', 'missing', join(root, 'data')]) {
      expect(await pathsToAllow(photos(path), { root, folder: root })).toEqual([]);
    }
  });

  test('is distinguished from a folder whose name starts the same', async () => {
    const { root } = await places();
    expect(await pathsToAllow(photos(`${root}-other`), { root, folder: root })).toEqual([`${root}-other`]);
    expect(await pathsToAllow(photos('..data'), { root, folder: root })).toEqual([]);
  });
});

describe('data outside', () => {
  test('needs consent by path, route and link, until it is given, and again once it is revoked', async () => {
    const { root, outside } = await places();
    await symlink(outside, join(root, 'data', 'link'));
    const ways = [outside, '../outside/cats', 'data/link', 'data/link/cats/missing'];
    const refusals = async () =>
      Promise.all(ways.map(async (way) => (await pathsToAllow(photos(way), { root, folder: root })).length));
    expect(await refusals()).toEqual([1, 1, 1, 1]);
    expect(await allowFolder(outside)).toBe(outside);
    expect(await refusals()).toEqual([0, 0, 0, 0]);
    expect(await isAllowed(join(outside, 'weights'), root)).toBe(true);
    expect(await isAllowed(dirname(outside), root)).toBe(false);
    await revokeFolder(outside);
    expect(await refusals()).toEqual([1, 1, 1, 1]);
  });

  test('is refused with the command that allows it', async () => {
    const { root, outside } = await places();
    await expect(assertAllowed(photos(outside), { root, folder: root })).rejects.toMatchObject({
      failure: {
        what: `The data is outside ${root}: ${outside}.`,
        remedy: `Allow the folder: tricks allow ${outside}`,
      },
    });
  });

  test('behind an allowed link is the target of the link, which a changed link does not widen', async () => {
    const { base, root, outside } = await places();
    const link = join(base, 'link');
    await symlink(outside, link);
    expect(await allowFolder(link)).toBe(outside);
    await rm(link);
    await mkdir(join(base, 'secret'));
    await symlink(join(base, 'secret'), link);
    expect(await isAllowed(link, root)).toBe(false);
  });

  test('of shards is the folder before the pattern, for each split', async () => {
    const { root, outside } = await places();
    const request: OwnDatasetRequest = {
      dataset: 'webdataset',
      train: `${outside}/train-{000..009}.tar`,
      validation: `${outside}/v*/shard.tar`,
      test: 'data/test.tar',
      split,
    };
    expect(await pathsToAllow(request, { root, folder: root })).toEqual([outside]);
    await allowFolder(join(outside, 'cats'));
    expect(await pathsToAllow(request, { root, folder: root })).toEqual([outside]);
  });
});

test('that was listed is refused if a name or a link leads out of the allowed folder', async () => {
  const { root, outside } = await places();
  const listed = (names: string[], tableRoot = join(root, 'data')): ListedDataset => ({
    classNames: ['a'],
    train: {
      kind: 'files',
      root: tableRoot,
      names: nameTable(names),
      labels: new Uint32Array(names.length),
    },
    validation: {
      kind: 'pixels',
      pixels: new Uint8Array(0),
      height: 1,
      width: 1,
      channels: 1,
      labels: new Uint32Array(0),
    },
    test: null,
    problems: [],
  });
  await symlink(outside, join(root, 'data', 'link'));
  await assertListedAllowed(listed(['a.jpg', 'a/b.jpg', 'a/c.jpg', 'd/e/f.jpg']), root);
  for (const names of [['a.jpg', '../../outside/a.jpg'], ['link/a.jpg'], ['a/x.jpg', 'link/cats/a.jpg']]) {
    await expect(assertListedAllowed(listed(names), root)).rejects.toThrow(outside);
  }
  await expect(assertListedAllowed(listed(['a.jpg'], outside), root)).rejects.toThrow(outside);
  await allowFolder(outside);
  await assertListedAllowed(listed(['link/a.jpg', '../../outside/a.jpg']), root);
});

test('a table of images outside needs consent for its folder, where the images are', async () => {
  const { root, outside } = await places();
  const request: OwnDatasetRequest = {
    dataset: 'csv',
    path: join(outside, 'labels.csv'),
    image_column: 'path',
    label_column: 'label',
    split,
  };
  expect(await pathsToAllow(request, { root, folder: root })).toEqual([outside]);
});

test('the list is stored once, sorted, and a damaged one allows nothing', async () => {
  const { outside } = await places();
  await allowFolder(join(outside, 'cats'));
  await allowFolder(outside);
  await allowFolder(outside);
  expect(await readAllowedFolders()).toEqual([outside, join(outside, 'cats')]);
  await writeFile(allowedFoldersPath(), '{"folders": "/"}');
  expect(await readAllowedFolders()).toEqual([]);
  await writeFile(allowedFoldersPath(), '{"folders": ["/"');
  expect(await readAllowedFolders()).toEqual([]);
});

test('what was never allowed cannot be revoked', async () => {
  await expect(revokeFolder('/nowhere')).rejects.toMatchObject({
    failure: { what: '/nowhere is not an allowed folder.' },
  });
});

test('a path is inside a folder if it continues the folder by whole names', () => {
  const name = fc.stringMatching(/^[a-z.]{1,4}$/).filter((text) => text !== '.' && text !== '..');
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), fc.array(name, { maxLength: 4 }), (folder, path) => {
      const continues = folder.every((each, index) => path[index] === each);
      expect(isInside(`/${path.join('/')}`, `/${folder.join('/')}`)).toBe(continues);
    }),
  );
});
