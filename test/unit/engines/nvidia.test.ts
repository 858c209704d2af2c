import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  CUDA_12_DRIVER,
  driverProblem,
  gpuInLog,
  gpusIn,
  hasNvidiaCard,
  kernelDriverVersion,
  whyNoGpu,
} from '../../../src/engines/nvidia';
import { isOlder } from '../../../src/engines/versions';

describe("the version of NVIDIA's driver", () => {
  it.each([
    [
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n' +
        'GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n',
      '535.183.01',
    ],
    [
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16-I1)\n' +
        'GCC version:  gcc version 13.2.0 (Ubuntu 13.2.0-23ubuntu4)\n',
      '560.35.03',
    ],
    [
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.256.02  Thu May  2 14:37:44 UTC 2024\n',
      '470.256.02',
    ],
    ['NVRM version: NVIDIA UNIX x86_64 Kernel Module  390.157  Wed Oct 12 09:19:07 UTC 2022\n', '390.157'],
    ['', null],
    ['GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n', null],
  ])('is parsed from %j', (text, version) => {
    expect(kernelDriverVersion(text)).toBe(version);
  });

  it.each([
    ['525.60.12', '525.60.13', true],
    ['525.60.13', '525.60.13', false],
    ['525.105.17', '525.60.13', false],
    ['470.256.02', '525.60.13', true],
    ['535.54', '525.60.13', false],
    ['525', '525.60.13', true],
  ])('%s older than %s: %s', (version, than, older) => {
    expect(isOlder(version, than)).toBe(older);
  });

  it('is older in at most one direction', () => {
    const version = fc.array(fc.nat(999), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    fc.assert(fc.property(version, version, (a, b) => !(isOlder(a, b) && isOlder(b, a)) && !isOlder(a, a)));
  });
});

describe("nvidia-smi's answer", () => {
  it('has a GPU on each line', () => {
    expect(gpusIn('NVIDIA H100 80GB HBM3, 81559, 550.90.07\nTesla T4, 15360, 550.90.07\n')).toEqual([
      { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 2 ** 20, driver: '550.90.07' },
      { name: 'Tesla T4', memoryBytes: 15360 * 2 ** 20, driver: '550.90.07' },
    ]);
  });

  it('may have no memory, if it is the processor’s', () => {
    expect(gpusIn('NVIDIA GB10, [N/A], 580.95.05\n')).toEqual([
      { name: 'NVIDIA GB10', memoryBytes: null, driver: '580.95.05' },
    ]);
  });

  it('may be that there is none', () => {
    expect(gpusIn('No devices were found\n')).toEqual([]);
    expect(
      gpusIn(
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest " +
          'NVIDIA driver is installed and running.\n',
      ),
    ).toEqual([]);
  });
});

describe("NVIDIA's driver", () => {
  it('is missing if its library is', () => {
    const loadError = 'libcuda.so.1: cannot open shared object file: No such file or directory';
    expect(driverProblem({ loadError, version: null }, CUDA_12_DRIVER)).toEqual({
      what: 'There is no NVIDIA driver: libcuda.so.1 is missing.',
      remedy: 'Install the NVIDIA driver, 525.60.13 or newer.',
    });
  });

  it('is broken if its library does not load', () => {
    const loadError = '/usr/lib/libcuda.so.1: file too short';
    expect(driverProblem({ loadError, version: '550.90.07' }, CUDA_12_DRIVER)?.what).toBe(
      'The NVIDIA driver does not load: /usr/lib/libcuda.so.1: file too short.',
    );
  });

  it('is too old below what CUDA 12 needs', () => {
    expect(driverProblem({ loadError: null, version: '470.256.02' }, CUDA_12_DRIVER)).toEqual({
      what: 'The NVIDIA driver is too old: it is 470.256.02, but 525.60.13 is needed.',
      remedy: 'Update the NVIDIA driver to 525.60.13 or newer.',
    });
  });

  it.each([
    ['525.60.13', CUDA_12_DRIVER],
    ['580.95.05', CUDA_12_DRIVER],
    [null, CUDA_12_DRIVER],
    ['470.256.02', null],
  ])('of version %s serves what wants %s', (version, least) => {
    expect(driverProblem({ loadError: null, version }, least)).toBeNull();
  });
});

it('a card is recognized on the PCI bus by its maker and class', async () => {
  const bus = mkdtempSync(join(tmpdir(), 'pci-'));
  onTestFinished(() => rmSync(bus, { recursive: true }));
  const plug = (slot: string, vendor: string, kind: string) => {
    mkdirSync(join(bus, slot));
    writeFileSync(join(bus, slot, 'vendor'), `${vendor}\n`);
    writeFileSync(join(bus, slot, 'class'), `${kind}\n`);
  };
  expect(await hasNvidiaCard('/nowhere')).toBe(false);
  plug('0000:00:02.0', '0x8086', '0x030000');
  // A GPU's audio device.
  plug('0000:01:00.1', '0x10de', '0x040300');
  expect(await hasNvidiaCard(bus)).toBe(false);
  plug('0000:01:00.0', '0x10de', '0x030200');
  expect(await hasNvidiaCard(bus)).toBe(true);
});

describe("TensorFlow's log", () => {
  it('says why there is no GPU', () => {
    // TensorFlow 2.21's messages if a driver finds no device, and if there is no driver.
    const noDevice =
      'E0000 00:00:1795716152.032005   22697 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: ' +
      'Failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected\n';
    expect(whyNoGpu(noDevice)).toEqual({
      lacks: 'device',
      why: 'TensorFlow sees no GPU: no CUDA-capable device is detected (CUDA_ERROR_NO_DEVICE).',
    });
    const noDriver =
      'E0000 00:00:1795716150.610134   22630 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: ' +
      'Failed call to cuInit: UNKNOWN ERROR (303)\n';
    expect(whyNoGpu(noDriver)).toEqual({ lacks: 'device', why: 'TensorFlow sees no GPU.' });
    expect(whyNoGpu('')).toEqual({ lacks: 'device', why: 'TensorFlow sees no GPU.' });
  });

  it('says which library is missing, or that one is', () => {
    // The messages of TensorFlow 2.9 and 2.21.
    const named =
      "2024-05-02 10:00:00.123456: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudnn.so.8'; " +
      'dlerror: libcudnn.so.8: cannot open shared object file: No such file or directory\n';
    expect(whyNoGpu(named)).toEqual({
      lacks: 'library',
      why: 'TensorFlow sees no GPU: the library libcudnn.so.8 did not load.',
    });
    const unnamed =
      'W0000 00:00:1716211200.000000 1234 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure ' +
      'the missing libraries mentioned above are installed properly if you would like to use GPU.\n';
    expect(whyNoGpu(unnamed).lacks).toBe('library');
  });

  it('names the GPU that computes: the last one with a device', () => {
    const device = (index: number, name: string) =>
      `I0000 00:00:1716211200.000000 1234 gpu_device.cc:2019] Created device /job:localhost/replica:0/task:0/device:GPU:${index} ` +
      `with 78000 MB memory:  -> device: ${index}, name: ${name}, pci bus id: 0000:0${index}:00.0, compute capability: 9.0\n`;
    expect(gpuInLog(device(0, 'Tesla T4'))).toBe('Tesla T4');
    expect(gpuInLog(device(0, 'Tesla T4') + device(1, 'NVIDIA H100 80GB HBM3'))).toBe(
      'NVIDIA H100 80GB HBM3',
    );
    expect(gpuInLog('no device')).toBeNull();
  });
});
