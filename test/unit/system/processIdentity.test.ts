import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ProcessSpace,
  processSpace,
  processStart,
  readProcessSpace,
  recentProcessStart,
  relationOf,
  type SystemAccess,
} from '../../../src/system/processIdentity';

/** A fake system with given answers. It records the requests. */
function system(platform: NodeJS.Platform, answers: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const answer = async (question: string) => {
    asked.push(question);
    return answers[question] ?? '';
  };
  const access: SystemAccess = {
    platform,
    env: { SystemRoot: 'D:\\Windows' },
    host: 'laptop',
    exists: (pid) => pid !== 404,
    output: (program, args) => answer([program, ...args].join(' ')),
    text: answer,
    link: answer,
  };
  return { access, asked };
}

describe("a process's start", () => {
  it('is read from /proc on Linux', async () => {
    const stat =
      '7 (node) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 11 0 987654 1000 200 18446744073709551615';
    const { access } = system('linux', { '/proc/7/stat': stat, '/proc/8/stat': stat.replace(' S ', ' Z ') });
    expect(await processStart(7, access)).toBe('987654');
    expect(await processStart(8, access)).toBe('ended');
    expect(await processStart(9, access)).toBeNull();
    expect(await processStart(404, access)).toBe('ended');
  });

  it('is read with ps on macOS, found by its full path', async () => {
    const { access } = system('darwin', {
      '/bin/ps -o state=,lstart= -p 7': 'Ss   Thu Nov 26 12:00:16 2026',
    });
    expect(await processStart(7, access)).toBe('Thu Nov 26 12:00:16 2026');
    expect(await processStart(9, access)).toBeNull();
    expect(await processStart(404, access)).toBe('ended');
  });

  const powerShell = (pid: number) =>
    `D:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -NonInteractive -Command (Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;

  it('is read with PowerShell on Windows, found by its full path', async () => {
    const { access } = system('win32', {
      [powerShell(7)]: '134112996161234567',
      [powerShell(8)]: 'Access denied',
    });
    expect(await processStart(7, access)).toBe('134112996161234567');
    expect(await processStart(8, access)).toBeNull();
    expect(await processStart(404, access)).toBe('ended');
  });

  it('is read once in ten seconds on Windows for repeated requests', async () => {
    const { access, asked } = system('win32', { [powerShell(77)]: '134112996161234567' });
    for (let look = 0; look < 5; look++) {
      expect(await recentProcessStart(77, access)).toBe('134112996161234567');
    }
    expect(asked).toHaveLength(1);
    expect(await recentProcessStart(77, { ...access, exists: () => false })).toBe('ended');
  });

  it.runIf(process.platform !== 'win32')('is one for its life, and none after', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const pid = child.pid as number;
    const start = await processStart(pid);
    expect(start).toMatch(/\d/);
    expect(await recentProcessStart(pid)).toBe(start);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await processStart(pid)).toBe('ended');
  });
});

describe('where process ids count', () => {
  it.runIf(process.platform === 'linux')("is the machine's start and the namespace, on Linux", async () => {
    expect(await processSpace()).toEqual({
      host: hostname(),
      machine: expect.anything(),
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/self/ns/pid'),
    });
  });

  it('is unknown if Linux does not tell', async () => {
    const { access } = system('linux', {});
    expect(await readProcessSpace(access)).toEqual({
      host: 'laptop',
      machine: null,
      boot: null,
      namespace: null,
    });
  });

  it("is the machine's own id on macOS, whatever the network calls it", async () => {
    const { access } = system('darwin', {
      '/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice':
        '+-o J314sAP  <class IOPlatformExpertDevice>\n    {\n      "IOPlatformUUID" = "564D-77"\n      "model" = <"Mac">\n    }',
    });
    const machine = { machine: '564D-77', boot: null, namespace: null };
    expect(await readProcessSpace(access)).toEqual({ host: 'laptop', ...machine });
    const elsewhere = await readProcessSpace({ ...access, host: 'laptop.hotel.example' });
    expect(relationOf(await readProcessSpace(access), elsewhere)).toBe('same');
  });

  it("is the machine's own id on Windows", async () => {
    const { access } = system('win32', {
      'D:\\Windows\\System32\\reg.exe query HKLM\\SOFTWARE\\Microsoft\\Cryptography /v MachineGuid':
        '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    0f3c-99\r\n',
    });
    expect(await readProcessSpace(access)).toEqual({
      ...{ host: 'laptop', machine: '0f3c-99', boot: null, namespace: null },
    });
  });

  const FIRST = 'pid:[4026531836]';
  const linux = { host: 'a', machine: 'm', boot: 'b', namespace: FIRST };
  const mac = { host: 'a', machine: 'm', boot: null, namespace: null };

  it.each<[string, ProcessSpace, ProcessSpace, string]>([
    ['itself', linux, linux, 'same'],
    ['another name of it', linux, { ...linux, host: 'b' }, 'same'],
    ['a container on it', linux, { ...linux, namespace: 'pid:[1]' }, 'other'],
    [
      'a container of the same name on it',
      { ...linux, namespace: 'pid:[2]' },
      { ...linux, namespace: 'pid:[1]' },
      'other',
    ],
    ['what an earlier release wrote of it', { ...linux, machine: null, namespace: null }, linux, 'unknown'],
    ['itself, started anew', linux, { ...linux, boot: 'c' }, 'ended'],
    ['another machine of its name', linux, { ...linux, machine: 'n', boot: 'c' }, 'other'],
    ['a copy of its disk', linux, { ...linux, host: 'b', boot: 'c' }, 'other'],
    [
      'containers of one image',
      { ...linux, namespace: 'pid:[2]' },
      { ...linux, namespace: 'pid:[1]', boot: 'c' },
      'other',
    ],
    ['one that does not tell', linux, { ...linux, boot: null }, 'other'],
    ['a Mac', mac, mac, 'same'],
    ['a Mac under another name', mac, { ...mac, host: 'b' }, 'same'],
    ['another Mac of its name', mac, { ...mac, machine: 'n' }, 'other'],
    ['what an earlier release wrote of a Mac', { ...mac, machine: null }, mac, 'unknown'],
    ['what an earlier release wrote of another', { ...mac, machine: null, host: 'b' }, mac, 'other'],
  ])('%s', (_, there, now, relation) => {
    expect(relationOf(there, now)).toBe(relation);
  });

  it('is the same only if nothing known differs but the name', () => {
    const text = fc.constantFrom('a', 'b', null);
    const space = fc.record({ host: fc.constantFrom('a', 'b'), machine: text, boot: text, namespace: text });
    fc.assert(
      fc.property(space, space, (there, now) => {
        const relation = relationOf(there, now);
        if (relation !== 'same') return;
        expect(there.boot).toBe(now.boot);
        expect(there.namespace).toBe(now.namespace);
        if (there.boot === null) expect(there.machine).toBe(now.machine);
      }),
    );
  });
});
