import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Returns the output of `nvidia-smi -L` for this many GPUs. */
export function nvidiaList(count: number): string {
  const line = (index: number) => `GPU ${index}: NVIDIA H100 (UUID: ${nvidiaUuid(index)})\n`;
  return Array.from({ length: count }, (_, index) => line(index)).join('');
}

export function nvidiaUuid(index: number): string {
  return `GPU-${index}d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77`;
}

/** One GPU that is divided in two, and one that is not. */
export const MIG_LIST = `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1g.5gb      Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1b21de10-d33d-2b2c-524d-9e3d8d2b8a77)
`;

/** The output of `rocm-smi --showproductname --showuniqueid --showbus --json` for three GPUs. */
export const ROCM_LIST = JSON.stringify(
  Object.fromEntries(
    [0, 1, 2].map((index) => [
      `card${index}`,
      {
        'Unique ID': `0xabcdef000000000${index}`,
        'PCI Bus': `0000:0${index + 3}:00.0`,
        'Card Series': 'AMD Instinct MI300X',
      },
    ]),
  ),
);

/** A machine whose GPUs are what stand-ins of the drivers' programs print. */
export interface GpuMachine {
  /** The environment of a process on it. Only `more` names GPUs. */
  env(more?: Readonly<Record<string, string>>): Record<string, string>;
}

/** Makes a machine for a test. `outputs` are those of its programs by their names. */
export async function gpuMachine(outputs: Readonly<Record<string, string>>): Promise<GpuMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-machine-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const [programs, data] = [join(folder, 'bin'), join(folder, 'data')];
  await mkdir(programs);
  const none = { 'nvidia-smi': null, 'rocm-smi': null, 'amd-smi': null };
  for (const [name, output] of Object.entries({ ...none, ...outputs })) {
    const path = join(programs, name);
    const text = output === null ? '#!/bin/sh\nexit 9\n' : `#!/bin/sh\ncat <<'END'\n${output}\nEND\n`;
    await writeFile(path, text);
    await chmod(path, 0o755);
  }
  const { PATH = '' } = process.env;
  return {
    env: (more = {}) => ({ PATH: [programs, PATH].join(delimiter), XDG_DATA_HOME: data, ...more }),
  };
}
