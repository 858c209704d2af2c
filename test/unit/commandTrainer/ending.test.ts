import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settledMetrics } from '../../../src/protocol/fold';
import { pauseVariables, TRAINER_EXIT } from '../../../src/protocol/trainer';
import { leasePath, readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted, pauseByLease, stopByLease } from '../../../src/runs/stopping';
import { metricsPath, readRun } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { isRunning, until } from '../runs/support';
import { canMount } from '../support/mounting';
import type { TrainerProcess } from '../trainer/trainerProcess';
import { commandTests, guardsOf } from './commandRuns';

const tests = commandTests();
const { start } = tests;

const isLinux = process.platform === 'linux';

/** Python's tests are skipped where there is none. The trainer itself needs none. */
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** Says that a process runs, by a file with its id. */
const APPEAR = `
  const appear = (name) => {
    fs.writeFileSync(join(folder, name + '.tmp'), String(process.pid));
    fs.renameSync(join(folder, name + '.tmp'), join(folder, name));
  };
`;

/** Waits until a script has appeared. Returns its process id. */
async function appeared(folder: string, name: string): Promise<number> {
  let text = '';
  await until(async () => {
    text = await readFile(join(folder, name), 'utf8').catch(() => '');
    return text !== '';
  });
  return Number(text);
}

const gone = (pid: number) => until(async () => !(await isRunning(pid)));

async function statusOf(folder: string): Promise<string> {
  const run = await readRun(folder);
  return run.kind === 'run' ? run.manifest.state.status : run.reason;
}

/** A command that starts a grandchild in its group, and one in a session of its own. Both ignore requests to end. */
const FAMILY = `${APPEAR}
  const { spawn } = require('node:child_process');
  const deaf = \`
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
    const fs = require('node:fs');
    fs.writeFileSync(process.argv[1] + '.tmp', String(process.pid));
    fs.renameSync(process.argv[1] + '.tmp', process.argv[1]);
    setInterval(() => {}, 1000);
  \`;
  const bear = (name, detached) =>
    spawn(process.execPath, ['-e', deaf, join(folder, name)], { stdio: 'inherit', detached });
  bear('child', false);
  bear('session', true);
`;

async function family(folder: string): Promise<number[]> {
  return Promise.all(['main', 'child', 'session'].map((name) => appeared(folder, name)));
}

describe('a stop', () => {
  test('interrupts the command, which may save first', async () => {
    const folder = await tests.script(`${APPEAR}
      say({ step: 6, epoch: 0, loss: 1 });
      process.on('SIGINT', () => {
        say('saved');
        process.exit(0);
      });
      appear('main');
      stay();
    `);
    const trainer = start(folder);
    await appeared(folder, 'main');
    await trainer.reachesStep(6);
    trainer.child.send({ type: 'stop' });
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.stopped, signal: null });
    expect((await trainer.events()).at(-1)).toMatchObject({ type: 'stopped', step: 7 });
    expect(trainer.output).toContain('saved\n');
    expect(await readLease(folder)).toBeNull();
  });

  test('waits for the checkpoint that the command is saving', async () => {
    const folder = await tests.script(
      `${APPEAR}
      say({ epoch: 0, loss: 1 });
      const file = fs.openSync(join(folder, 'last.pt'), 'w');
      appear('main');
      // An interrupt would end it here.
      for (const until = Date.now() + 2000; Date.now() < until; ) {
        fs.writeSync(file, '.');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
      fs.writeSync(file, 'whole');
      stay();
    `,
      { checkpoint: 'last.pt', resume: [] },
    );
    const trainer = start(folder);
    await appeared(folder, 'main');
    trainer.child.send({ type: 'pause' });
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.paused, signal: null });
    expect(await readFile(join(folder, 'last.pt'), 'utf8')).toMatch(/whole$/);
  });

  test('waits for the checkpoint of an epoch that has just ended', async () => {
    const folder = await tests.script(
      `${APPEAR}
      say({ epoch: 0, loss: 1 });
      appear('main');
      setTimeout(() => fs.writeFileSync(join(folder, 'last.pt'), 'whole'), 500);
      stay();
    `,
      { checkpoint: 'last.pt', resume: [] },
    );
    const trainer = start(folder);
    await appeared(folder, 'main');
    await until(async () => (await trainer.events()).some(({ type }) => type === 'epoch'));
    trainer.child.send({ type: 'pause' });
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.paused, signal: null });
    expect(await readFile(join(folder, 'last.pt'), 'utf8')).toBe('whole');
  });

  test('becomes SIGTERM and then SIGKILL for a command that does not listen, with all that it started', async () => {
    const folder = await tests.script(`${FAMILY}
      process.on('SIGINT', () => say('interrupted'));
      process.on('SIGTERM', () => say('terminated'));
      appear('main');
    `);
    // Long enough for the command to print on a busy machine.
    const trainer = start(folder, { BAG_OF_TRICKS_GRACE_MS: '4000' });
    const pids = await family(folder);
    trainer.child.kill('SIGTERM');
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.stopped, signal: null });
    expect(trainer.output).toMatch(/interrupted\n(?:.*\n)*terminated/);
    expect(await Promise.all(pids.map(isRunning))).toEqual([false, false, false]);
    expect((await trainer.events()).at(-1)).toMatchObject({ type: 'stopped' });
  });

  test.skipIf(!hasPython)('reaches a Python program with workers as Ctrl+C would', async () => {
    const source = `
import json, multiprocessing, os, time

def work(_):
    time.sleep(1000)

if __name__ == "__main__":
    folder = os.environ["BAG_OF_TRICKS_RUN"]
    pool = multiprocessing.get_context("fork").Pool(2)
    pool.map_async(work, range(2))
    pids = [worker.pid for worker in pool._pool]
    with open(os.path.join(folder, "main.tmp"), "w") as file:
        file.write(str(os.getpid()))
    print(json.dumps({"step": 4, "epoch": 0, "loss": 0.5, "pids": pids}))
    os.rename(os.path.join(folder, "main.tmp"), os.path.join(folder, "main"))
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        print("saved", flush=True)
        raise
`;
    await writeFile(join(tests.store, 'train.py'), source);
    const folder = await tests.queue({ command: ['python3', 'train.py'] });
    const trainer = start(folder);
    const pid = await appeared(folder, 'main');
    await trainer.reachesStep(4);
    const workers: number[] = JSON.parse(/"pids": (\[.*?\])/.exec(trainer.output)?.[1] ?? '[]');
    expect(workers).toHaveLength(2);
    trainer.child.send({ type: 'stop' });
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.stopped, signal: null });
    // Python writes a line and its end apart: a worker's traceback may come between them.
    expect(trainer.output).toContain('saved');
    expect(await Promise.all([pid, ...workers].map(isRunning))).toEqual([false, false, false]);
  });

  test('by another process leaves nothing running', async () => {
    const folder = await tests.script(`${FAMILY} appear('main');`);
    const trainer = start(folder, { BAG_OF_TRICKS_GRACE_MS: '400' });
    const pids = await family(folder);
    expect(await stopByLease(folder)).toBeNull();
    expect(await Promise.all(pids.map(isRunning))).toEqual([false, false, false]);
    expect(await statusOf(folder)).toBe('stopped');
    await trainer.exited;
  });

  test('of all its epochs that comes too late leaves the run done', async () => {
    const folder = await tests.script(
      `${APPEAR}
        say({ epoch: 0, validation_accuracy: 0.5 });
        process.on('SIGINT', () => process.exit(0));
        appear('main');
        stay();
      `,
      { epochs: 1 },
    );
    const trainer = start(folder);
    await appeared(folder, 'main');
    await trainer.reaches('epoch');
    trainer.child.send({ type: 'stop' });
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
  });

  test('through the supervisor takes its grace, and kills the tree of a trainer that is frozen', async () => {
    const folder = await tests.script(`${FAMILY} appear('main');`);
    const trainerPath = join(dirname(tests.trainerPath), 'trainer.js');
    const handle = startRun(folder, { nodePath: process.execPath, trainerPath, graceMs: 300 });
    tests.endWith(() => handle.kill());
    const pids = await family(folder);
    process.kill(handle.pid as number, 'SIGSTOP');
    expect(await handle.stop()).toMatchObject({ status: 'stopped' });
    for (const pid of pids) await gone(pid);
  });
});

/** A command that trains 20 more epochs, saves after each, resumes, and never ends by itself. */
const RESUMABLE = `${APPEAR}
  const [, , flag, checkpoint] = process.argv;
  const saved = flag === '--resume' ? Number(fs.readFileSync(checkpoint, 'utf8')) : 0;
  say('begins with epoch ' + saved + (flag === '--resume' ? ' of ' + checkpoint : ''));
  let epoch = saved;
  const train = () => {
    say({ step: 2 * epoch, epoch, loss: 1 });
    say({ step: 2 * epoch + 1, epoch, loss: 1 });
    say({ step: 2 * epoch + 1, epoch, validation_accuracy: 0.5 + epoch / 1000 });
    epoch += 1;
    fs.writeFileSync(join(folder, 'last.pt.tmp'), String(epoch));
    fs.renameSync(join(folder, 'last.pt.tmp'), join(folder, 'last.pt'));
    if (epoch < saved + 20) setTimeout(train, 20);
  };
  stay();
  appear('main');
  train();
`;

const RESUME = { checkpoint: 'last.pt', resume: ['--resume', `\${checkpoint}`], epochs: 400 } as const;

/** Waits until the log has this epoch, of an attempt after the given one. */
async function reachesEpoch(trainer: TrainerProcess, epoch: number, after = 0): Promise<void> {
  await until(async () =>
    (await trainer.events()).some(
      (event) => event.type === 'epoch' && event.epoch >= epoch && (event.attempt ?? 0) > after,
    ),
  );
}

/** The epochs as readers see them. */
async function epochsIn(folder: string): Promise<number[]> {
  const { events } = await readAllEvents(metricsPath(folder));
  return settledMetrics(events).flatMap((event) => (event.type === 'epoch' ? [event.epoch] : []));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('a pause', () => {
  test('is resumed from the checkpoint, and the epochs are those of one run', async () => {
    const folder = await tests.script(RESUMABLE, RESUME);
    const first = start(folder);
    await reachesEpoch(first, 2);
    first.child.send({ type: 'pause' });
    expect(await first.exited).toEqual({ code: TRAINER_EXIT.paused, signal: null });
    expect(await statusOf(folder)).toBe('paused');
    expect(await makeReady(folder)).toMatchObject({});
    const second = start(folder);
    await reachesEpoch(second, 6, 1);
    second.child.send({ type: 'stop' });
    await second.exited;
    expect(second.output).toMatch(new RegExp(`begins with epoch [1-9]\\d* of ${folder}/last.pt`));
    const epochs = await epochsIn(folder);
    expect(epochs).toEqual(upTo(epochs.length));
    const notes = (await second.events()).flatMap((event) =>
      event.type === 'preparing' ? [event.what] : [],
    );
    expect(notes).toContainEqual(`Resuming from ${folder}/last.pt`);
  });

  test('after a number of epochs waits for their checkpoint', async () => {
    const folder = await tests.script(RESUMABLE, RESUME);
    const trainer = start(folder, pauseVariables(3));
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.paused, signal: null });
    expect((await epochsIn(folder)).slice(0, 3)).toEqual([0, 1, 2]);
    expect(Number(await readFile(join(folder, 'last.pt'), 'utf8'))).toBeGreaterThanOrEqual(3);
  });

  test('without a checkpoint makes the command start over, and says so', async () => {
    const folder = await tests.script(RESUMABLE, { ...RESUME, checkpoint: 'none.pt' });
    const first = start(folder);
    await reachesEpoch(first, 2);
    first.child.send({ type: 'pause' });
    await first.exited;
    await makeReady(folder);
    const second = start(folder);
    await reachesEpoch(second, 0, 1);
    second.child.send({ type: 'stop' });
    await second.exited;
    expect(second.output).toContain('begins with epoch 0\n');
    const notes = (await second.events()).flatMap((event) =>
      event.type === 'preparing' ? [event.what] : [],
    );
    expect(notes).toContainEqual(expect.stringContaining('There is no checkpoint to resume from'));
    const epochs = await epochsIn(folder);
    expect(epochs).toEqual(upTo(epochs.length));
  });

  test('is refused for a command that cannot resume', async () => {
    const folder = await tests.script(RESUMABLE);
    const trainer = start(folder);
    const pid = await appeared(folder, 'main');
    expect(await pauseByLease(folder)).toMatchObject({ what: expect.stringContaining('cannot resume') });
    expect(await isRunning(pid)).toBe(true);
    expect(await statusOf(folder)).toBe('running');
    trainer.child.send({ type: 'stop' });
    await trainer.exited;
  });

  test('resumes from a checkpoint that only the output names', async () => {
    const folder = await tests.script(
      `say({ checkpoint: 'saved.pt', step: 0, epoch: 0 });
       fs.writeFileSync('saved.pt', '');
       say(process.argv.slice(2).join(' '));
       if (process.argv.length === 2) stay();`,
      { resume: ['--resume', `\${checkpoint}`] },
    );
    const first = start(folder);
    await until(
      async () => (await readFile(join(folder, 'trainer.checkpoint'), 'utf8').catch(() => '')) !== '',
    );
    first.child.send({ type: 'pause' });
    await first.exited;
    await makeReady(folder);
    const second = start(folder);
    await second.exited;
    expect(second.output).toContain(`\n--resume ${join(tests.store, 'saved.pt')}\n`);
  });
});

describe('a command that leaves processes behind', () => {
  test('ends with its own end, and they are killed, although they keep its output open', async () => {
    const folder = await tests.script(`${FAMILY}
      appear('main');
      const wait = () =>
        ['child', 'session'].every((name) => fs.existsSync(join(folder, name))) ? process.exit(0) : setTimeout(wait, 10);
      wait();
    `);
    const trainer = start(folder);
    const [, child, session] = await family(folder);
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
    await gone(child as number);
    // Elsewhere, the ancestry of a process in a session of its own is lost.
    if (isLinux) await gone(session as number);
    else process.kill(session as number, 'SIGKILL');
  });
});

describe('a trainer that is killed', () => {
  test('takes its command and all that it started with it', async () => {
    const folder = await tests.script(`${FAMILY} appear('main');`);
    const trainer = start(folder);
    const pids = await family(folder);
    trainer.child.kill('SIGKILL');
    for (const pid of pids) await gone(pid);
    await trainer.exited;
    await markInterrupted(folder);
    expect(await statusOf(folder)).toBe('interrupted');
  });

  test.skipIf(!isLinux)(
    'together with the guard, has its command ended by the next attempt, before its own',
    async () => {
      const folder = await tests.script(`${FAMILY}
      say('other: ' + fs.readdirSync(folder).includes('alone'));
      appear('main');
      if (fs.existsSync(join(folder, 'alone'))) process.exit(0);
    `);
      const first = start(folder);
      const pids = await family(folder);
      const guards = await guardsOf(first);
      expect(guards).not.toEqual([]);
      for (const guard of guards) process.kill(guard, 'SIGKILL');
      first.child.kill('SIGKILL');
      await first.exited;
      expect(await Promise.all(pids.map(isRunning))).toEqual([true, true, true]);
      await writeFile(join(folder, 'alone'), '');
      await makeReady(folder);
      const second = start(folder);
      await second.exited;
      expect(await Promise.all(pids.map(isRunning))).toEqual([false, false, false]);
      expect(second.output).toContain('The command of an earlier attempt was still running, and was ended.');
      expect(await statusOf(folder)).toBe('done');
    },
  );

  test.skipIf(!isLinux)('or frozen, and loses its run, has its command ended by the guard', async () => {
    const folder = await tests.script(`${FAMILY} appear('main');`);
    const trainer = start(folder);
    const pids = await family(folder);
    trainer.child.kill('SIGSTOP');
    // A later attempt, as of a process on another machine.
    await writeFile(leasePath(folder, 2), await readFile(leasePath(folder, 1), 'utf8'));
    for (const pid of pids) await gone(pid);
    trainer.child.kill('SIGCONT');
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.fenced, signal: null });
    expect((await trainer.events()).some(({ type }) => type === 'stopped' || type === 'failed')).toBe(false);
  });
});

test('a run that another process trains is left to it', async () => {
  const folder = await tests.script(`${APPEAR} appear('main'); stay();`);
  const first = start(folder);
  const pid = await appeared(folder, 'main');
  const second = start(folder);
  expect(await second.exited).toEqual({ code: TRAINER_EXIT.taken, signal: null });
  expect(await isRunning(pid)).toBe(true);
  expect(await statusOf(folder)).toBe('running');
  first.child.send({ type: 'stop' });
  await first.exited;
});

test('a run whose folder disappears has its command ended', async () => {
  const folder = await tests.script(`${APPEAR} appear('main'); stay();`);
  const trainer = start(folder);
  const pid = await appeared(folder, 'main');
  // Files may appear while it is deleted.
  await rm(folder, { recursive: true, maxRetries: 5 });
  expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.lost, signal: null });
  expect(await isRunning(pid)).toBe(false);
});

test.skipIf(!canMount)(
  'a full disk ends the command, and is the reason in the folder of the run',
  async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', tests.store], { stdio: 'pipe' });
    tests.endWith(async () => void execFileSync('umount', ['-l', tests.store], { stdio: 'pipe' }));
    const folder = await tests.script(`${APPEAR}
    appear('main');
    let epoch = 0;
    setInterval(() => say({ epoch: epoch++, loss: 1, text: 'x'.repeat(100) }), 1);
  `);
    const trainer = start(folder);
    const pid = await appeared(folder, 'main');
    await trainer.reaches('epoch');
    const { bavail, bsize } = await statfs(tests.store);
    await writeFile(join(tests.store, 'other'), Buffer.alloc(bavail * bsize)).catch(() => {});
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.failed, signal: null });
    expect(await isRunning(pid)).toBe(false);
    const { state } = await trainer.manifest();
    expect(state).toMatchObject({
      status: 'failed',
      failure: { what: expect.stringContaining('disk is full') },
    });
  },
);
