import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeartbeatWatch } from '../../../src/runs/lease/heartbeats';
import {
  beat,
  type Claim,
  claimLease,
  leasePath,
  livenessOf,
  readLease,
  readLeft,
  releaseLease,
  standingOf,
} from '../../../src/runs/lease/lease';
import { processStart } from '../../../src/system/processIdentity';
import { temporaryFolder } from './support';

/** Starts processes that sleep until the test ends or they are killed. */
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
  it('succeeds for one of many concurrent attempts, whether it was never taken or its process is gone', async () => {
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
      expect(lease && (await livenessOf(lease))).toBe('gone');
    }
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('twice by one process is the same as once', async () => {
    const folder = await temporaryFolder();
    const [first, second] = [await claimLease(folder, 'training'), await claimLease(folder, 'training')];
    expect(second).toEqual(first);
    expect(first).toMatchObject({ ok: true, lease: { attempt: 1, holder: { pid: process.pid } } });
  });

  it('is possible again for everyone once it was released, under an unused number', async () => {
    const folder = await temporaryFolder();
    const [a, b] = await sleepers(2);
    for (const attempt of [1, 3, 5]) {
      const claim = await claimLease(folder, 'training', a?.pid);
      expect(claim).toMatchObject({ ok: true, lease: { attempt } });
      expect((await claimLease(folder, 'training', b?.pid)).ok).toBe(false);
      await releaseLease(folder, claim.lease, { of: attempt });
      expect(await readLease(folder)).toBeNull();
      expect(await readLeft(folder, attempt - 1)).toEqual({
        kind: 'released',
        attempt,
        left: { of: attempt },
      });
      expect(await readLeft(folder, attempt)).toBeNull();
      expect(await readdir(folder)).toEqual([`lease.${attempt}`]);
      const other = await claimLease(folder, 'training', b?.pid);
      expect(other).toMatchObject({ ok: true, lease: { attempt: attempt + 1 } });
      await releaseLease(folder, other.lease);
    }
  });

  it.each([
    ['its run.json', (folder: string) => writeFile(join(folder, 'run.json'), '{"attempt":6}')],
    ['its checkpoints', (folder: string) => mkdir(join(folder, 'checkpoints/6'), { recursive: true })],
    ['its evaluation', (folder: string) => mkdir(join(folder, 'evaluation/6'), { recursive: true })],
  ])('reuses no number that only %s still has', async (_, leave) => {
    const folder = await temporaryFolder();
    await leave(folder);
    expect(await claimLease(folder, 'training')).toMatchObject({ ok: true, lease: { attempt: 7 } });
  });

  it('is refused if no number is left', async () => {
    const folder = await temporaryFolder();
    await writeFile(leasePath(folder, 999_999_999), '{"version":1,"released":true}');
    await expect(claimLease(folder, 'training')).rejects.toThrow('has no attempt numbers left');
    expect(await readdir(folder)).toEqual(['lease.999999999']);
  });

  it('is never granted to two, nor twice under one number, however claims and releases interleave', async () => {
    const folder = await temporaryFolder();
    const processes = await sleepers(4);
    let holders = 0;
    const numbers: number[] = [];
    const work = async (pid: number) => {
      for (let held = 0; held < 8; ) {
        const claim = await claimLease(folder, 'change', pid);
        if (!claim.ok) continue;
        held += 1;
        holders += 1;
        expect(holders).toBe(1);
        numbers.push(claim.lease.attempt);
        await new Promise((resolve) => setImmediate(resolve));
        holders -= 1;
        await releaseLease(folder, claim.lease);
      }
    };
    await Promise.all(processes.map(({ pid }) => work(pid)));
    expect(numbers).toHaveLength(32);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
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
    'holds whatever the clock says, while its process exists',
    async () => {
      const { lease, sleeper, beatAt } = await sample();
      for (const jump of [0, Date.now() / 1000 - 86_400, Date.now() / 1000 + 86_400]) {
        await beatAt(jump);
        expect(await livenessOf(lease)).toBe('held');
      }
      await sleeper.end();
      await beatAt(Date.now() / 1000);
      expect(await livenessOf(lease)).toBe('gone');
    },
  );

  it.runIf(process.platform === 'linux')('is not held by another process of the same id', async () => {
    const { rewrite, lease } = await sample();
    const before = `${Number(lease.holder?.start) - 1}`;
    expect(await livenessOf(await rewrite({ start: before }))).toBe('gone');
  });

  it('of an earlier release holds while its process exists', async () => {
    const { rewrite, lease, sleeper } = await sample();
    const changes = { machine: undefined, namespace: undefined, token: undefined };
    const old = await rewrite(changes);
    expect(await livenessOf(old)).toBe('held');
    expect(old.holder).toEqual({ ...lease.holder, machine: null, namespace: null, token: '' });
    await sleeper.end();
    // It is unknown in which PID namespace the id counts: the holder may be alive in a container.
    expect(await livenessOf(old)).toBe('unknown');
  });

  it('of another machine or container is judged by its heartbeat', async () => {
    const { rewrite, beatAt, lease } = await sample();
    const elsewhere = { host: `not-${hostname()}`, machine: 'another', boot: 'another' };
    for (const changes of [elsewhere, { namespace: 'pid:[1]' }, { start: null }]) {
      const changed = await rewrite(changes);
      // Whatever the two clocks say.
      for (const offsetSeconds of [0, -60, 60, -86_400]) {
        let now = 0;
        const watch = new HeartbeatWatch(30_000, () => now);
        const beatAndLook = async (beats: number, seconds: number) => {
          await beatAt(Date.now() / 1000 + offsetSeconds + beats);
          now += 1000 * seconds;
          return livenessOf(changed, watch);
        };
        expect(await beatAndLook(0, 0)).toBe('unknown');
        for (let second = 1; second < 30; second++) expect(await livenessOf(changed, watch)).toBe('unknown');
        expect(await beatAndLook(1, 1)).toBe('held');
        const looks: string[] = [];
        for (let second = 1; second <= 30; second++) {
          now += 1000;
          looks.push(await livenessOf(changed, watch));
        }
        expect(looks).toEqual([...Array.from({ length: 29 }, () => 'held'), 'gone']);
        // A holder that thaws counts as alive again.
        expect(await beatAndLook(2, 1)).toBe('held');
      }
    }
    expect(await livenessOf({ ...lease, holder: null }, new HeartbeatWatch())).toBe('unknown');
  });

  it('is not lost because the observer slept, and the holder with it', async () => {
    const { rewrite } = await sample();
    let now = 0;
    const watch = new HeartbeatWatch(30_000, () => now);
    const lease = await rewrite({ start: null });
    expect(await livenessOf(lease, watch)).toBe('unknown');
    for (let look = 1; look <= 5; look++) {
      now += 8 * 3_600_000;
      expect(await livenessOf(lease, watch)).toBe('unknown');
    }
    now += 8 * 3_600_000;
    expect(await livenessOf(lease, watch)).toBe('gone');
  });

  it('that cannot be read does not block its run for long', async () => {
    const { folder, lease } = await sample();
    for (const damage of ['', '{"version":1,"pid":', 'null', '{"version":2}']) {
      await writeFile(lease.path, damage);
      expect(await readLease(folder)).toEqual({ attempt: 1, path: lease.path, holder: null });
    }
    let now = 0;
    const watch = new HeartbeatWatch(30_000, () => now);
    for (; now < 30_000; now += 5000) {
      expect((await claimLease(folder, 'training', process.pid, watch)).ok).toBe(false);
    }
    const claim = await claimLease(folder, 'training', process.pid, watch);
    expect(claim).toMatchObject({ ok: true, lease: { attempt: 2 } });
    expect(JSON.parse(await readFile(leasePath(folder, 2), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it('gives no heartbeat to another one with its name, and does not release that', async () => {
    const { folder, lease, rewrite, beatAt } = await sample();
    expect(await beat(lease)).toBe(true);
    expect(standingOf(folder, lease)).toBe('held');
    await rewrite({ token: 'another' });
    await beatAt(1000);
    expect(await beat(lease)).toBe(false);
    expect((await stat(lease.path)).mtimeMs).toBe(1_000_000);
    expect(standingOf(folder, lease)).toBe('fenced');
    await releaseLease(folder, lease);
    expect((await readLease(folder))?.holder?.token).toBe('another');
    await rm(lease.path);
    await expect(beat(lease)).rejects.toThrow('ENOENT');
    expect(standingOf(folder, lease)).toBe('lost');
    await writeFile(leasePath(folder, 2), '');
    expect(standingOf(folder, lease)).toBe('fenced');
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
