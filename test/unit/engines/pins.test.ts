import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consentText } from '../../../src/engines/install/consentText';
import { sourcesFor } from '../../../src/engines/install/method';
import {
  ADDON_SOURCES,
  downloadBytes,
  NODE_HEADERS,
  type PinnedFile,
  type Prebuilt,
  prebuiltFor,
  type Wheel,
  wheelFor,
} from '../../../src/engines/install/pins';
import { prebuiltMethod } from '../../../src/engines/install/prebuilt';
import { progressText } from '../../../src/engines/install/progressText';
import { unpackPathsFor, wheelMethod } from '../../../src/engines/install/wheel';
import { flagsIn, multipliesBfloat16 } from '../../../src/engines/processor';
import { isOlder } from '../../../src/engines/versions';
import { SOURCES } from '../../../src/protocol/install';

const cpu = wheelFor('tensorflow', 'linux', 'x64') as Wheel;
const gpu = wheelFor('tensorflow-gpu', 'linux', 'x64') as Wheel;
const cuda = gpu.cuda ?? [];

/**
 * The requirements of the extra `and-cuda` in the METADATA of TensorFlow 2.21.0's wheel: at least `from`, below
 * `before`.
 */
const AND_CUDA: readonly (readonly [project: string, from: string, before: string])[] = [
  ['nvidia-cublas-cu12', '12.5.3.2', '13.0'],
  ['nvidia-cuda-cupti-cu12', '12.5.82', '13.0'],
  ['nvidia-cuda-nvcc-cu12', '12.5.82', '13.0'],
  ['nvidia-cuda-nvrtc-cu12', '12.5.82', '13.0'],
  ['nvidia-cuda-runtime-cu12', '12.5.82', '13.0'],
  ['nvidia-cudnn-cu12', '9.3.0.75', '10.0'],
  ['nvidia-cufft-cu12', '11.2.3.61', '12.0'],
  ['nvidia-curand-cu12', '10.3.6.82', '11.0'],
  ['nvidia-cusolver-cu12', '11.6.3.83', '12.0'],
  ['nvidia-cusparse-cu12', '12.5.1.3', '13.0'],
  ['nvidia-nccl-cu12', '2.27.7', '3.0'],
  ['nvidia-nvjitlink-cu12', '12.5.82', '13.0'],
];

describe('what an installation downloads', () => {
  const wheels = [
    cpu,
    gpu,
    ...cuda,
    wheelFor('tensorflow', 'linux', 'arm64') as Wheel,
    wheelFor('tensorflow', 'darwin', 'arm64') as Wheel,
  ];

  it.each(wheels.map((wheel) => [wheel.file, wheel] as const))('%s is named after itself', (file, wheel) => {
    const { project, version, hash } = wheel;
    expect(file.startsWith(`${project.replaceAll('-', '_')}-${version}-`)).toBe(true);
    expect(hash).toEqual({ algorithm: 'sha256', hex: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it.each([ADDON_SOURCES, NODE_HEADERS])('$file has the hash that npm publishes', ({ hash }: PinnedFile) => {
    expect(hash).toEqual({ algorithm: 'sha512', hex: expect.stringMatching(/^[0-9a-f]{128}$/) });
  });

  it('of no two files is the same', () => {
    const hashes = wheels.map(({ hash }) => hash.hex);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('for a GPU is what TensorFlow requires, in versions that it allows', () => {
    expect(cuda.map(({ project }) => project)).toEqual(AND_CUDA.map(([project]) => project));
    for (const [index, [project, from, before]] of AND_CUDA.entries()) {
      const version = cuda[index]?.version as string;
      expect([isOlder(version, from), isOlder(version, before)], project).toEqual([false, true]);
    }
  });

  it.each([
    ['tensorflow', 'CPU', 'cpu'],
    ['tensorflow-gpu', 'GPU', 'gpu'],
  ] as const)('prebuilt for %s is what the package itself downloads', (engine, addon, library) => {
    const prebuilt = prebuiltFor(engine, 'linux', 'x64');
    // From scripts/get-addon-name.js, package.json and scripts/deps-constants.js of @tensorflow/tfjs-node 4.22.0.
    expect(prebuilt?.addon.path).toBe(
      `tf-builds/pre-built-binary/napi-v8/${ADDON_SOURCES.version}/${addon}-linux-4.22.0.tar.gz`,
    );
    expect(prebuilt?.library).toMatchObject({
      path: `tensorflow/libtensorflow/libtensorflow-${library}-linux-x86_64-2.9.1.tar.gz`,
      hash: { algorithm: 'sha256', hex: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it('is prebuilt only for Linux on x64', () => {
    expect(prebuiltFor('tensorflow', 'linux', 'arm64')).toBeNull();
    expect(prebuiltFor('tensorflow', 'darwin', 'arm64')).toBeNull();
    expect(prebuiltFor('tensorflow', 'win32', 'x64')).toBeNull();
  });

  it('is summed up', () => {
    expect(downloadBytes(cpu)).toBe(274_000_871 + 228_166 + 16_974);
    expect(downloadBytes(gpu)).toBe(3_380_065_108);
  });

  it('is for a GPU only if TensorFlow has a library for one', () => {
    expect(wheelFor('tensorflow-gpu', 'linux', 'arm64')).toBeNull();
    expect(wheelFor('tensorflow-gpu', 'darwin', 'arm64')).toBeNull();
  });
});

describe('the order of sources', () => {
  it.each([
    ['tensorflow', ['avx2', 'fma'], 'prebuilt'],
    ['tensorflow', ['avx2', 'avx512_bf16'], 'wheel'],
    ['tensorflow', null, 'prebuilt'],
    ['tensorflow-gpu', ['avx2', 'avx512_bf16'], 'prebuilt'],
  ] as const)('of %s on a processor with %j begins with what is %s', (engine, flags, first) => {
    const sources = sourcesFor(engine, flags);
    expect(sources[0]).toBe(first);
    expect([...sources].sort()).toEqual([...SOURCES].sort());
  });

  it('depends on what Linux reports about the processor', () => {
    const text = 'processor\t: 0\nflags\t\t: fpu avx512_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n';
    expect(flagsIn(text)).toEqual(['fpu', 'avx512_bf16']);
    expect(multipliesBfloat16(flagsIn('Features\t: fp asimd bf16\n') ?? [])).toBe(true);
    expect(flagsIn('')).toBeNull();
  });
});

describe('the question to a person', () => {
  it('says that every file is checked, and which one cannot be, if that is allowed', () => {
    const prebuilt = prebuiltFor('tensorflow', 'linux', 'x64');
    for (const first of SOURCES) {
      const [size, checked, unverified] = consentText(cpu, prebuilt, first, '/engines');
      expect(size).toContain('274 MB');
      expect(checked).toMatch(/^Every file is checked against the SHA-256 or SHA-512 .* \/engines /);
      expect(unverified).toContain('CPU-linux-4.22.0.tar.gz, so its contents cannot be verified');
    }
  });

  it('names nothing unverified if there is none', () => {
    expect(consentText(cpu, null, 'wheel', '/engines')).toHaveLength(2);
  });
});

describe('what cannot be verified', () => {
  it.each(['tensorflow', 'tensorflow-gpu'] as const)('of %s is only the prebuilt addon', (engine) => {
    const prebuilt = prebuiltFor(engine, 'linux', 'x64') as Prebuilt;
    expect(prebuiltMethod(prebuilt).unverified).toEqual([basename(prebuilt.addon.path)]);
    expect(wheelMethod(wheelFor(engine, 'linux', 'x64') as Wheel).unverified).toEqual([]);
  });
});

describe('the text of progress', () => {
  it.each([
    [16_974, '17 kB'],
    [274_000_871, '274.0 MB'],
  ])('has %d bytes as %s', (totalBytes, size) => {
    const progress = { stage: 'download', file: 'a.whl', receivedBytes: 0, totalBytes } as const;
    expect(progressText(progress)).toBe(`Downloading a.whl (${size})`);
  });

  it('says why another source is used', () => {
    const why = 'There is no C++ compiler.';
    expect(progressText({ stage: 'instead', source: 'prebuilt', why })).toBe(
      'There is no C++ compiler. Using the prebuilt addon instead',
    );
    expect(progressText({ stage: 'instead', source: 'wheel', why })).toBe(
      "There is no C++ compiler. Building it from TensorFlow's wheel instead",
    );
  });
});

describe('the location of a file', () => {
  it.each([
    ['tensorflow/libtensorflow_cc.so.2', 'complete/tensorflow/libtensorflow_cc.so.2'],
    ['tensorflow/libtensorflow_framework.so.2', 'complete/tensorflow/libtensorflow_framework.so.2'],
    ['tensorflow/include/tensorflow/c/c_api.h', 'build/tensorflow/tensorflow/c/c_api.h'],
    // TensorFlow's libraries look in ../nvidia/<library>/lib.
    ['nvidia/cudnn/lib/libcudnn.so.9', 'complete/nvidia/cudnn/lib/libcudnn.so.9'],
    [
      'nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9',
      'complete/nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9',
    ],
    ['nvidia/cuda_nvcc/bin/ptxas', 'complete/nvidia/cuda_nvcc/bin/ptxas'],
    [
      'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
      'complete/nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
    ],
    ['nvidia/cudnn/include/cudnn.h', null],
    ['nvidia/cuda_nvrtc/lib/libnvrtc_static.a', null],
    ['nvidia/cublas/lib/__init__.py', null],
    ['tensorflow/python/_pywrap_tfe.so', null],
  ])('%s is %s for a GPU', (name, place) => {
    expect(unpackPathsFor(gpu)(name)).toBe(place);
  });

  it.each([
    ['tensorflow/libtensorflow_cc.so.2', 'complete/libtensorflow_cc.so.2'],
    ['nvidia/cudnn/lib/libcudnn.so.9', null],
  ])('%s is %s for the processor', (name, place) => {
    expect(unpackPathsFor(cpu)(name)).toBe(place);
  });
});
