import { describe, expect, it } from 'vitest';
import { amdGpu } from '../../../src/system/gpus/amdGpu';
import { gpusOfAmdSmi } from '../../../src/system/gpus/amdSmi';
import { inTopologyOrder, serialOfNode } from '../../../src/system/gpus/kfd';
import { gpusOfNvidiaSmi } from '../../../src/system/gpus/nvidiaSmi';
import { gpusOfRocmSmi } from '../../../src/system/gpus/rocmSmi';
import { gpuVariables, visibleGpus } from '../../../src/system/gpus/visible';
import { MIG_LIST, nvidiaList, nvidiaUuid, ROCM_LIST } from '../../support/standInGpus';

const indices = (gpus: readonly { readonly index: number }[]) => gpus.map(({ index }) => index);

describe('the list of nvidia-smi', () => {
  it('has a number, a name and a UUID for each GPU', () => {
    const [first, second, ...more] = gpusOfNvidiaSmi(nvidiaList(2).replaceAll('\n', '\r\n'));
    expect(first).toEqual({
      ...{ vendor: 'nvidia', index: 0, name: 'NVIDIA H100', isPart: false },
      ...{ id: nvidiaUuid(0), uuid: nvidiaUuid(0) },
    });
    expect(second).toMatchObject({ index: 1, uuid: nvidiaUuid(1) });
    expect(more).toEqual([]);
  });

  it('has the MIG devices of a divided GPU in its place, in the form of every driver', () => {
    const name = 'NVIDIA A100-SXM4-40GB';
    expect(gpusOfNvidiaSmi(MIG_LIST).map((gpu) => [gpu.index, gpu.name, gpu.isPart])).toEqual([
      [0, `${name} MIG 3g.20gb`, true],
      [0, `${name} MIG 1g.5gb`, true],
      [1, name, false],
    ]);
    const old = 'MIG-GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77/1/0';
    const list = `${nvidiaList(1)}  MIG 1g.5gb Device 0: (UUID: ${old})\n`;
    expect(gpusOfNvidiaSmi(list).map(({ uuid }) => uuid)).toEqual([old]);
  });

  it.each([
    '',
    'No devices found.\n',
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
    'Unable to determine the device handle for gpu 0000:41:00.0: GPU is lost.\n',
  ])('is empty for %j', (output) => {
    expect(gpusOfNvidiaSmi(output)).toEqual([]);
  });
});

describe("the lists of AMD's programs", () => {
  it('have a number, a name and a UUID for each GPU', () => {
    const expected = {
      ...{ vendor: 'amd', index: 1, name: 'AMD Instinct MI300X', isPart: false },
      ...{ id: 'GPU-abcdef0000000001', uuid: 'GPU-abcdef0000000001', serial: 'abcdef0000000001' },
    };
    expect(
      gpusOfRocmSmi(`WARNING: AMD GPU device(s) is/are in a low-power state\n\n${ROCM_LIST}\n`)[1],
    ).toEqual(expected);
    const list = [0, 1].map((gpu) => ({
      gpu,
      asic: { market_name: 'AMD Instinct MI300X', asic_serial: `0xABCDEF000000000${gpu}` },
      bus: { bdf: `0000:0${gpu}:00.0` },
    }));
    expect(gpusOfAmdSmi(JSON.stringify(list))[1]).toEqual(expected);
    expect(gpusOfAmdSmi(JSON.stringify({ gpu_data: list }))[1]).toEqual(expected);
  });

  it('tell GPUs without a serial number apart by their bus', () => {
    const card = { 'Unique ID': 'N/A', 'PCI Bus': '0000:C1:00.0', 'Card model': 'Radeon' };
    expect(gpusOfRocmSmi(JSON.stringify({ card0: card, system: { version: '1' } }))).toEqual([
      expect.objectContaining({ name: 'Radeon', id: 'AMD-0000:c1:00.0', uuid: null }),
    ]);
  });

  it.each(['', '{', '[]', 'null', '{"card0": 3}', '[{"gpu": "0"}]', 'ERROR: no driver'])(
    'are empty for %j',
    (output) => {
      expect(gpusOfRocmSmi(output)).toEqual([]);
      expect(gpusOfAmdSmi(output)).toEqual([]);
    },
  );

  it("are put into the order of the kernel's topology, if that has exactly these GPUs", () => {
    const of = (index: number, uniqueId: string | null) => amdGpu(index, { name: null, bus: null, uniqueId });
    const gpus = [of(0, '0xa'), of(1, '0xb')];
    const [a, b] = ['10', '11'].map((id) =>
      serialOfNode(`cpu_cores_count 0\nsimd_count 64\nunique_id ${id}\n`),
    );
    expect(serialOfNode('cpu_cores_count 8\nsimd_count 0\nunique_id 3\n')).toBeNull();
    if (!a || !b) throw new Error('A GPU has no serial number.');
    expect(inTopologyOrder(gpus, [b, a]).map(({ index, serial }) => [index, serial])).toEqual([
      [0, b],
      [1, a],
    ]);
    expect(inTopologyOrder(gpus, [b])).toBe(gpus);
    expect(inTopologyOrder([of(0, null), of(1, '0xb')], [b, a]).map(({ index }) => index)).toEqual([0, 1]);
  });
});

describe('the GPUs that a program sees', () => {
  const nvidia = gpusOfNvidiaSmi(nvidiaList(4));
  const amd = gpusOfRocmSmi(ROCM_LIST);

  it.each([
    [undefined, [0, 1, 2, 3]],
    ['2,0', [2, 0]],
    [' 3 , 1 ', [3, 1]],
    ['0,2,-1,1', [0, 2]],
    ['1,9,0', [1]],
    ['GPU-2d5', [2]],
    ['GPU-', []],
    ['1,1', []],
    ['', []],
    ['-1', []],
    ['NoDevFiles', []],
  ])('are with CUDA_VISIBLE_DEVICES=%j: %j', (value, expected) => {
    expect(indices(visibleGpus(nvidia, { CUDA_VISIBLE_DEVICES: value }))).toEqual(expected);
    expect(visibleGpus([], { CUDA_VISIBLE_DEVICES: value })).toEqual([]);
  });

  it('may be one part of a divided GPU', () => {
    const gpus = gpusOfNvidiaSmi(MIG_LIST);
    const [first, second] = gpus;
    expect(visibleGpus(gpus, { CUDA_VISIBLE_DEVICES: '0' })).toEqual([first]);
    expect(visibleGpus(gpus, { CUDA_VISIBLE_DEVICES: second?.uuid ?? '' })).toEqual([second]);
    expect(visibleGpus(gpus, { CUDA_VISIBLE_DEVICES: 'MIG-c' })).toEqual([]);
  });

  it('are those of HIP among those of the ROCm runtime', () => {
    expect(indices(visibleGpus(amd, { ROCR_VISIBLE_DEVICES: '2,1' }))).toEqual([2, 1]);
    expect(indices(visibleGpus(amd, { ROCR_VISIBLE_DEVICES: '2,1', HIP_VISIBLE_DEVICES: '1' }))).toEqual([1]);
    const both = { HIP_VISIBLE_DEVICES: '1', CUDA_VISIBLE_DEVICES: '0,2' };
    expect(indices(visibleGpus(amd, both))).toEqual([1]);
    expect(indices(visibleGpus(amd, { CUDA_VISIBLE_DEVICES: '0,2' }))).toEqual([0, 2]);
  });

  it.each([
    [nvidia, {}],
    [nvidia, { CUDA_VISIBLE_DEVICES: '3,GPU-1' }],
    [gpusOfNvidiaSmi(MIG_LIST), {}],
    [amd, {}],
    [amd, { ROCR_VISIBLE_DEVICES: 'GPU-abcdef0000000002,0' }],
    [amd, { CUDA_VISIBLE_DEVICES: '2' }],
  ])('are exactly one after it was given to the program (%#)', (all, env) => {
    const seen = visibleGpus(all, env);
    expect(seen.length).toBeGreaterThan(0);
    for (const gpu of seen) {
      const changed = { ...env, ...gpuVariables([gpu], all, env) };
      expect(visibleGpus(all, changed).map(({ id }) => id)).toEqual([gpu.id]);
    }
  });
});
