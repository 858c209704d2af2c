import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentOf } from '../../support/commandExperiments';
import { gpuMachine, nvidiaList } from '../../support/standInGpus';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/** Tells which GPU it may use, then trains until the test lets it end. */
const SCRIPT = `
  const fs = require('node:fs');
  const { join } = require('node:path');
  const folder = process.env.BAG_OF_TRICKS_RUN;
  fs.writeFileSync(join(folder, 'told.new'), process.env.CUDA_VISIBLE_DEVICES ?? 'none');
  fs.renameSync(join(folder, 'told.new'), join(folder, 'told'));
  const timer = setInterval(() => {
    if (fs.existsSync(join(folder, 'go'))) clearInterval(timer);
  }, 20);
`;

/** A folder whose queue has this many runs of the script. */
async function queueOf(count: number, env: Readonly<Record<string, string>>) {
  const place = await work();
  await place.write('train.cjs', SCRIPT);
  const { PATH, ...rest } = env;
  const all = { ...rest, PATH: `${PATH}` };
  for (let index = 0; index < count; index++) {
    await place.write(
      `${'abc'[index]}.experiment.yaml`,
      experimentOf(`node train.cjs`, { system: 'generic' }).replace('name: a', `name: ${'abc'[index]}`),
    );
    const added = await place.tricks(['queue', 'add', `${'abc'[index]}.experiment.yaml`], { env: all });
    expect(added.stderr).toBe('');
  }
  const runs = join(place.folder, '.bag-of-tricks/runs');
  const folderOf = async (name: string) =>
    join(runs, (await readdir(runs)).find((id) => id.endsWith(`-${name}`)) ?? '');
  const told = async (name: string) => readFile(join(await folderOf(name), 'told'), 'utf8').catch(() => null);
  return {
    ...place,
    env: all,
    told,
    isTold: (name: string) => until(async () => (await told(name)) !== null),
    go: async (name: string) => writeFile(join(await folderOf(name), 'go'), ''),
  };
}

describe('tricks queue with GPUs', () => {
  it('trains a run on each GPU, and tells which run waits for one', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(2) });
    const { tricks, start, env, told, isTold, go } = await queueOf(3, machine.env());
    const queue = start(['queue', 'start'], { env });
    await isTold('a');
    await isTold('b');
    await until(async () => /-c: Waiting for a free GPU\n/.test(queue.stdout()));
    expect([await told('a'), await told('b'), await told('c')].sort()).toEqual(['0', '1', null]);
    const list = await tricks(['queue'], { env });
    expect(list.stdout).toMatch(/\nWaiting for a free GPU: \S+-c\n$/);
    await go('b');
    await isTold('c');
    expect(await told('c')).toBe(await told('b'));
    await go('a');
    await go('c');
    expect(await queue.outcome).toMatchObject({ code: 0, stderr: '' });
    expect((await tricks(['runs'], { env })).stdout).toMatch(/GPU 0/);
    expect((await tricks(['show', 'last'], { env })).stdout).toMatch(/GPU +GPU \d, NVIDIA H100\n/);
  });

  it('counts the runs per GPU, and those of other stores', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
    const ours = await queueOf(3, machine.env());
    const theirs = await queueOf(1, machine.env());
    const queue = ours.start(['queue', 'start', '--at-once', '2'], { env: ours.env });
    await ours.isTold('a');
    await ours.isTold('b');
    const other = theirs.start(['queue', 'start', '--at-once', '2'], { env: theirs.env });
    await until(async () => /-a: Waiting for a free GPU\n/.test(other.stdout()));
    expect([await ours.told('c'), await theirs.told('a')]).toEqual([null, null]);
    await ours.go('a');
    await ours.go('b');
    await ours.isTold('c');
    await theirs.isTold('a');
    await ours.go('c');
    await theirs.go('a');
    expect([(await queue.outcome).code, (await other.outcome).code]).toEqual([0, 0]);
  });
});
