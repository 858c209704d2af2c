import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { RunFeeds } from '../../../src/runs/feed/feed';
import { changeState, listRuns, manifestPath, readRun } from '../../../src/runs/store';
import { ownNamePath, writeOwnName } from '../../../src/runs/upkeep/ownName';
import { exampleRun, temporaryFolder, until } from './support';

const nameOf = async (folder: string) => {
  const run = await readRun(folder);
  return run.kind === 'run' ? run.manifest.name : run.reason;
};

it("a run has the name that its person gave it, else its experiment's, and its run.json has that alone", async () => {
  const { root, folder } = await exampleRun();
  await writeOwnName(folder, '  my  best\nrun ');
  expect(await nameOf(folder)).toBe('my best run');
  expect(await listRuns(root)).toMatchObject([
    { manifest: { name: 'my best run', recipe: { name: 'example' } } },
  ]);
  await changeState(folder, () => ({ status: 'stopped', step: 0 }));
  expect(JSON.parse(await readFile(manifestPath(folder), 'utf8')).name).toBe('example');
  await writeOwnName(folder, 'x'.repeat(500));
  expect(await nameOf(folder)).toHaveLength(100);
  await writeOwnName(folder, ' ');
  expect(await nameOf(folder)).toBe('example');
});

it('a name is read and written through no link', async () => {
  const { folder } = await exampleRun();
  const secret = join(await temporaryFolder(), 'secret');
  await writeFile(secret, 'secret');
  await symlink(secret, ownNamePath(folder));
  expect(await nameOf(folder)).toBe('example');
  await expect(writeOwnName(folder, 'mine')).rejects.toThrow('is a link');
  expect(await readFile(secret, 'utf8')).toBe('secret');
});

it('subscribers of an ended run receive its new name', async () => {
  const { folder } = await exampleRun();
  await changeState(folder, () => ({ status: 'stopped', step: 0 }));
  const feeds = new RunFeeds({ pollMs: 20 });
  const names: string[] = [];
  const subscription = feeds.subscribe(folder, 'state', ({ run }) => {
    if (run.kind === 'run') names.push(run.manifest.name);
  });
  onTestFinished(() => subscription.close());
  await until(() => names.length > 0);
  await writeOwnName(folder, 'renamed');
  await until(() => names.at(-1) === 'renamed');
  expect(names[0]).toBe('example');
});
