import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CommandRecipe } from '../../../src/recipe/commandRecipe';
import { gpuQueue } from '../../../src/runs/gpus/queueSlots';
import { enqueue, readQueue } from '../../../src/runs/queue';
import {
  type GpuMachine,
  gpuMachine,
  MIG_LIST,
  nvidiaList,
  nvidiaUuid,
  ROCM_LIST,
} from '../../support/standInGpus';
import { until } from '../runs/support';
import { queueRun } from '../trainer/trainerProcess';
import { commandRecipe, commandTests, guardsOf } from './commandRuns';

const tests = commandTests();

/** Tells which GPUs it may use, then trains until it is stopped. */
const TELL = `
  const fs = require('node:fs');
  const path = require('node:path').join(process.env.BAG_OF_TRICKS_RUN, 'told.json');
  const told = Object.fromEntries(Object.entries(process.env).filter(([name]) => /VISIBLE|DEVICE_ORDER/.test(name)));
  fs.writeFileSync(path + '.new', JSON.stringify(told));
  fs.renameSync(path + '.new', path);
  setInterval(() => {}, 1000);
`;

/** Starts a run on a machine. Its command tells which GPUs it may use. */
async function begin(
  machine: GpuMachine,
  env: Readonly<Record<string, string>> = {},
  changes: Partial<CommandRecipe> = {},
  store = tests.store,
) {
  const folder = await queueRun(
    store,
    commandRecipe({ command: [process.execPath, '-e', TELL], ...changes }),
  );
  const trainer = tests.start(folder, machine.env(env));
  const told = async () => JSON.parse(await readFile(join(folder, 'told.json'), 'utf8').catch(() => 'null'));
  return {
    trainer,
    /** Which GPUs the command was given, once it has started. */
    async given() {
      await until(async () => {
        if (trainer.child.exitCode !== null) throw new Error(trainer.output);
        return (await told()) !== null;
      });
      return told();
    },
    /** Resolves when the run waits for a GPU. Its command has then not started. */
    async waits() {
      await until(async () =>
        (await trainer.events()).some(
          (event) => event.type === 'preparing' && event.what === 'Waiting for a free GPU',
        ),
      );
      expect(await told()).toBeNull();
    },
    async fails() {
      await trainer.exited;
      const { state } = await trainer.manifest();
      if (state.status !== 'failed') throw new Error(state.status);
      return `${state.failure.what} ${state.failure.remedy}`;
    },
  };
}

const numbered = (index: string) => ({ CUDA_VISIBLE_DEVICES: index, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });

describe('the GPUs of command runs', () => {
  it('gives each run a GPU of its own, in all stores, and that of a killed run to the next', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(2) });
    const other = await mkdtemp(join(tmpdir(), 'store-'));
    onTestFinished(() => rm(other, { recursive: true }));
    const first = await begin(machine);
    expect(await first.given()).toEqual(numbered('0'));
    const second = await begin(machine, {}, {}, other);
    expect(await second.given()).toEqual(numbered('1'));
    expect((await second.trainer.manifest()).gpus).toEqual([{ index: 1, name: 'NVIDIA H100' }]);

    const third = await begin(machine);
    await third.waits();
    first.trainer.child.kill('SIGKILL');
    expect(await third.given()).toEqual(numbered('0'));
    await Promise.all([second, third].map(({ trainer }) => trainer.end()));
  });

  it('leaves its GPU to a frozen run until that ends', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
    const frozen = await begin(machine);
    await frozen.given();
    frozen.trainer.child.kill('SIGSTOP');
    const next = await begin(machine);
    await next.waits();
    frozen.trainer.child.kill('SIGKILL');
    expect(await next.given()).toEqual(numbered('0'));
  });

  it.skipIf(process.platform !== 'linux')(
    'leaves its GPU to a killed run until the guard has ended its command',
    async () => {
      const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
      const killed = await begin(machine);
      await killed.given();
      const [guard] = await guardsOf(killed.trainer);
      process.kill(guard as number, 'SIGSTOP');
      killed.trainer.child.kill('SIGKILL');
      await killed.trainer.exited;
      const next = await begin(machine);
      await next.waits();
      process.kill(guard as number, 'SIGCONT');
      expect(await next.given()).toEqual(numbered('0'));
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'starts a killed run again from the queue, although its own command still has the GPU',
    async () => {
      const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
      const killed = await begin(machine);
      await killed.given();
      const { folder } = killed.trainer;
      for (const guard of await guardsOf(killed.trainer)) process.kill(guard, 'SIGKILL');
      killed.trainer.child.kill('SIGKILL');
      await killed.trainer.exited;
      expect(await enqueue(tests.store, basename(folder))).toBeNull();
      for (const [name, value] of Object.entries(machine.env())) {
        vi.stubEnv(name, value);
        onTestFinished(() => void vi.unstubAllEnvs());
      }
      const { starting, waiting } = await gpuQueue(await readQueue(tests.store), [], 1);
      expect([starting, waiting].map((runs) => runs.map((run) => run.folder))).toEqual([[folder], []]);
      await rm(join(folder, 'told.json'));
      const again = tests.start(folder, machine.env());
      await until(async () => (await readFile(join(folder, 'told.json'), 'utf8').catch(() => '')) !== '');
      expect(again.output).toContain('The command of an earlier attempt was still running, and was ended.');
    },
  );

  it('gives back the GPU of a run that waits no longer, and of one that has ended', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
    const first = await begin(machine, {}, { command: [process.execPath, '-e', ''] });
    await first.trainer.exited;
    expect((await first.trainer.manifest()).gpus).toEqual([{ index: 0, name: 'NVIDIA H100' }]);
    const second = await begin(machine);
    await second.given();
    const third = await begin(machine);
    await third.waits();
    third.trainer.child.kill('SIGTERM');
    await third.trainer.exited;
    expect((await third.trainer.manifest()).state.status).toBe('stopped');
    second.trainer.child.kill('SIGTERM');
    await second.trainer.exited;
    expect(await (await begin(machine)).given()).toEqual(numbered('0'));
  });

  it('shares a GPU only among runs that all allow it, and prefers one without runs', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(2) });
    const two = { BAG_OF_TRICKS_RUNS_PER_GPU: '2' };
    expect(await (await begin(machine, two)).given()).toEqual(numbered('0'));
    expect(await (await begin(machine)).given()).toEqual(numbered('1'));
    await (await begin(machine)).waits();
    expect(await (await begin(machine, two)).given()).toEqual(numbered('0'));
    await (await begin(machine, two)).waits();
  });

  it.each([
    ['numbers', '2,1', '2'],
    ['a UUID', nvidiaUuid(1), '1'],
    ['the beginning of a UUID', nvidiaUuid(2).slice(0, 8), '2'],
    ['numbers before an invalid one', '1,7,0', '1'],
  ])('takes GPUs that the person allows by %s', async (_, value, expected) => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(3) });
    expect(await (await begin(machine, { CUDA_VISIBLE_DEVICES: value })).given()).toEqual(numbered(expected));
  });

  it.each(['', '-1', 'none'])('takes no GPU where the person hides them by %j', async (value) => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(1) });
    for (const _ of [1, 2]) {
      const run = await begin(machine, { CUDA_VISIBLE_DEVICES: value });
      expect(await run.given()).toEqual({ CUDA_VISIBLE_DEVICES: value });
      expect((await run.trainer.manifest()).gpus).toBeUndefined();
    }
  });

  it('gives MIG devices by their UUIDs', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': MIG_LIST });
    const devices = [
      'MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f',
      'MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb',
      'GPU-1b21de10-d33d-2b2c-524d-9e3d8d2b8a77',
    ];
    for (const device of devices) {
      expect(await (await begin(machine)).given()).toEqual({ CUDA_VISIBLE_DEVICES: device });
    }
    await (await begin(machine, { CUDA_VISIBLE_DEVICES: devices[1] as string })).waits();
  });

  it("gives AMD's GPUs by their numbers among those that ROCm's runtime leaves", async () => {
    const machine = await gpuMachine({ 'rocm-smi': ROCM_LIST });
    const first = await begin(machine, { CUDA_VISIBLE_DEVICES: '1' });
    expect(await first.given()).toEqual({ HIP_VISIBLE_DEVICES: '1' });
    expect((await first.trainer.manifest()).gpus).toEqual([{ index: 1, name: 'AMD Instinct MI300X' }]);
    const runtime = { ROCR_VISIBLE_DEVICES: '1,GPU-abcdef0000000002' };
    expect(await (await begin(machine, runtime)).given()).toEqual({ ...runtime, HIP_VISIBLE_DEVICES: '1' });
    await (await begin(machine, runtime)).waits();
  });

  it('gives a command the GPUs that it selects itself, or says why not', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(3) });
    const select = (value: string) => ({ environment: { CUDA_VISIBLE_DEVICES: value } });
    const none = await begin(machine, {}, select('-1'));
    expect(await none.given()).toEqual({ CUDA_VISIBLE_DEVICES: '-1' });
    const both = await begin(machine, {}, select('1,0'));
    expect(await both.given()).toEqual({ CUDA_VISIBLE_DEVICES: '1,0' });
    expect((await both.trainer.manifest()).gpus?.map(({ index }) => index)).toEqual([1, 0]);
    expect(await (await begin(machine)).given()).toEqual(numbered('2'));
    await (await begin(machine, {}, select('0'))).waits();

    expect(await (await begin(machine, {}, select('0,3'))).fails()).toContain(
      'CUDA_VISIBLE_DEVICES=0,3 names 2 GPUs, but this machine has only these of them: GPU 0, NVIDIA H100.',
    );
    expect(await (await begin(machine, {}, select('5'))).fails()).toContain('names no GPU of this machine');
    expect(await (await begin(machine, { CUDA_VISIBLE_DEVICES: '1' }, select('2'))).fails()).toContain(
      'names GPUs that your environment does not allow: GPU 2, NVIDIA H100.',
    );
  });

  it('gives a command with several processes as many GPUs, or says that there are too few', async () => {
    const machine = await gpuMachine({ 'nvidia-smi': nvidiaList(3) });
    const pair = await begin(machine, {}, { processes: 2 });
    expect(await pair.given()).toEqual(numbered('0,1'));
    await (await begin(machine, {}, { processes: 2 })).waits();
    expect(await (await begin(machine, {}, { processes: 4 })).fails()).toMatch(
      /^The command starts 4 processes, one for each GPU, but may use only 3: GPU 0, .*CUDA_VISIBLE_DEVICES\.$/,
    );
  });

  it('runs without a GPU where there is none', async () => {
    const machine = await gpuMachine({});
    for (const _ of [1, 2]) {
      const run = await begin(machine, {}, { processes: 2 });
      expect(await run.given()).toEqual({});
      expect((await run.trainer.manifest()).gpus).toBeUndefined();
    }
  });
});
