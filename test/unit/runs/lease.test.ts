import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Claim, claimLease, isHeld, leasePath, readLease, releaseLease } from '../../../src/runs/lease';
import { processStart } from '../../../src/system/processes';
import { temporaryFolder } from './support';

/** Processes that sleep until the test ends, or until they are killed. */
async function sleepers(count: number): Promise<{ pid: number; end(): Promise<void> }[]> {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }),
  );
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(async () => {
    await Promise.all(children.map(end));
  });
  await Promise.all(children.map((child) => once(child, 'spawn')));
  return children.map((child) => ({ pid: child.pid as number, end: () => end(child) }));
}

const winners = (claims: readonly Claim[]) => claims.filter(({ ok }) => ok).length;

describe('taking a run', () => {
  it('succeeds for one of many that try at once, whether it was never taken or its process is gone', async () => {
    const folder = await temporaryFolder();
    const processes = await sleepers(8);
    const left = new Map(processes.map((process) => [process.pid, process]));
    for (let attempt = 1; attempt <= 7; attempt++) {
      const claims = await Promise.all([...left.keys()].map((pid) => claimLease(folder, 'training', pid)));
      expect(winners(claims)).toBe(1);
      const lease = await readLease(folder);
      expect(lease?.attempt).toBe(attempt);
      for (const claim of claims) expect(claim.lease.holder).toEqual(lease?.holder);
      const winner = left.get(lease?.holder?.pid as number);
      await winner?.end();
      left.delete(winner?.pid as number);
      expect(lease && (await isHeld(lease))).toBe(false);
    }
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('twice by one process is the same as once', async () => {
    const folder = await temporaryFolder();
    const [first, second] = [await claimLease(folder, 'training'), await claimLease(folder, 'training')];
    expect(second).toEqual(first);
    expect(first).toMatchObject({ ok: true, lease: { attempt: 1, holder: { pid: process.pid } } });
  });

  it('is open again to everyone once it was given up, and leaves no file', async () => {
    const folder = await temporaryFolder();
    const [a, b] = await sleepers(2);
    const claim = await claimLease(folder, 'training', a?.pid);
    expect((await claimLease(folder, 'training', b?.pid)).ok).toBe(false);
    await releaseLease(folder, claim.lease);
    expect(await readdir(folder)).toEqual([]);
    expect((await claimLease(folder, 'training', b?.pid)).ok).toBe(true);
  });
});

describe('a lease', () => {
  const sample = async () => {
    const folder = await temporaryFolder();
    const [sleeper] = await sleepers(1);
    const { lease } = await claimLease(folder, 'training', sleeper?.pid);
    if (!lease.holder || !sleeper) throw new Error('The lease has no holder.');
    const rewrite = async (changes: object) => {
      await writeFile(lease.path, JSON.stringify({ ...lease.holder, ...changes }));
      const read = await readLease(folder);
      if (!read) throw new Error('There is no lease.');
      return read;
    };
    const beatAt = (seconds: number) => utimes(lease.path, seconds, seconds);
    return { folder, lease, sleeper, rewrite, beatAt };
  };

  it.runIf(process.platform === 'linux')(
    'holds whatever the clock says, while its process is there',
    async () => {
      const { lease, sleeper, beatAt } = await sample();
      for (const jump of [0, Date.now() / 1000 - 86_400, Date.now() / 1000 + 86_400]) {
        await beatAt(jump);
        expect(await isHeld(lease)).toBe(true);
      }
      await sleeper.end();
      await beatAt(Date.now() / 1000);
      expect(await isHeld(lease)).toBe(false);
    },
  );

  it.runIf(process.platform === 'linux')('is not held by another process of the same id', async () => {
    const { rewrite, lease } = await sample();
    const before = `${Number(lease.holder?.start) - 1}`;
    expect(await isHeld(await rewrite({ start: before }))).toBe(false);
  });

  it.runIf(process.platform === 'linux')('is not held once the machine was started anew', async () => {
    const { rewrite } = await sample();
    expect(await isHeld(await rewrite({ boot: 'another start of this machine' }))).toBe(false);
  });

  it('of another machine, or whose process does not say when it started, holds while its heart beats', async () => {
    const { rewrite, beatAt, lease } = await sample();
    const now = Date.now() / 1000;
    for (const changes of [{ host: `not-${hostname()}`, pid: 1 }, { start: null }]) {
      const changed = await rewrite(changes);
      await beatAt(now);
      expect(await isHeld(changed)).toBe(true);
      await beatAt(now - 60);
      expect(await isHeld(changed)).toBe(false);
    }
    await writeFile(lease.path, '');
    await beatAt(now);
    expect(await isHeld({ ...lease, holder: null })).toBe(true);
  });

  it('that cannot be read does not keep its run from being taken for long', async () => {
    const { folder, lease, beatAt } = await sample();
    for (const damage of ['', '{"version":1,"pid":', 'null', '{"version":2}']) {
      await writeFile(lease.path, damage);
      expect(await readLease(folder)).toEqual({ attempt: 1, path: lease.path, holder: null });
    }
    await beatAt(0);
    expect(await claimLease(folder, 'training')).toMatchObject({ ok: true, lease: { attempt: 2 } });
    expect(JSON.parse(await readFile(leasePath(folder, 2), 'utf8'))).toMatchObject({ pid: process.pid });
  });
});

describe('a process', () => {
  it.runIf(process.platform !== 'win32')('has one start for its life, and none after', async () => {
    const [sleeper] = await sleepers(1);
    const start = await processStart(sleeper?.pid as number);
    expect(start).toMatch(/./);
    expect(await processStart(sleeper?.pid as number)).toBe(start);
    await sleeper?.end();
    expect(await processStart(sleeper?.pid as number)).toBe('ended');
  });
});
