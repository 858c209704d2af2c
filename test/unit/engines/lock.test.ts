import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takeWorkFolder, workFolderPath } from '../../../src/engines/install/workFolder';
import { installerProgram } from './installerProgram';

/** Starts a program as process 1 of a new PID namespace, like a container does. It ends with `unshare`. */
const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const hasNamespaces =
  process.platform === 'linux' && spawnSync('unshare', [...CONTAINER.slice(1), 'true']).status === 0;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'engines-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('while an engine is being installed', () => {
  it('no other process installs it; once that one is killed, the next one does', async () => {
    const folder = await temporaryFolder();
    const program = await installerProgram();
    const first = program.start([folder, '60000']);
    expect(await first.nextLine()).toBe(`work ${first.process.pid}`);
    const second = program.start([folder, '60000']);
    expect(await second.nextLine()).toMatch(/^failed tensorflow is already being installed\./);
    await first.kill();
    const third = program.start([folder, '60000']);
    // The holder is a process on this machine, so it is checked directly. Nobody waits for its heartbeat.
    expect(await third.nextLine()).toMatch(/^work /);
    third.process.kill('SIGINT');
    expect(await third.nextLine()).toBe('interrupted');
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(!hasNamespaces)(
    'in a container, where each process has the same id, a killed installer blocks nobody',
    async () => {
      const folder = await temporaryFolder();
      const program = await installerProgram();
      const first = program.start([folder, '60000'], CONTAINER);
      expect(await first.nextLine()).toBe('work 1');
      const meanwhile = program.start([folder, '60000'], CONTAINER);
      expect(await meanwhile.nextLine()).toMatch(/^failed tensorflow is already being installed\./);
      await first.kill();
      const next = program.start([folder, '2000'], CONTAINER);
      expect(await next.nextLine()).toBe('work 1');
    },
  );

  it("a terminal's interrupt, which the probe receives too, is not a failure of the installation", async () => {
    const folder = await temporaryFolder();
    const [addon, mark] = [join(folder, 'waits.node'), join(folder, 'probed')];
    const source = `#include <fcntl.h>
      #include <unistd.h>
      __attribute__((constructor)) static void wait(void) { open("${mark}", O_CREAT | O_WRONLY, 0644); pause(); }`;
    execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', addon], { input: source });
    const program = await installerProgram();
    const installer = program.start([join(folder, 'engines'), '60000', addon]);
    expect(await installer.nextLine()).toMatch(/^work /);
    await expect.poll(() => existsSync(mark)).toBe(true);
    process.kill(-(installer.process.pid as number), 'SIGINT');
    expect(await installer.nextLine()).toBe('interrupted');
    expect(await readdir(join(folder, 'engines'))).toEqual([]);
  });

  it('a frozen installer that was taken over notices it, and leaves the folder to the other', async () => {
    const folder = await temporaryFolder();
    const options = { signal: new AbortController().signal, standstillMs: 200, beatMs: 60_000 };
    const frozen = await takeWorkFolder('tensorflow', folder, options);
    // As seen from another machine.
    const holderPath = join(workFolderPath('tensorflow', folder), 'holder.json');
    const holder = JSON.parse(await readFile(holderPath, 'utf8'));
    holder.space = { host: 'elsewhere', machine: 'other', boot: 'other', namespace: 'other' };
    await writeFile(holderPath, JSON.stringify(holder));
    const waits: string[] = [];
    const taken = await takeWorkFolder('tensorflow', folder, {
      ...options,
      onWait: () => waits.push('wait'),
    });
    expect(waits).toEqual(['wait']);
    await expect(frozen.check()).rejects.toThrow('already being installed');
    await frozen.release();
    await taken.check();
    expect(await readdir(folder)).toEqual(['.tensorflow.work']);
    await taken.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('a folder without a readable holder is taken over once it stopped changing', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(workFolderPath('tensorflow', folder), 'files'), { recursive: true });
    const options = { signal: new AbortController().signal, standstillMs: 200 };
    const taken = await takeWorkFolder('tensorflow', folder, options);
    expect(await readdir(taken.files)).toEqual([]);
    await taken.release();
  });

  it('a waiting installer can be interrupted', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(workFolderPath('tensorflow', folder), 'files'), { recursive: true });
    const stop = new AbortController();
    const reason = new Error('enough');
    const onWait = () => stop.abort(reason);
    await expect(takeWorkFolder('tensorflow', folder, { signal: stop.signal, onWait })).rejects.toBe(reason);
  });
});
