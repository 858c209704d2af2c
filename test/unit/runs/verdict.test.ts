import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeartbeatWatch } from '../../../src/runs/lease/heartbeats';
import { claimLease } from '../../../src/runs/lease/lease';
import { enqueue, makeReady } from '../../../src/runs/queue';
import { QueueWorker } from '../../../src/runs/queueWorker';
import { deleteRun, listRuns, manifestPath, readRun } from '../../../src/runs/store';
import { exampleRun } from './support';

/** A queued run that a process on another machine has taken for training. Its heartbeat has stopped. */
async function takenElsewhere() {
  const run = await exampleRun();
  await enqueue(run.root, run.id);
  const { lease } = await claimLease(run.folder, 'training');
  const elsewhere = { ...lease.holder, host: 'other', machine: 'other', boot: 'other' };
  await writeFile(lease.path, JSON.stringify(elsewhere));
  return { ...run, manifest: await readFile(manifestPath(run.folder), 'utf8') };
}

describe('a run whose trainer is uncertain', () => {
  it('is waited for, and reported once; a cancelled wait changes nothing', async () => {
    const { root, id, folder, manifest } = await takenElsewhere();
    for (const act of [
      makeReady.bind(null, folder),
      deleteRun.bind(null, root, id),
      enqueue.bind(null, root, id),
    ]) {
      const controller = new AbortController();
      const told: string[] = [];
      const onWaiting = (text: string) => {
        told.push(text);
        setTimeout(() => controller.abort(), 100);
      };
      const watch = new HeartbeatWatch();
      await expect(act({ signal: controller.signal, onWaiting, watch })).rejects.toThrow('abort');
      expect(told).toEqual([
        `${id} may be running on other, where this process cannot see it. Waiting until its heartbeat changes or stays unchanged for 30 s.`,
      ]);
    }
    expect(await readFile(manifestPath(folder), 'utf8')).toBe(manifest);
    expect(await readRun(folder)).toMatchObject({
      manifest: { state: { status: 'queued' } },
      isUncertain: true,
    });
  });

  it('may be resumed once its heartbeat stopped', async () => {
    const { folder } = await takenElsewhere();
    expect(await makeReady(folder, { watch: new HeartbeatWatch(300) })).toBeNull();
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'queued' } } });
  });

  it('is not started by a queue, which reports it', async () => {
    const { root, id } = await takenElsewhere();
    const worker = new QueueWorker(
      root,
      () => ({ atOnce: 1, retries: 0 }),
      () => {
        throw new Error('It was started');
      },
    );
    onTestFinished(() => worker.close());
    const failed = new Promise((_, reject) => worker.on('error', reject));
    const told = new Promise((resolve) => worker.on('uncertain', resolve));
    expect(await Promise.race([told, failed])).toEqual({ id });
    expect(await listRuns(root)).toMatchObject([{ id, isUncertain: true }]);
  });
});
