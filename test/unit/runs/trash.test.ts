import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, link, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeartbeatWatch } from '../../../src/runs/lease/heartbeats';
import { claimLease, leasePath, readLease } from '../../../src/runs/lease/lease';
import { isOwnRun } from '../../../src/runs/origin';
import { enqueue, makeReady, readQueue } from '../../../src/runs/queue';
import type { ReadableEntry } from '../../../src/runs/store';
import { changeState, createRun, listRuns, manifestPath, readRun, runsFolder } from '../../../src/runs/store';
import {
  emptyTrash,
  listTrash,
  purgeTrash,
  restoreRun,
  TRASH_DAYS,
  trashFolder,
  trashRun,
} from '../../../src/runs/upkeep/trash';
import { exampleRun, newRun, temporaryFolder } from './support';

const DAY_MS = 86_400_000;

const filesOf = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

/** Creates a finished run with a checkpoint. */
async function endedRun() {
  const run = await exampleRun();
  await changeState(run.folder, () => ({ status: 'stopped', step: 3 }));
  await mkdir(join(run.folder, 'checkpoints/1'), { recursive: true });
  await writeFile(join(run.folder, 'checkpoints/1/last'), Buffer.alloc(100_000));
  return run;
}

/** Moves a run to the trash and returns its entry there. */
async function trashed(run: { root: string; id: string }) {
  expect(await trashRun(run.root, run.id)).toMatchObject({ outcome: 'trashed' });
  const [found] = await listTrash(run.root);
  if (!found) throw new Error('The trash is empty.');
  return found;
}

describe('deleting a run', () => {
  it('moves it to the trash, whole, and restoring brings it back as an own run', async () => {
    const run = await endedRun();
    const before = await readRun(run.folder);
    const manifest = await readFile(manifestPath(run.folder), 'utf8');
    const inTrash = await trashed(run);
    expect(inTrash).toMatchObject({ id: run.id, root: run.root });
    expect(Date.now() - inTrash.deletedAt).toBeLessThan(60_000);
    expect(existsSync(run.folder)).toBe(false);
    expect(await listRuns(run.root)).toEqual([]);
    expect(await readFile(manifestPath(inTrash.folder), 'utf8')).toBe(manifest);

    expect(await restoreRun(inTrash)).toBeNull();
    const after = await readRun(run.folder);
    // The move needed a lease, and its number remains as the attempt.
    const attempt = expect.any(Number);
    expect(after).toEqual({ ...before, manifest: { ...(before as ReadableEntry).manifest, attempt } });
    expect(after.kind === 'run' && (await isOwnRun(after))).toBe(true);
    expect(await readLease(run.folder)).toBeNull();
    expect(await makeReady(run.folder)).toBeNull();
    expect(await listTrash(run.root)).toEqual([]);
  });

  it('reports how much disk the trash takes, with a file of two names counted once', async () => {
    const run = await endedRun();
    await mkdir(join(run.folder, 'checkpoints/2'));
    await link(join(run.folder, 'checkpoints/1/last'), join(run.folder, 'checkpoints/2/last'));
    await symlink('/', join(run.folder, 'elsewhere'));
    const { bytes } = await trashed(run);
    expect(bytes).toBeGreaterThanOrEqual(100_000);
    expect(bytes).toBeLessThan(190_000);
  });

  it('removes a waiting one from the queue, where it waits again once it is restored', async () => {
    const run = await exampleRun();
    expect(await enqueue(run.root, run.id)).toBeNull();
    const place = (await readQueue(run.root))[0]?.place;
    const inTrash = await trashed(run);
    expect(await readQueue(run.root)).toEqual([]);
    expect(await restoreRun(inTrash)).toBeNull();
    expect(await readQueue(run.root)).toMatchObject([{ id: run.id, place }]);
  });

  it('spares one that is being trained, and takes nothing by which it would be', async () => {
    const { root, id, folder } = await exampleRun();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    const { lease } = await claimLease(folder, 'training', child.pid);
    const before = await filesOf(folder);
    expect(await trashRun(root, id)).toMatchObject({
      outcome: 'failed',
      failure: { what: `${id} is running.`, remedy: 'Stop it, then delete it.' },
    });
    expect(await filesOf(folder)).toEqual(before);
    expect(await readLease(folder)).toEqual(lease);
  });

  it('waits for one whose trainer is uncertain; a cancelled wait leaves it', async () => {
    const { root, id, folder } = await exampleRun();
    const { lease } = await claimLease(folder, 'training');
    const elsewhere = { ...lease.holder, host: 'other', machine: 'other', boot: 'other' };
    await writeFile(lease.path, JSON.stringify(elsewhere));
    const controller = new AbortController();
    const onWaiting = () => controller.abort();
    const cancelled = trashRun(root, id, {
      signal: controller.signal,
      onWaiting,
      watch: new HeartbeatWatch(),
    });
    await expect(cancelled).rejects.toThrow('abort');
    expect(existsSync(folder)).toBe(true);
    expect(await trashRun(root, id, { watch: new HeartbeatWatch(300) })).toMatchObject({
      outcome: 'trashed',
    });
  });

  it('of many at once moves each, and one that was requested twice only once', async () => {
    const { root, id } = await exampleRun();
    const others = await Promise.all([1, 2, 3].map(() => createRun(root, newRun(root))));
    const ids = others.map((other) => (other.ok ? other.id : ''));
    const outcomes = await Promise.all([id, id, ...ids].map((each) => trashRun(root, each)));
    expect(outcomes.filter(({ outcome }) => outcome === 'trashed')).toHaveLength(4);
    expect(await listRuns(root)).toEqual([]);
    expect((await listTrash(root)).map((run) => run.id).sort()).toEqual([id, ...ids].sort());
  });

  it('also moves broken ones, and never leaves the store', async () => {
    const { root, id, folder } = await exampleRun();
    await writeFile(manifestPath(folder), '{');
    const before = await filesOf(folder);
    const inTrash = await trashed({ root, id });
    // It does not contain a lease either.
    expect(await filesOf(inTrash.folder)).toEqual(before);
    for (const other of ['..', '.', '', '../..', 'a/b'])
      await expect(trashRun(root, other)).rejects.toThrow();
    expect(await trashRun(root, 'none')).toMatchObject({ outcome: 'failed' });
  });

  it('moves no link, and nothing through one that its person has not allowed', async () => {
    const { root, id, folder } = await exampleRun();
    const outside = await temporaryFolder();
    await symlink(outside, join(runsFolder(root), 'linked'));
    expect(await trashRun(root, 'linked')).toMatchObject({ outcome: 'failed' });
    await symlink(outside, trashFolder(root));
    expect(await trashRun(root, id)).toMatchObject({
      outcome: 'failed',
      failure: { what: expect.stringContaining('is a link to') },
    });
    expect(existsSync(folder)).toBe(true);
    expect(await readdir(outside)).toEqual([]);
  });
});

describe('restoring a run', () => {
  it('makes no run own that came with the trash', async () => {
    const theirs = await endedRun();
    const { folder } = await trashed(theirs);
    const root = await temporaryFolder();
    await mkdir(trashFolder(root), { recursive: true });
    await cp(folder, join(trashFolder(root), `${theirs.id}.1764441000000`), { recursive: true });
    const [came] = await listTrash(root);
    expect(came && (await restoreRun(came))).toBeNull();
    const run = (await listRuns(root)).find(({ id }) => id === theirs.id);
    expect(run?.kind === 'run' && (await isOwnRun(run))).toBe(false);
  });

  it('replaces no other run, and reports one that is gone', async () => {
    const run = await endedRun();
    const inTrash = await trashed(run);
    await mkdir(run.folder);
    expect(await restoreRun(inTrash)).toMatchObject({ what: `The run ${run.id} already exists.` });
    await rename(run.folder, `${run.folder}-other`);
    await emptyTrash(run.root, [inTrash]);
    expect(await restoreRun(inTrash)).toMatchObject({
      what: expect.stringContaining('is no longer in the trash'),
    });
  });
});

describe('emptying the trash', () => {
  it('permanently deletes what has been there for thirty days, and keeps the rest', async () => {
    const run = await endedRun();
    const { folder, deletedAt } = await trashed(run);
    await purgeTrash(run.root, deletedAt + TRASH_DAYS * DAY_MS);
    expect(existsSync(folder)).toBe(true);
    await purgeTrash(run.root, deletedAt + TRASH_DAYS * DAY_MS + 1);
    expect(await readdir(trashFolder(run.root))).toEqual([]);
    await purgeTrash(await temporaryFolder());
  });

  it('deletes nothing that is not a run, and nothing that a link leads to', async () => {
    const run = await endedRun();
    const outside = await temporaryFolder();
    await writeFile(join(outside, 'run.json'), 'kept');
    await symlink(outside, join(run.folder, 'checkpoints/9'));
    await trashed(run);
    const trash = trashFolder(run.root);
    await symlink(outside, join(trash, 'linked.1000000000000'));
    await mkdir(join(trash, 'mine.1000000000000'));
    await writeFile(join(trash, 'mine.1000000000000/novel.txt'), 'kept');
    await mkdir(join(trash, 'notes'));
    await writeFile(join(trash, 'run.1000000000000'), 'kept');
    await purgeTrash(run.root, Date.now() + 100 * DAY_MS);
    expect((await readdir(trash)).sort()).toEqual([
      'linked.1000000000000',
      'mine.1000000000000',
      'notes',
      'run.1000000000000',
    ]);
    expect(await readdir(join(trash, 'mine.1000000000000'))).toEqual(['novel.txt']);
    expect(await readdir(outside)).toEqual(['run.json']);
  });

  it('finishes what a process began that died meanwhile', async () => {
    const run = await endedRun();
    const { folder } = await trashed(run);
    await rename(folder, `${folder}.doomed`);
    expect(await listTrash(run.root)).toEqual([]);
    await purgeTrash(run.root);
    expect(await readdir(trashFolder(run.root))).toEqual([]);
  });
});

it('a lease left by a deletion keeps the number of the attempt', async () => {
  const run = await endedRun();
  const inTrash = await trashed(run);
  await restoreRun(inTrash);
  const { lease } = await claimLease(run.folder, 'change');
  expect(existsSync(leasePath(run.folder, lease.attempt - 1))).toBe(true);
});
