import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  descendantsAmong,
  endTree,
  killGroupOfEnded,
  linuxStatIn,
  memoryKills,
  parentsIn,
  processesWithVariables,
  startIn,
  taskkillArguments,
  taskkillPath,
} from '../../../src/system/processes';
import { processStart } from '../../../src/system/processIdentity';

const hasPs = (() => {
  try {
    return execFileSync('ps', ['-o', 'pid=', '-p', `${process.pid}`]).length > 0;
  } catch {
    return false;
  }
})();

const ps = (...args: string[]) =>
  execFileSync('ps', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });

describe("a process's start, as macOS's ps prints it", () => {
  it.each([
    ['one that sleeps', 'S    Thu Nov 26 12:00:16 2026    ', 'Thu Nov 26 12:00:16 2026'],
    ['a session leader in front', 'Ss+  Wed Nov  4 09:01:02 2026\n', 'Wed Nov 4 09:01:02 2026'],
    ['one that cannot be interrupted', 'U    Thu Nov 26 12:00:16 2026', 'Thu Nov 26 12:00:16 2026'],
    ['one that ended and waits to be collected', 'Z    Thu Nov 26 12:00:16 2026', 'ended'],
    ['one that is gone', '', null],
  ])('of %s', (_, line, start) => {
    expect(startIn(line)).toBe(start);
  });

  it.runIf(hasPs)('is read from a real one, the same each time', () => {
    const line = () => ps('-o', 'state=,lstart=', '-p', `${process.pid}`);
    const start = startIn(line());
    expect(start).toMatch(/^(Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} \d{1,2} \d\d:\d\d:\d\d \d{4}$/);
    expect(startIn(line())).toBe(start);
    expect(Math.abs(Date.parse(`${start} UTC`) - (Date.now() - 1000 * process.uptime()))).toBeLessThan(
      60_000,
    );
  });
});

describe("a process's start, as Linux's /proc tells it", () => {
  const stat = (name: string) =>
    `4242 (${name}) S 17 4242 4242 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 11 0 987654 1000 200 18446744073709551615`;

  it.each(['node', 'a program) R 1 (', ') S 1 2 3', ''])('whatever its name, such as %j', (name) => {
    expect(linuxStatIn(stat(name))).toEqual({ state: 'S', parent: 17, startTicks: '987654' });
  });

  it('is none of truncated input', () => {
    expect(linuxStatIn('')).toBeNull();
    expect(linuxStatIn(stat('node').slice(0, 60))).toBeNull();
  });

  it.runIf(process.platform === 'linux')('equals that of the real process', async () => {
    const read = linuxStatIn(readFileSync('/proc/self/stat', 'utf8'));
    expect(read?.parent).toBe(process.ppid);
    expect(await processStart(process.pid)).toBe(read?.startTicks);
  });
});

describe("a process's tree", () => {
  it("is read from ps's two columns, whatever their widths", () => {
    expect(parentsIn('    1     0\n  501     1\n12345   501\n')).toEqual(
      new Map([
        [1, 0],
        [501, 1],
        [12345, 501],
      ]),
    );
    expect(parentsIn('')).toEqual(new Map());
  });

  it.runIf(hasPs)('is read from a real ps', () => {
    expect(parentsIn(ps('-A', '-o', 'pid=,ppid=')).get(process.pid)).toBe(process.ppid);
  });

  it('has all its descendants, once, and not itself', () => {
    const processes = fc.uniqueArray(fc.tuple(fc.nat(30), fc.nat(30)), { selector: ([pid]) => pid });
    fc.assert(
      fc.property(processes, fc.nat(30), (rows, pid) => {
        const parents = new Map(rows);
        const isBelow = (child: number) => {
          const seen = new Set<number>();
          for (let at = child; !seen.has(at); ) {
            seen.add(at);
            const parent = parents.get(at);
            if (parent === undefined) return false;
            if (parent === pid) return true;
            at = parent;
          }
          return false;
        };
        const below = [...parents.keys()].filter((child) => child !== pid && isBelow(child));
        expect(descendantsAmong(parents, pid).sort((a, b) => a - b)).toEqual(below.sort((a, b) => a - b));
      }),
    );
  });

  it('that ended leaves its id alone on Windows, where it may be another process by now', async () => {
    // It leads a process group, as any process that reuses a trainer's id may.
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true });
    onTestFinished(() => void other.kill('SIGKILL'));
    const ended = once(other, 'exit');
    killGroupOfEnded(other.pid as number, 'win32');
    expect(await processStart(other.pid as number)).not.toBe('ended');
    killGroupOfEnded(other.pid as number, 'linux');
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('is ended by the program of Windows itself, not by one with its name in another folder', () => {
    expect(taskkillPath({ SystemRoot: 'D:\\WINNT' })).toBe('D:\\WINNT\\System32\\taskkill.exe');
    expect(taskkillPath({})).toBe('C:\\Windows\\System32\\taskkill.exe');
  });

  it('is ended whole on Windows, and by force', () => {
    expect(taskkillArguments(4242)).toEqual(['/pid', '4242', '/T', '/F']);
  });

  it.skipIf(process.platform === 'win32')(
    'has been ended on Windows when the program for that has',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'taskkill-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const program = join(folder, 'taskkill');
      await writeFile(program, '#!/bin/sh\nsleep 0.2\necho "$@" > "$(dirname "$0")/arguments"\nexit 128\n', {
        mode: 0o755,
      });
      await endTree(4242, program);
      expect(readFileSync(join(folder, 'arguments'), 'utf8')).toBe('/pid 4242 /T /F\n');
      await expect(endTree(4242, join(folder, 'none'))).resolves.toBeUndefined();
    },
  );
});

describe('the processes that Linux ended for lack of memory', () => {
  it('are counted where it tells', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vmstat-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'vmstat'), 'nr_free_pages 2048\noom_kill 3\nnuma_hit 7\n');
    await writeFile(join(folder, 'older'), 'nr_free_pages 2048\n');
    expect(await memoryKills(join(folder, 'vmstat'))).toBe(3);
    expect(await memoryKills(join(folder, 'older'))).toBeNull();
    expect(await memoryKills(join(folder, 'none'))).toBeNull();
  });
});

describe.runIf(process.platform === 'linux')('the processes with variables', () => {
  it('are those that inherited exactly these, also in a session of their own', async () => {
    const value = `/store/${process.pid}`;
    const start = (env: NodeJS.ProcessEnv) => {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, env });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child;
    };
    const one = start({ TEST_RUN: value, TEST_ATTEMPT: '1' });
    const two = start({ TEST_RUN: value, TEST_ATTEMPT: '12' });
    const others = [start({ TEST_RUN: `${value}0`, TEST_ATTEMPT: '1' }), start({ X_TEST_RUN: value })];
    await Promise.all([one, two, ...others].map((child) => once(child, 'spawn')));
    expect((await processesWithVariables({ TEST_RUN: value })).sort()).toEqual([one.pid, two.pid].sort());
    expect(await processesWithVariables({ TEST_RUN: value, TEST_ATTEMPT: '1' })).toEqual([one.pid]);
    expect(await processesWithVariables({ TEST_RUN: `${value}/none` })).toEqual([]);
  });
});
