import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { claimLease, releaseLease } from '../../../src/runs/lease/lease';
import { takeLock } from '../../../src/searches/lock';

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the id of a process that has exited. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid ?? 0;
}

test('a search is held by one part of a process at a time, and free once released', async () => {
  const folder = await place();
  const taken = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(folder)));
  const [giveUp] = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await giveUp?.();
  await (await takeLock(folder))();
});

test('a search that another process runs is left to it', async () => {
  const folder = await place();
  const { lease } = await claimLease(folder, 'training', process.ppid);
  await expect(takeLock(folder)).rejects.toThrow('Another process is running this search.');
  await releaseLease(folder, lease);
  await (await takeLock(folder))();
});

test('a search is taken over from a process that is gone', async () => {
  const folder = await place();
  await claimLease(folder, 'training', await endedProcess());
  const giveUp = await takeLock(folder);
  const { ok } = await claimLease(folder, 'training', process.ppid);
  expect(ok).toBe(false);
  await giveUp();
});
