import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeLock } from '../../../src/searches/lock';

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'search.lock');
}

/** The id of a process that is over. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid ?? 0;
}

test('is had by one at a time, and free once given up', async () => {
  const path = await place();
  const giveUp = await takeLock(path);
  await expect(takeLock(path)).rejects.toThrow('Another process runs this search.');
  await giveUp();
  expect(existsSync(path)).toBe(false);
  await (await takeLock(path))();
});

test('is taken over from a process that is gone', async () => {
  const path = await place();
  await takeLock(path);
  const holder = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...holder, pid: await endedProcess() }));
  await takeLock(path);
  expect(JSON.parse(await readFile(path, 'utf8')).pid).toBe(process.pid);
});

test('is left alone where it cannot be told whose it is', async () => {
  const path = await place();
  await takeLock(path);
  const holder = JSON.parse(await readFile(path, 'utf8'));
  const space = { ...holder.space, host: 'elsewhere', machine: 'another', boot: 'another' };
  for (const text of ['', JSON.stringify({ ...holder, space })]) {
    await writeFile(path, text);
    await expect(takeLock(path)).rejects.toThrow('Another process runs this search.');
    expect(await readFile(path, 'utf8')).toBe(text);
  }
});
