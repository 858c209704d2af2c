import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { livenessOf, readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { stopByLease } from '../../../src/runs/stopping';
import { metricsPath, readManifest, readRun, trainerLogPath } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { type TrainerCommand, trainerEnvironment } from '../../../src/runs/trainerCommand';
import { doneEvent, standInPrelude } from './standIn';
import { exampleRun, isRunning, until } from './support';

/** Starts a queued run with a Node script instead of the trainer. */
async function supervise(script: string, changes: Partial<TrainerCommand> = {}) {
  const { root, folder } = await exampleRun();
  const trainerPath = join(root, 'trainer.js');
  await writeFile(trainerPath, standInPrelude + script);
  const handle = startRun(folder, { nodePath: process.execPath, trainerPath, graceMs: 300, ...changes });
  onTestFinished(async () => {
    await handle.kill();
  });
  const events: RunEvent[] = [];
  let skipped = 0;
  handle.on('events', (batch) => {
    events.push(...batch.events);
    skipped += batch.skipped;
  });
  const types = () => events.map((event) => event.type);
  const untilStep = () => until(() => types().includes('step'));
  return { root, folder, handle, events, types, untilStep, skipped: () => skipped };
}

type Supervised = Awaited<ReturnType<typeof supervise>>;

/** Counts running processes with a variable in their environment. Linux only. */
async function processesMarked(name: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.includes(`${name}=`) && (await isRunning(Number(pid)));
    }),
  );
  return marked.filter(Boolean).length;
}

async function manifestOf(folder: string) {
  const reading = await readManifest(folder);
  if (!reading.ok) throw new Error(reading.reason);
  return reading.manifest;
}

/** Returns the failure in a run's manifest. The run's log must end with the same failure. */
async function failureIn(folder: string) {
  const { state, endedAt } = await manifestOf(folder);
  if (state.status !== 'failed') throw new Error(`The run is ${state.status}.`);
  expect(endedAt).toBeGreaterThan(0);
  const { events } = await readAllEvents(metricsPath(folder));
  expect(events.at(-1)).toMatchObject({ type: 'failed', failure: state.failure });
  expect(await readLease(folder)).toBeNull();
  return state.failure;
}

describe('a trainer that ends well', () => {
  it('has its events and states reported, and its end recorded', async () => {
    const { folder, handle, types } = await supervise(
      `step(0); step(1); append(${doneEvent}); process.disconnect();`,
    );
    const statuses: string[] = [];
    handle.on('state', ({ status }) => statuses.push(status));
    const state = await handle.exited;
    expect(state).toMatchObject({ status: 'done', result: { validationAccuracy: 0.5 } });
    expect(types()).toEqual(['step', 'step', 'done']);
    expect(statuses.at(-1)).toBe('done');
    expect(handle.state).toEqual(state);
    const manifest = await manifestOf(folder);
    expect(manifest.state).toEqual(state);
    expect(manifest.endedAt).toBeGreaterThanOrEqual(manifest.createdAt);
    expect(await readLease(folder)).toBeNull();
  });

  it('holds the lease while it trains', async () => {
    const { folder, handle, untilStep } = await supervise('step(0); stayAlive();');
    await untilStep();
    const lease = await readLease(folder);
    expect(lease?.holder?.pid).toBe(handle.pid);
    expect(lease && (await livenessOf(lease))).toBe('held');
  });

  it('is believed, whatever its exit code', async () => {
    const { handle } = await supervise(`append(${doneEvent}); process.exitCode = 3; process.disconnect();`);
    expect(await handle.exited).toMatchObject({ status: 'done' });
  });

  it('has its output kept in the log of the run', async () => {
    const { folder, handle } = await supervise(
      "console.log('out'); console.error('err'); process.disconnect();",
    );
    await handle.exited;
    expect(await readFile(trainerLogPath(folder), 'utf8')).toBe('out\nerr\n');
  });
});

describe('a trainer that fails without a message', () => {
  it('and exits at once, fails the run with its exit code and the end of its output', async () => {
    const { folder, handle } = await supervise("console.error('no such engine'); process.exit(7);");
    const state = await handle.exited;
    const failure = await failureIn(folder);
    expect(state).toEqual({ status: 'failed', failure });
    expect(failure.what).toBe('The trainer exited with code 7.');
    expect(failure.log).toBe('no such engine');
    expect(failure.remedy).toContain('trainer.log');
  });

  it('and leaves with code 0, fails the run', async () => {
    const { folder, handle } = await supervise('process.disconnect();');
    await handle.exited;
    expect((await failureIn(folder)).what).toBe('The trainer exited before training was finished.');
  });

  it('by throwing, fails the run with what was thrown', async () => {
    const { folder, handle } = await supervise("step(0); throw new RangeError('a shape is wrong');");
    await handle.exited;
    const failure = await failureIn(folder);
    expect(failure.what).toBe('The trainer exited with code 1.');
    expect(failure.log).toContain('RangeError: a shape is wrong');
    expect(failure.log).not.toContain('    at ');
  });

  it('by being killed, fails the run with the signal and its likely cause', async () => {
    const { folder, handle, untilStep } = await supervise('step(0); stayAlive();');
    await untilStep();
    process.kill(handle.pid as number, 'SIGKILL');
    await handle.exited;
    const failure = await failureIn(folder);
    expect(failure.what).toBe('The trainer was killed by SIGKILL.');
    expect(failure.remedy).toContain('memory');
  });

  it('by being killed before it wrote anything, is seen as failed from the moment that its log says so', async () => {
    const { folder, handle } = await supervise("process.kill(process.pid, 'SIGKILL');");
    await once(handle, 'state');
    expect(handle.state.status).toBe('failed');
    let hasExited = false;
    void handle.exited.then(() => {
      hasExited = true;
    });
    const seen = new Set<string>();
    while (!hasExited) {
      const run = await readRun(folder);
      seen.add(run.kind === 'run' ? run.manifest.state.status : run.reason);
    }
    expect([...seen]).toEqual(['failed']);
  });

  it('by killing itself in the middle of a line, leaves a readable log', async () => {
    const { folder, handle, skipped } = await supervise(
      "step(0); fs.appendFileSync(log, '{\"type\":\"ste'); process.kill(process.pid, 'SIGKILL');",
    );
    await handle.exited;
    await failureIn(folder);
    const { events } = await readAllEvents(metricsPath(folder));
    expect(events.map(({ type }) => type)).toEqual(['step', 'failed']);
    expect(skipped()).toBe(1);
  });

  it('because it is out of memory, fails the run and says what takes less', async () => {
    const { folder, handle } = await supervise(
      'const held = []; for (;;) held.push(new Array(1e6).fill(held.length));',
      { execArgv: ['--max-old-space-size=64'] },
    );
    await handle.exited;
    const failure = await failureIn(folder);
    expect(failure.log).toMatch(/heap out of memory$/);
    expect(failure.remedy).toBe(
      'The machine may have run out of memory: use a smaller data.batch_size and run again.',
    );
  });

  it('because its Node is missing, fails the run and names the Node', async () => {
    const { folder, handle } = await supervise('', { nodePath: '/no/such/node' });
    await handle.exited;
    const failure = await failureIn(folder);
    expect(failure.what).toContain('could not be started');
    expect(failure.remedy).toContain('/no/such/node');
    expect(handle.pid).toBeNull();
  });

  it('because its Node is not a program, fails the run and names it', async () => {
    const { root } = await exampleRun();
    const nodePath = join(root, 'node');
    await writeFile(nodePath, 'not a program');
    const { folder, handle } = await supervise('', { nodePath });
    await handle.exited;
    expect((await failureIn(folder)).remedy).toContain(nodePath);
  });

  it('because it is missing itself, fails the run and names it', async () => {
    const { folder, handle } = await supervise('', { trainerPath: '/no/such/trainer.js' });
    await handle.exited;
    expect((await failureIn(folder)).what).toContain('/no/such/trainer.js');
  });

  it('in a deleted folder, is still reported', async () => {
    const { folder, handle, untilStep } = await supervise('step(0); stayAlive();');
    await untilStep();
    await rm(folder, { recursive: true, maxRetries: 5 });
    process.kill(handle.pid as number, 'SIGKILL');
    expect(await handle.exited).toMatchObject({ status: 'failed' });
    expect(handle.state.status).toBe('failed');
  });
});

describe('data on the channel', () => {
  it('is ignored if it is not a message, and the run continues', async () => {
    const { folder, handle, types } = await supervise(`
      const garbage = ['text', 7, null, [], {}, { type: 'later' }, { type: 'hello' }, { type: 'appended' },
        { type: 'appended', bytes: 'many' }, 'x'.repeat(5_000_000)];
      for (let i = 0; i < 2000; i++) process.send(garbage[i % (garbage.length - 1)]);
      process.send(garbage.at(-1), () => { step(0); append(${doneEvent}); process.disconnect(); });
    `);
    expect(await handle.exited).toMatchObject({ status: 'done' });
    expect(types()).toEqual(['step', 'done']);
    expect((await manifestOf(folder)).state.status).toBe('done');
  });

  it('of another version of the protocol ends the trainer and says so', async () => {
    const { folder, handle } = await supervise(
      "process.send({ type: 'hello', version: 99, pid: process.pid }); stayAlive();",
    );
    await handle.exited;
    expect((await failureIn(folder)).what).toBe(
      'The trainer uses protocol version 99, but this release uses version 1.',
    );
    expect(await isRunning(handle.pid as number)).toBe(false);
  });
});

describe('stopping', () => {
  it('lets the trainer end by itself', async () => {
    const { folder, handle, untilStep, types } = await supervise(
      "step(0); process.on('message', () => { append({ type: 'stopped', step: 1 }); process.exit(); });",
      { graceMs: 30_000 },
    );
    await untilStep();
    expect(await handle.stop()).toEqual({ status: 'stopped', step: 1 });
    expect(types()).toEqual(['step', 'stopped']);
    expect((await manifestOf(folder)).state).toEqual({ status: 'stopped', step: 1 });
  });

  it('terminates an unresponsive trainer', async () => {
    const { folder, handle, types } = await supervise('step(0); step(1); stayAlive();');
    await until(() => types().length === 2);
    expect(await handle.stop()).toMatchObject({ status: 'stopped' });
    expect((await manifestOf(folder)).state).toEqual({ status: 'stopped', step: 2 });
    expect(types()).toEqual(['step', 'step', 'stopped']);
  });

  it('to pause a run terminates such a one too, and the run is paused', async () => {
    const { folder, handle, types } = await supervise('step(0); step(1); stayAlive();');
    await until(() => types().length === 2);
    expect(await handle.pause()).toEqual({ status: 'paused', step: 2 });
    expect((await manifestOf(folder)).state).toEqual({ status: 'paused', step: 2 });
    expect(types()).toEqual(['step', 'step', 'paused']);
  });

  it('kills a trainer that ignores that too, with all its child processes', async () => {
    const { folder, handle, untilStep } = await supervise(`
      const { spawn } = require('node:child_process');
      process.on('SIGTERM', () => {});
      const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"]);
      fs.writeFileSync(join(folder, 'child'), String(child.pid));
      step(0);
      stayAlive();
    `);
    await untilStep();
    const childPid = Number(await readFile(join(folder, 'child'), 'utf8'));
    expect(await isRunning(childPid)).toBe(true);
    expect(await handle.stop()).toEqual({ status: 'stopped', step: 1 });
    expect(await isRunning(handle.pid as number)).toBe(false);
    await until(async () => !(await isRunning(childPid)));
  });

  it.runIf(process.platform === 'linux').each([
    ['by its handle, which kills what does not listen', (run: Supervised) => run.handle.stop()],
    ['by its handle, at once', (run: Supervised) => run.handle.kill()],
    ['by its lease', (run: Supervised) => stopByLease(run.folder, 100)],
  ])('%s leaves no process, whatever its process group', async (_, stop) => {
    const mark = `BAG_OF_TRICKS_TEST_${randomUUID()}`;
    // Each starts the next, the last ones in separate sessions, and none reacts to a termination signal.
    const run = await supervise(
      `
      const { spawn } = require('node:child_process');
      const deaf = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);";
      const nested = (depth) => depth === 0 ? deaf : deaf + "require('node:child_process').spawn(process.execPath, ['-e', " +
        JSON.stringify(nested(depth - 1)) + "], { detached: " + (depth < 3) + ", stdio: 'ignore' });";
      process.on('SIGTERM', () => {});
      spawn(process.execPath, ['-e', nested(3)], { stdio: 'ignore' });
      step(0);
      stayAlive();
    `,
      { env: { ...process.env, [mark]: '1' } },
    );
    await run.untilStep();
    await until(async () => (await processesMarked(mark)) === 5);
    await stop(run);
    await run.handle.exited;
    await until(async () => (await processesMarked(mark)) === 0);
  });

  it('requested twice and late is the same', async () => {
    const { handle, untilStep } = await supervise('step(0); stayAlive();');
    await untilStep();
    const states = await Promise.all([handle.stop(), handle.stop()]);
    expect(states[0]).toEqual(states[1]);
    expect(await handle.stop()).toEqual(states[0]);
    expect(await handle.kill()).toEqual(states[0]);
  });

  it('leaves no process of a crashed trainer running', async () => {
    const { folder, handle } = await supervise(`
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      fs.writeFileSync(join(folder, 'child'), String(child.pid));
      process.exit(1);
    `);
    await handle.exited;
    const childPid = Number(await readFile(join(folder, 'child'), 'utf8'));
    await until(async () => !(await isRunning(childPid)));
  });
});

describe('stopping by the lease', () => {
  const trainer =
    "process.on('SIGTERM', () => { append({ type: 'stopped', step: 1 }); process.exit(); }); step(0); stayAlive();";

  it('stops a run that another process started', async () => {
    const { folder, handle, untilStep } = await supervise(trainer);
    await untilStep();
    expect(await stopByLease(folder)).toBeNull();
    expect(await handle.exited).toEqual({ status: 'stopped', step: 1 });
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'stopped' } } });
  });

  it('kills a trainer that does not respond', async () => {
    const { folder, handle, untilStep } = await supervise(
      "process.on('SIGTERM', () => {}); step(0); stayAlive();",
    );
    await untilStep();
    expect(await stopByLease(folder, 200)).toBeNull();
    expect(await isRunning(handle.pid as number)).toBe(false);
  });

  it('says so if the run is not running', async () => {
    const { folder } = await exampleRun();
    expect(await stopByLease(folder)).toMatchObject({ what: 'The run is not running.' });
  });
});

describe("the trainer's environment", () => {
  it("is the person's own, without variables of an editor or a debugger", async () => {
    const env = {
      PATH: process.env.PATH,
      MINE: 'kept',
      NODE_OPTIONS: '--no-such-option',
      VSCODE_IPC_HOOK: 'x',
      ELECTRON_NO_ASAR: '1',
    };
    const { folder, handle } = await supervise(
      'console.log(JSON.stringify(process.env)); process.disconnect();',
      {
        env,
      },
    );
    await handle.exited;
    const seen = JSON.parse(await readFile(trainerLogPath(folder), 'utf8'));
    expect(seen).toMatchObject({ MINE: 'kept', ELECTRON_RUN_AS_NODE: '1' });
    for (const name of ['NODE_OPTIONS', 'VSCODE_IPC_HOOK', 'ELECTRON_NO_ASAR'])
      expect(seen).not.toHaveProperty(name);
  });

  it.runIf(process.platform === 'linux').each([
    [undefined, 'glibc.malloc.hugetlb=1'],
    ['glibc.malloc.arena_max=2', 'glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1'],
    ['glibc.malloc.hugetlb=0', 'glibc.malloc.hugetlb=0'],
  ])("asks for huge pages if the person's own, %s, says nothing about them", (own, expected) => {
    expect(trainerEnvironment({ GLIBC_TUNABLES: own }).GLIBC_TUNABLES).toBe(expected);
  });
});
