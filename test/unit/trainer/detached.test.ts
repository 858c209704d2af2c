import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { lastCheckpointPath } from '../../../src/runs/checkpoint';
import { feeds } from '../../../src/runs/feed/feed';
import { endRequestPath, readLease } from '../../../src/runs/lease/lease';
import { LOG_START } from '../../../src/runs/logParser';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted, pauseByLease, stopByLease } from '../../../src/runs/stopping';
import { listRuns, readManifest, readRun, writeManifest } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { smallRecipe } from '../../support/smallTraining';
import { isRunning, until } from '../runs/support';
import { bundle, queueRun, trainerTests } from './trainerProcess';

const tests = trainerTests();
const { start } = tests;
let hostPath: string;

beforeAll(async () => {
  hostPath = await buildHost(dirname(tests.trainerPath));
});

/** Builds a program that starts a run like a window does and waits for its end. */
async function buildHost(folder: string): Promise<string> {
  const outfile = join(folder, 'host.js');
  const source = `
    import { startRun } from './src/runs/supervisor';
    const [folder, trainerPath, stopWithParent] = process.argv.slice(2);
    const command = { nodePath: process.execPath, trainerPath, stopWithParent: stopWithParent === 'stop' };
    startRun(folder, command).exited.then((end) => console.log(JSON.stringify(end)));
  `;
  const stdin = { contents: source, resolveDir: join(__dirname, '../../..'), loader: 'ts' } as const;
  await bundle({ stdin }, outfile);
  return outfile;
}

/**
 * Starts a process that starts a run's trainer. Returns it with the trainer's process id after the trainer holds the
 * run.
 */
async function host(folder: string, whenItGoes: 'continue' | 'stop') {
  const child = fork(hostPath, [folder, tests.trainerPath, whenItGoes], { execArgv: [], stdio: 'ignore' });
  const exited = once(child, 'exit');
  tests.endWith(async () => {
    child.kill('SIGKILL');
    await exited;
    await stopByLease(folder, 0);
  });
  await reaches(folder, 'epoch');
  const pid = (await readLease(folder))?.holder?.pid;
  if (pid === undefined) throw new Error('Nobody holds the run.');
  return {
    trainer: pid,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function reaches(folder: string, type: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const subscription = feeds.subscribeRaw(folder, LOG_START, ({ events }) => {
      if (!events.some((event) => event.type === type)) return;
      subscription.close();
      resolve();
    });
  });
}

const stateOf = async (folder: string) => {
  const run = await readRun(folder);
  return run.kind === 'run' ? run.manifest.state.status : run.reason;
};

/** More epochs than any test waits for. */
const ENDLESS = smallRecipe({ schedule: { epochs: 100_000 } });

describe('a trainer whose host is killed', () => {
  test('continues, and is found running by the next one, with its whole history and what follows', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const { trainer, kill } = await host(folder, 'continue');
    await kill();
    expect(await isRunning(trainer)).toBe(true);
    expect(await listRuns(tests.store)).toMatchObject([{ manifest: { state: { status: 'running' } } }]);

    const steps: number[] = [];
    const subscription = feeds.subscribeRaw(folder, LOG_START, ({ events }) => {
      for (const event of events) if (event.type === 'step') steps.push(event.step);
    });
    onTestFinished(() => subscription.close());
    await subscription.drain();
    const history = steps.length;
    expect(history).toBeGreaterThanOrEqual(4);
    await until(() => steps.length > history + 8);
    expect(steps).toEqual(steps.map((_, index) => index));
  });

  test('stops after its step where it was told to', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const { trainer, kill } = await host(folder, 'stop');
    await kill();
    await until(async () => !(await isRunning(trainer)));
    expect(await stateOf(folder)).toBe('stopped');
  });

  test('can be stopped by anyone, and leaves nothing running', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const { trainer, kill } = await host(folder, 'continue');
    await kill();
    expect(await stopByLease(folder)).toBeNull();
    expect(await isRunning(trainer)).toBe(false);
    expect(await stateOf(folder)).toBe('stopped');
    expect(await readLease(folder)).toBeNull();
  });
});

describe('pausing', () => {
  test('ends a run after its step with a checkpoint, whoever started it, and it resumes from there', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const { trainer, kill } = await host(folder, 'continue');
    await kill();
    expect(await pauseByLease(folder)).toBeNull();
    expect(await isRunning(trainer)).toBe(false);
    const paused = await readManifest(folder);
    if (!paused.ok || paused.manifest.state.status !== 'paused') throw new Error(JSON.stringify(paused));
    expect(existsSync(endRequestPath(folder))).toBe(false);

    // Of the endless training, only a few more epochs remain.
    const epochs = Math.ceil(paused.manifest.state.step / 4) + 3;
    const recipe = smallRecipe({ schedule: { epochs } });
    await writeManifest(folder, { ...paused.manifest, recipe });

    expect(await makeReady(folder)).toBeNull();
    const again = start(folder);
    expect((await again.exited).code).toBe(0);
    const events = await again.events();
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 4 * epochs }, (_, step) => step));
    const [, ...told] = events
      .map(({ type }) => type)
      .filter((type) => type === 'paused' || type === 'started');
    expect(told).toEqual(['paused', 'started']);
  });

  test('through its channel is the same', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const handle = startRun(folder, { nodePath: process.execPath, trainerPath: tests.trainerPath });
    await reaches(folder, 'epoch');
    expect(await handle.pause()).toEqual({ status: 'paused', step: expect.any(Number) });
    expect(await stateOf(folder)).toBe('paused');
    expect(existsSync(lastCheckpointPath(folder))).toBe(true);
  });
});

describe('two processes that start one run', () => {
  test('at once start it once', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainers = Array.from({ length: 4 }, () => start(folder));
    const left = () => trainers.filter(({ child }) => child.exitCode !== null);
    await until(() => left().length === 3);
    for (const trainer of left()) {
      expect(await trainer.exited).toEqual({ code: 75, signal: null });
      expect(trainer.output).toContain('is not queued');
    }
    const [winner] = trainers.filter(({ child }) => child.exitCode === null);
    await winner?.reaches('epoch');
    expect((await winner?.events())?.filter(({ type }) => type === 'started')).toHaveLength(1);
  });

  test('both follow it to its end', async () => {
    const folder = await queueRun(tests.store, smallRecipe({ schedule: { epochs: 40 } }));
    const command = { nodePath: process.execPath, trainerPath: tests.trainerPath };
    const handles = Array.from({ length: 3 }, () => startRun(folder, command));
    const ends = await Promise.all(handles.map(({ exited }) => exited));
    expect(ends[0]).toMatchObject({ status: 'done' });
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[2]).toEqual(ends[0]);
    expect(await readLease(folder)).toBeNull();
  });
});

describe('a run folder', () => {
  test.each([
    ['deleted', (folder: string) => rm(folder, { recursive: true, force: true, maxRetries: 5 })],
    ['renamed', (folder: string) => rename(folder, `${folder}-elsewhere`)],
  ])('that is %s while its run trains ends the trainer, and is not recreated', async (_, change) => {
    const folder = await queueRun(tests.store, ENDLESS);
    const handle = startRun(folder, { nodePath: process.execPath, trainerPath: tests.trainerPath });
    await reaches(folder, 'epoch');
    await change(folder);
    const end = await handle.exited;
    expect(end).toMatchObject({
      status: 'failed',
      failure: { what: `${folder} was moved or deleted during training.` },
    });
    expect(existsSync(folder)).toBe(false);
    expect(await isRunning(handle.pid as number)).toBe(false);
  });

  test('that was renamed opens at its new place, as interrupted', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = start(folder);
    await trainer.reaches('epoch');
    const moved = `${folder}-elsewhere`;
    await rename(folder, moved);
    expect((await trainer.exited).code).toBe(76);
    expect(await stateOf(moved)).toBe('interrupted');
  });
});

describe('a run whose trainer is gone', () => {
  test('is interrupted, which is recorded once and overwrites no other state', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = start(folder);
    await trainer.reaches('step');
    await markInterrupted(folder);
    expect(await stateOf(folder)).toBe('running');
    trainer.child.kill('SIGKILL');
    await trainer.exited;
    await Promise.all([markInterrupted(folder), markInterrupted(folder)]);
    expect(await trainer.manifest()).toMatchObject({
      state: { status: 'interrupted' },
      endedAt: expect.any(Number),
    });
    expect(await readLease(folder)).toBeNull();
  });
});

describe('a running trainer', () => {
  test('keeps its heartbeat, also when the clock jumps', async () => {
    const begun = Date.now();
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = start(folder);
    await trainer.reaches('step');
    const path = (await readLease(folder))?.path as string;
    const beatMs = async () => (await stat(path)).mtimeMs;
    const first = await beatMs();
    await until(async () => (await beatMs()) > first);
    const latest = await beatMs();
    // File systems round times.
    expect(latest).toBeGreaterThan(begun - 1000);
    expect(latest).toBeLessThan(Date.now() + 1000);
  });

  test('follows a request to stop that is left in its folder', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = start(folder);
    await trainer.reaches('step');
    await writeFile(endRequestPath(folder), '');
    expect((await trainer.exited).code).toBe(130);
    expect(await stateOf(folder)).toBe('stopped');
    expect(existsSync(endRequestPath(folder))).toBe(false);
  });
});
