import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, inject, onTestFinished } from 'vitest';
import { root } from '../../../scripts/lib/processes.mjs';
import { linkSharp } from '../../../scripts/lib/sharp.mjs';
import { until } from '../runs/support';

/** Marks every process of this file's tests in its environment, so that what is left of them is found. */
const MARK = `BAG_OF_TRICKS_TEST=${randomUUID()}`;

/** `script` leaves 10 ms after its command, though a busy kernel may hand over what was written last after that. */
const LINGER = 'code=$?; sleep 1; exit $code';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningTricks {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly outcome: Promise<Outcome>;
}

/** Copies the bundles into a folder laid out like the package. */
async function copyTricks(): Promise<{ folder: string; remove(): Promise<void> }> {
  const place = await mkdtemp(join(tmpdir(), 'bag-of-tricks-build-'));
  const folder = join(place, 'dist');
  await symlink(join(root, 'examples'), join(place, 'examples'));
  await cp(inject('bundles'), folder, { recursive: true });
  await linkSharp(folder);
  await linkTricks(folder);
  return { folder, remove: () => rm(place, { recursive: true, force: true }) };
}

/** Links `tricks` to the command line in a folder of bundles, as an installation does in a folder of PATH. */
async function linkTricks(folder: string): Promise<void> {
  await chmod(join(folder, 'tricks.js'), 0o755);
  await symlink('tricks.js', join(folder, 'tricks'));
}

/** Copies the command line before a file's tests and sees that they leave no process; makes workplaces for it. */
export function tricksTests(): () => ReturnType<typeof workplace> {
  let bundles: Awaited<ReturnType<typeof copyTricks>>;
  beforeAll(async () => {
    bundles = await copyTricks();
  });
  afterAll(() => bundles.remove());
  afterEach(async () => {
    if (process.platform === 'linux') await until(async () => (await processesLeft()) === 0);
  });
  return () => workplace(bundles.folder);
}

/** A folder to work in, and the command line in it. */
async function workplace(bundles: string) {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let program = join(bundles, 'tricks.js');
  /** Where `tricks` is on PATH, unless a test sets another. */
  const withTricks = ({ env, ...options }: StartOptions): StartOptions => ({
    cwd: folder,
    ...options,
    env: {
      TRICKS: `${process.execPath} ${program}`,
      PATH: [dirname(program), process.env.PATH].join(delimiter),
      ...env,
    },
  });
  const start = (args: readonly string[], options: StartOptions = {}): RunningTricks =>
    startProcess(options.node ?? process.execPath, [program, ...args], withTricks(options));
  return {
    folder,
    program: () => program,
    start,
    tricks: (args: readonly string[], options?: StartOptions) => start(args, options).outcome,
    /** Runs a line of shell in which $TRICKS is the command line. */
    shell: (line: string, options: StartOptions = {}) =>
      startProcess('bash', ['-c', line], withTricks(options)).outcome,
    /** As `shell`, in a terminal, whose output is all on standard output. */
    terminal: (line: string, options: StartOptions = {}) =>
      startProcess(
        'script',
        ['--quiet', '--return', '--command', `${line}; ${LINGER}`, '/dev/null'],
        withTricks(options),
      ).outcome,
    write: async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return name;
    },
    /** Puts a script in the trainer's place. */
    replaceTrainer: async (script: string) => {
      const copy = join(folder, 'dist');
      await mkdir(copy);
      await cp(program, join(copy, 'tricks.js'));
      await writeFile(join(copy, 'trainer.js'), script);
      await linkTricks(copy);
      program = join(copy, 'tricks.js');
    },
    /** The manifest of the only run. */
    manifest: async () => {
      const [id, ...others] = await readdir(join(folder, '.bag-of-tricks/runs'));
      if (id === undefined || others.length > 0) throw new Error(`Not one run: ${[id, ...others]}`);
      return JSON.parse(await readFile(join(folder, '.bag-of-tricks/runs', id, 'run.json'), 'utf8'));
    },
  };
}

export interface StartOptions {
  readonly cwd?: string;
  /** The Node to run on; by default this one. */
  readonly node?: string;
  /** Variables to set, and where undefined to leave out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

function startProcess(command: string, args: readonly string[], { cwd, env }: StartOptions): RunningTricks {
  const [name = '', value = ''] = MARK.split('=');
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env, [name]: value },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const outcome = once(child, 'close').then(([code]): Outcome => ({ code, stdout, stderr }));
  return { process: child, stdout: () => stdout, stderr: () => stderr, outcome };
}

/** Whether a shell may mount a file system of its own, of a size that can be filled: on most Linux machines. */
export function canMount(): boolean {
  const mount = 'mount -t tmpfs -o size=4k none /mnt';
  return spawnSync('unshare', [...UNSHARE, 'sh', '-c', mount]).status === 0;
}

const UNSHARE = ['--user', '--map-root-user', '--mount'];

/**
 * Shell that runs `command` beside a disk of so many KiB in `disk/`, then copies what was kept there into the
 * working folder.
 */
export function withSmallDisk(kilobytes: number, command: string): string {
  const lines = `mkdir disk; mount -t tmpfs -o size=${kilobytes}k none disk; ${command}; code=$?; cp -r disk/. .; exit $code`;
  return `exec unshare ${UNSHARE.join(' ')} bash -c '${lines}'`;
}

/** How many processes that these tests started, at whatever remove, are running; Linux only. */
async function processesLeft(): Promise<number> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(MARK);
    }),
  );
  return marked.filter(Boolean).length;
}
