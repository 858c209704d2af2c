import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { nodeBundle } from '../../../scripts/lib/bundling.mjs';

/**
 * Runs an engine installer in a separate process. Prints `work` when its method starts. The method then waits, or
 * returns the named addon. Finally prints how the installation ended.
 */
const SOURCE = `
  import { copyFile, mkdir } from 'node:fs/promises';
  import { installEngine } from './src/engines/install/install';
  const [folder, standstillMs, addon] = process.argv.slice(2);
  const interrupt = new AbortController();
  process.on('SIGINT', () => interrupt.abort());
  const method = {
    source: 'wheel', unverified: [], versions: { tensorflow: '1' }, neededBytes: 0,
    problem: async () => null, gpuProblem: async () => null,
    assemble: async (work, { signal }) => {
      console.log('work ' + process.pid);
      if (addon) {
        await mkdir(work + '/complete');
        await copyFile(addon, work + '/complete/a.node');
        return { addon: 'a.node', bytes: 1 };
      }
      await new Promise((_, reject) => {
        setInterval(() => {}, 1000);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
  };
  const work = { standstillMs: Number(standstillMs), beatMs: 100 };
  installEngine('tensorflow', { folder, work, signal: interrupt.signal }, [method]).then(
    () => console.log('installed'),
    (error) => console.log(error === interrupt.signal.reason ? 'interrupted' : 'failed ' + error.message),
  ).finally(() => process.exit());
`;

export interface InstallerProgram {
  start(args: readonly string[], wrapper?: readonly string[]): RunningInstaller;
}

export interface RunningInstaller {
  readonly process: ChildProcess;
  /** Returns the next line that it prints, or null if it has ended. */
  nextLine(): Promise<string | null>;
  /** Kills it and waits until it has exited. */
  kill(): Promise<void>;
}

export async function installerProgram(): Promise<InstallerProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'installer-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const outfile = join(folder, 'installer.js');
  const { absWorkingDir: resolveDir } = nodeBundle;
  await build({ ...nodeBundle, stdin: { contents: SOURCE, resolveDir, loader: 'ts' }, outfile });
  return {
    start: (args, wrapper = []) => {
      const [command = '', ...rest] = [...wrapper, process.execPath, outfile, ...args];
      const child = spawn(command, rest, {
        stdio: ['ignore', 'pipe', 'inherit'],
        // A separate process group, like a terminal's job.
        detached: true,
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const kill = async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      };
      onTestFinished(kill);
      return {
        process: child,
        nextLine: async () => (await lines.next()).value ?? null,
        kill,
      };
    },
  };
}
