import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastCheckpointPath } from '../../../src/runs/checkpoint';
import { readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { counted } from '../../../src/shared/counted';
import { experimentText } from '../../support/smallTraining';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A folder with experiments of these names, about a second each. */
async function workWith(...names: string[]) {
  const place = await work();
  for (const name of names) await place.write(`${name}.yaml`, experimentText({ name }));
  const runs = join(place.folder, '.bag-of-tricks/runs');
  const manifestOf = async (id: string) => JSON.parse(await readFile(join(runs, id, 'run.json'), 'utf8'));
  /** Returns the experiments' names in queue order. */
  const queue = async () => {
    const { stdout } = await place.tricks(['queue', '--json']);
    return JSON.parse(stdout).map(({ name }: { name: string }) => name);
  };
  /** Returns the id of an experiment's run. */
  const idOf = async (name: string) => (await readdir(runs)).find((id) => id.endsWith(`-${name}`)) as string;
  return { ...place, runs, manifestOf, queue, idOf };
}

const ENDLESS = { schedule: '{ epochs: 100000 }' };

describe('tricks queue', () => {
  it('adds runs, lists them in order, moves and cancels them', async () => {
    const { tricks, queue, idOf, manifestOf } = await workWith('a', 'b', 'c');
    const added = await tricks(['queue', 'add', 'a.yaml', 'b.yaml', 'c.yaml']);
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout.trimEnd().split('\n')).toEqual(await Promise.all(['a', 'b', 'c'].map(idOf)));
    expect(await queue()).toEqual(['a', 'b', 'c']);

    const moved = await tricks(['queue', 'move', await idOf('c'), '1']);
    expect(moved.code).toBe(0);
    expect(moved.stdout).toMatch(
      /^POSITION +RUN +NAME +WAITING\n +1 +\S+-c +c +(now|\d+ min)\n +2 +\S+-a +a +(now|\d+ min)\n +3 +\S+-b +b +(now|\d+ min)\n$/,
    );
    expect(await tricks(['queue', 'cancel', await idOf('a')])).toMatchObject({ code: 0 });
    expect(await queue()).toEqual(['c', 'b']);
    expect((await manifestOf(await idOf('a'))).state).toEqual({
      status: 'stopped',
      step: 0,
      wasQueued: true,
    });
  });

  it('refuses bad requests: a bad file adds none, and only a waiting run is moved', async () => {
    const { folder, tricks, write, idOf, queue } = await workWith('a');
    await write('bad.yaml', experimentText({ optimizer: '{ base_lr: -1 }' }));
    expect((await tricks(['queue', 'add', 'a.yaml', 'bad.yaml'])).code).toBe(2);
    expect(await readdir(folder)).toEqual(['a.yaml', 'bad.yaml']);
    await tricks(['queue', 'add', 'a.yaml']);
    const id = await idOf('a');
    for (const place of ['0', '-1', 'first', '1.5']) {
      expect(await tricks(['queue', 'move', '--', id, place])).toMatchObject({ code: 2, stdout: '' });
    }
    await tricks(['queue', 'cancel', id]);
    expect(await tricks(['queue', 'cancel', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not queued'),
    });
    for (const args of [
      ['--at-once', '0'],
      ['--at-once', 'x'],
      ['--retries', '-1'],
    ]) {
      expect((await tricks(['queue', 'start', ...args])).code).toBe(2);
    }
    expect(await queue()).toEqual([]);
  });

  it('trains waiting runs in turn, and reports how each ended', async () => {
    const { tricks, queue, idOf, write, manifestOf } = await workWith('a', 'b');
    await write('lost.yaml', experimentText({ name: 'lost', optimizer: '{ base_lr: 1e30 }' }));
    await tricks(['queue', 'add', 'a.yaml', 'lost.yaml', 'b.yaml']);
    const { code, stdout } = await tricks(['queue', 'start']);
    expect(code).toBe(1);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':')[0]?.replace(/\d{8}-\d{6}-/, ''));
    expect(lines).toEqual(['Started a', 'Done a', 'Started lost', 'Failed lost', 'Started b', 'Done b']);
    expect(await queue()).toEqual([]);
    expect((await manifestOf(await idOf('lost'))).state.status).toBe('failed');
  });

  it('continues after its worker was killed, and leaves no process', async () => {
    const { start, tricks, queue, idOf, manifestOf, runs } = await workWith('a', 'b');
    await tricks(['queue', 'add', 'a.yaml', '--set', 'schedule.epochs=100000']);
    await tricks(['queue', 'add', 'b.yaml']);
    const first = start(['queue', 'start']);
    await until(() => first.stdout().includes('Started'));
    const a = await idOf('a');
    await until(() => existsSync(lastCheckpointPath(join(runs, a))));
    first.process.kill('SIGKILL');
    await first.outcome;
    expect((await tricks(['runs'])).stdout).toMatch(/-a +a +running/);
    expect(await queue()).toEqual(['b']);
    const second = start(['queue', 'start', '--at-once', '2']);
    await until(async () => (await manifestOf(await idOf('b'))).state.status === 'done');
    expect(await tricks(['stop', a])).toMatchObject({ code: 0 });
    expect((await second.outcome).code).toBe(0);
    expect((await manifestOf(a)).state.status).toBe('stopped');
  });

  it('can be worked through by two programs at once, which train each run once', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const { start, tricks, idOf, manifestOf, runs, queue } = await workWith(...names);
    await tricks(['queue', 'add', ...names.map((name) => `${name}.yaml`)]);
    const both = [1, 2].map(() => start(['queue', 'start', '--at-once', '2']));
    for (const { outcome } of both) expect(await outcome).toMatchObject({ code: 0, stderr: '' });
    expect(await queue()).toEqual([]);
    for (const id of await Promise.all(names.map(idOf))) {
      expect((await manifestOf(id)).state.status).toBe('done');
      const { events } = await readAllEvents(join(runs, id, 'metrics.ndjson'));
      const count = (type: string) => events.filter((event) => event.type === type).length;
      expect([count('started'), count('step'), count('done')]).toEqual([1, 8, 1]);
    }
  });

  it('stops the running run when it is interrupted, and leaves the rest waiting', async () => {
    const { start, tricks, queue, write } = await workWith('b');
    await write('a.yaml', experimentText({ name: 'a', ...ENDLESS }));
    await tricks(['queue', 'add', 'a.yaml', 'b.yaml']);
    const running = start(['queue', 'start']);
    await until(() => running.stdout().includes('Started'));
    running.process.kill('SIGINT');
    expect((await running.outcome).code).toBe(130);
    expect(await queue()).toEqual(['b']);
  });
});

describe('tricks resume', () => {
  it('continues a stopped run and one whose trainer was killed, but not a finished one', async () => {
    const { start, tricks, write, manifestOf, idOf, runs } = await workWith('short');
    await write('a.yaml', experimentText({ name: 'a', ...ENDLESS }));
    const first = start(['run', 'a.yaml', '--json']);
    await until(() => first.stdout().includes('"type":"epoch"'));
    first.process.kill('SIGINT');
    expect((await first.outcome).code).toBe(130);
    const id = await idOf('a');
    const stopped = (await manifestOf(id)).state.step;
    expect(stopped).toBeGreaterThan(0);

    const second = start(['resume', id, '--json']);
    // If the first was stopped while it evaluated an epoch, the evaluation is done before any step.
    await until(() => /"type":"step".*"type":"epoch"/s.test(second.stdout()));
    expect(await tricks(['resume', id])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is running'),
    });
    process.kill((await readLease(join(runs, id)))?.holder?.pid as number, 'SIGKILL');
    const { code, stdout } = await second.outcome;
    expect(code).toBe(1);
    expect(stdout).toContain(`Resuming after step ${stopped}`);
    const steps = stdout.split('\n').filter((line) => line.includes('"type":"step"'));
    expect(JSON.parse(steps[0] as string).step).toBe(stopped);

    const last = start(['resume', 'last']);
    await until(() => last.stdout().includes('/100000'));
    last.process.kill('SIGINT');
    expect(await last.outcome).toMatchObject({
      code: 130,
      stdout: expect.stringContaining('Resuming after'),
    });
    const shown = JSON.parse((await tricks(['show', id, '--json'])).stdout);
    const epochs = shown.epochs.map(({ epoch }: { epoch: number }) => epoch);
    expect(epochs).toEqual(Array.from(epochs, (_, epoch) => epoch));

    expect((await tricks(['run', 'short.yaml'])).code).toBe(0);
    expect(await tricks(['resume', await idOf('short')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is done'),
    });
  });
});

describe('tricks pause', () => {
  it('ends a run with a checkpoint and lists it as paused, and resume continues from there', async () => {
    const { start, tricks, write, manifestOf, idOf } = await workWith();
    await write('a.yaml', experimentText({ name: 'a', ...ENDLESS }));
    const first = start(['run', 'a.yaml']);
    await until(() => first.stdout().includes('Epoch 1/100000'));
    const id = await idOf('a');
    expect(await tricks(['pause', id])).toEqual({
      code: 0,
      stdout: `Paused ${id}. To resume: tricks resume ${id}\n`,
      stderr: '',
    });
    const { code, stdout } = await first.outcome;
    const { state } = await manifestOf(id);
    expect([code, state.status]).toEqual([130, 'paused']);
    expect(stdout).toContain(`Paused after ${counted(state.step, 'step')}. To resume: tricks resume`);
    expect((await tricks(['runs'])).stdout).toMatch(/-a +a +paused +(-|[\d.]+%) +\d+\/100000 /);
    expect(await tricks(['pause', id])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The run is not running.'),
    });
    const resumed = start(['resume', id]);
    await until(() => resumed.stdout().includes(`Resuming after step ${state.step}`));
    await until(async () => (await manifestOf(id)).state.step > state.step);
    resumed.process.kill('SIGINT');
    expect((await resumed.outcome).code).toBe(130);
  });
});

describe('a broken run among good ones', () => {
  it('is listed as broken, and the others list, show and resume', async () => {
    const { tricks, runs, idOf } = await workWith('a');
    expect((await tricks(['run', 'a.yaml'])).code).toBe(0);
    await mkdir(join(runs, 'torn'));
    await writeFile(join(runs, 'torn', 'run.json'), '{ "version": 1,');
    const listed = await tricks(['runs']);
    expect(listed.stdout).toMatch(/-a +a +done/);
    expect(listed.stdout).toMatch(/torn +- +broken/);
    expect(await tricks(['resume', 'torn'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('damaged'),
    });
    await writeFile(join(runs, await idOf('a'), 'metrics.ndjson'), '\u0000garbage\n{"type":"epo');
    const shown = await tricks(['show', await idOf('a')]);
    expect(shown).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Skipped as damaged in its log: 1 line.'),
    });
  });
});
