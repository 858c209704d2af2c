import { spawnSync } from 'node:child_process';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makePlainFolder, openPlain, openPlainSync, readPlain } from '../../../src/system/plainFiles';
import { replaceFile } from '../../../src/system/replaceFile';
import { temporaryFolder } from '../runs/support';

/** A run folder in a store and a file outside it. */
async function places() {
  const root = await temporaryFolder();
  const run = join(root, '.bag-of-tricks/runs/run');
  const outside = join(root, 'outside');
  await mkdir(run, { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'precious');
  return { run, outside };
}

it('reads and writes regular files', async () => {
  const { run } = await places();
  const path = join(run, 'file');
  const file = openPlainSync(path, 'a');
  writeFileSync(file, 'one ');
  closeSync(file);
  await using again = await openPlain(path, 'a');
  await again.appendFile('two');
  expect(await readPlain(path, 'utf8')).toBe('one two');
  await expect(readPlain(join(run, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('follows no link at a file, whether it leads to one or to nothing', async () => {
  const { run, outside } = await places();
  for (const target of ['file', 'new']) {
    const path = join(run, target);
    await symlink(join(outside, target), path);
    for (const flags of ['r', 'r+', 'update', 'a', 'w', 'wx'] as const) {
      await expect(openPlain(path, flags)).rejects.toThrow(`${path} is a link.`);
      expect(() => openPlainSync(path, flags)).toThrow(`${path} is a link.`);
    }
  }
  expect(await readdir(outside)).toEqual(['file']);
  expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('precious');
});

it('follows no link at a folder of the store, however deep', async () => {
  const { run, outside } = await places();
  await symlink(outside, join(run, 'evaluation'));
  const path = join(run, 'evaluation/last/classes.csv');
  for (const write of [
    () => openPlain(path, 'w'),
    () => replaceFile(path, ''),
    () => makePlainFolder(join(path, '..')),
  ])
    await expect(write()).rejects.toThrow(`${join(run, 'evaluation')} is a link.`);
  await expect(makePlainFolder(join(run, 'evaluation'))).rejects.toThrow('is a link.');
  expect(await readdir(outside)).toEqual(['file']);
});

it('replaces a link at a file itself, and keeps its target', async () => {
  const { run, outside } = await places();
  await symlink(join(outside, 'file'), join(run, 'run.json'));
  await replaceFile(join(run, 'run.json'), 'new');
  expect(await readFile(join(outside, 'file'), 'utf8')).toBe('precious');
  expect(await readPlain(join(run, 'run.json'), 'utf8')).toBe('new');
});

it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
  const { run } = await places();
  const path = join(run, 'run.json');
  spawnSync('mkfifo', [path]);
  await expect(readPlain(path)).rejects.toThrow(`${path} is not a regular file.`);
});
