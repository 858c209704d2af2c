import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { nodeBundle, programs } from '../../../../scripts/lib/bundling.mjs';
import { linkSharp } from '../../../../scripts/lib/sharp.mjs';
import { indexesFolder, readIndex } from '../../../../src/datasets/index/store';
import {
  type FromIndexer,
  fromIndexerSchema,
  type ToIndexer,
} from '../../../../src/datasets/indexer/messages';
import { imageFolderRequest } from '../../../../src/datasets/requestPaths';
import { allowedFoldersPath } from '../../../../src/system/allowedFolders';
import { catsAndDogs, testFolder, writeTree } from '../photos';

let bundles = '';
beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'bag-of-tricks-indexer-'));
  const { indexer, looker } = programs;
  await build({ ...nodeBundle, entryPoints: { indexer, looker }, outdir: bundles });
  await linkSharp(bundles);
});
afterAll(() => rm(bundles, { recursive: true, force: true }));
beforeEach(() => rm(allowedFoldersPath(), { force: true }));

/** Starts an indexer. `ended` resolves to all its messages after it has exited. */
function startIndexer(): { child: ChildProcess; said: FromIndexer[]; ended: Promise<FromIndexer[]> } {
  const child = fork(join(bundles, 'indexer.js'), { execArgv: [] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said: FromIndexer[] = [];
  child.on('message', (message) => said.push(fromIndexerSchema.parse(message)));
  return { child, said, ended: once(child, 'exit').then(() => said) };
}

function requestIn(root: string, path = join(root, 'photos')): Extract<ToIndexer, { type: 'index' }> {
  const request = imageFolderRequest(path, root);
  return { type: 'index', request, root, folder: root, mayReadAnywhere: false };
}

async function folderOfPhotos(): Promise<string> {
  const root = await testFolder();
  await writeTree(join(root, 'photos'), await catsAndDogs());
  return root;
}

test('indexes a data set, reports its progress, and exits', async () => {
  const root = await folderOfPhotos();
  const { child, ended } = startIndexer();
  const asked = requestIn(root);
  child.send(asked);
  const said = await ended;
  expect(said[0]).toMatchObject({ type: 'progress' });
  expect(said.at(-1)).toEqual({ type: 'done' });
  expect((await readIndex(root, asked.request, root))?.facts).toMatchObject({
    trainImages: 8,
    trainCounts: [4, 4],
  });
});

test('says why there is no index, with a remedy', async () => {
  const root = await folderOfPhotos();
  const { child, ended } = startIndexer();
  child.send(requestIn(root, join(root, 'nowhere')));
  const end = (await ended).at(-1);
  expect(end).toMatchObject({ type: 'failed', failure: { what: expect.stringContaining('nowhere') } });
});

test('reads nothing outside without consent, unless it may read anything', async () => {
  const root = await testFolder();
  const outside = await folderOfPhotos();
  const refused = startIndexer();
  refused.child.send(requestIn(root, join(outside, 'photos')));
  expect((await refused.ended).at(-1)).toMatchObject({
    type: 'failed',
    failure: { remedy: expect.stringContaining('tricks allow') },
  });
  const free = startIndexer();
  free.child.send({ ...requestIn(root, join(outside, 'photos')), mayReadAnywhere: true });
  expect((await free.ended).at(-1)).toEqual({ type: 'done' });
});

test.each(['cancel', 'disconnect'] as const)('leaves no index on a %s', async (how) => {
  const root = await folderOfPhotos();
  const { child, said, ended } = startIndexer();
  child.send(requestIn(root));
  if (how === 'cancel') child.send({ type: 'cancel' } satisfies ToIndexer);
  else child.disconnect();
  await ended;
  if (how === 'cancel') expect(said.at(-1)).toEqual({ type: 'cancelled' });
  expect(await readdir(indexesFolder(root)).catch(() => [])).toEqual([]);
});
