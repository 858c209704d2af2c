import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { nodeBundle, type programs } from '../../../scripts/lib/bundling.mjs';
import { linkSharp } from '../../../scripts/lib/sharp.mjs';
import { findDawn } from '../../../src/engines/dawn';
import type { RunEvent } from '../../../src/protocol/events';
import type { Manifest } from '../../../src/protocol/manifest';
import { type FromTrainer, fromTrainerSchema, TRAINER_EXIT } from '../../../src/protocol/trainer';
import type { AnyRecipe } from '../../../src/recipe/anyRecipe';
import { readAllEvents } from '../../../src/runs/log';
import { createRun, metricsPath, readManifest } from '../../../src/runs/store';

/** Bundles a program as the trainer is bundled. */
export async function bundle(input: BuildOptions, outfile: string): Promise<void> {
  await build({ ...nodeBundle, ...input, outfile });
}

/** Copies the trainer and the programs of its threads into a new folder. Returns the trainer's path. */
export async function copyTrainer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainer-'));
  const trainerPath = join(folder, 'trainer.js');
  await copyProgram('trainer', trainerPath);
  await copyThread(join(folder, 'thread.js'));
  await copyImageWorker(join(folder, 'imageWorker.js'));
  const dawn = findDawn();
  if (dawn) await symlink(dirname(dawn), join(folder, 'dawn'));
  return trainerPath;
}

/** Copies the program of a training's threads, with the wasm engine's binaries next to it. */
export async function copyThread(path: string): Promise<void> {
  await copyProgram('thread', path);
  for (const name of await readdir(inject('bundles'))) {
    if (name.endsWith('.wasm')) await copyFile(join(inject('bundles'), name), join(dirname(path), name));
  }
}

/** Copies the program of the threads that prepare images, with sharp next to it. */
export async function copyImageWorker(path: string): Promise<void> {
  await copyProgram('imageWorker', path);
  await linkSharp(dirname(path));
}

const copyProgram = (name: keyof typeof programs, path: string) =>
  copyFile(join(inject('bundles'), `${name}.js`), path);

/** What the tests of a file that start trainers share. */
export interface TrainerTests {
  /** The path of the trainer's bundle. */
  readonly trainerPath: string;
  /** A folder for each test's runs. */
  readonly store: string;
  /** Starts a trainer on a queued run, and ends it with the test. */
  start(folder: string, env?: Readonly<Record<string, string>>): TrainerProcess;
  /** Has processes that the test started otherwise ended with it, before the folder goes that they write to. */
  endWith(end: () => Promise<unknown>): void;
}

/** Copies the trainer before a file's tests and removes everything that they leave. */
export function trainerTests(): TrainerTests {
  let trainerPath = '';
  let store = '';
  const ends: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    trainerPath = await copyTrainer();
  });
  afterAll(async () => {
    await rm(dirname(trainerPath), { recursive: true });
  });
  beforeEach(async () => {
    store = await mkdtemp(join(tmpdir(), 'store-'));
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await rm(store, { recursive: true });
  });
  return {
    get trainerPath() {
      return trainerPath;
    },
    get store() {
      return store;
    },
    start(folder, env) {
      const trainer = new TrainerProcess(trainerPath, folder, env);
      ends.push(() => trainer.end());
      return trainer;
    },
    endWith(end) {
      ends.push(end);
    },
  };
}

/** Makes a queued run in a store at `storeRoot`; its folder. */
export async function queueRun(storeRoot: string, recipe: AnyRecipe): Promise<string> {
  const creation = await createRun(storeRoot, {
    experimentFile: join(storeRoot, 'small.experiment.yaml'),
    experimentText: 'name: small\n',
    recipe,
    versions: { 'bag-of-tricks': '0.0.0' },
  });
  if (!creation.ok) throw new Error(creation.failure.what);
  return creation.folder;
}

type EndSignal = 'SIGTERM' | 'SIGKILL';

/**
 * Queues a run and ends its trainers by these signals when they have reached these steps. Begins another run if one is
 * done before its signal comes. Returns the run's folder.
 */
export async function endedRun(
  queue: () => Promise<string>,
  start: (folder: string, signal: EndSignal) => TrainerProcess | Promise<TrainerProcess>,
  ends: readonly (readonly [step: number, signal: EndSignal])[],
): Promise<string> {
  const isEnded = async (folder: string) => {
    for (const [step, signal] of ends) {
      const trainer = await start(folder, signal);
      await trainer.reachesStep(step);
      trainer.child.kill(signal);
      const { code } = await trainer.exited;
      if (code === 0) return false;
      if (code !== (signal === 'SIGTERM' ? TRAINER_EXIT.stopped : null)) throw new Error(trainer.output);
    }
    return true;
  };
  for (;;) {
    const folder = await queue();
    if (await isEnded(folder)) return folder;
  }
}

/** A trainer's process as the test sees it. */
export class TrainerProcess {
  readonly messages: FromTrainer[] = [];
  output = '';
  readonly child: ChildProcess;
  /** Resolves with how it left. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(
    trainerPath: string,
    readonly folder: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.child = fork(trainerPath, [folder], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    this.child.on('message', (message) => this.messages.push(fromTrainerSchema.parse(message)));
    const outputs = [this.child.stdout as Readable, this.child.stderr as Readable];
    for (const output of outputs) {
      output.on('data', (data) => {
        this.output += data;
      });
    }
    // Not the process's 'close', which never comes once the channel was disconnected.
    this.exited = Promise.all([
      once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
      ...outputs.map((output) => once(output, 'close')),
    ]).then(([[code, signal]]) => ({ code, signal }));
  }

  /** The events of the run's log; a line that is none is an error. */
  async events(): Promise<readonly RunEvent[]> {
    const { events, skipped } = await readAllEvents(metricsPath(this.folder));
    if (skipped > 0) throw new Error(`${skipped} lines of the log are no events`);
    return events;
  }

  async manifest(): Promise<Manifest> {
    const reading = await readManifest(this.folder);
    if (!reading.ok) throw new Error(reading.reason);
    return reading.manifest;
  }

  /** Waits until the log has an event of this type. */
  async reaches(type: RunEvent['type']): Promise<void> {
    while (!(await this.events()).some((event) => event.type === type)) {
      if (this.child.exitCode !== null) throw new Error(`The trainer left early: ${this.output}`);
      await delay(20);
    }
  }

  /** Waits until the log has this step. */
  async reachesStep(step: number): Promise<void> {
    while (!(await this.events()).some((event) => event.type === 'step' && event.step >= step)) {
      if (this.child.exitCode !== null) throw new Error(`The trainer left early: ${this.output}`);
      await delay(10);
    }
  }

  /** Ends the process if it is still there. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
