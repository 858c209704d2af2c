import type { NativeEngine } from '../installations';

/** A file in a package index, pinned by hash. */
export interface PinnedFile {
  /** The project on PyPI, or the package in npm's registry. */
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: number;
  readonly hash: { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string };
}

/**
 * The files that the install script of `@tensorflow/tfjs-node` fetches from Google's storage (its
 * scripts/deps-constants.js and package.json): TensorFlow's C library, and its addon compiled against it.
 */
export interface Prebuilt {
  /** TensorFlow's version. */
  readonly version: string;
  readonly library: StoredFile & { readonly hash: PinnedFile['hash'] };
  /** Nobody publishes its hash. The storage's own MD5 only detects a corrupted transfer. */
  readonly addon: StoredFile;
  /** Requirements on a machine with a GPU. Absent for the processor. */
  readonly cuda?: {
    /** The oldest supported Linux driver. */
    readonly driver: string;
    /** The highest compute capability of a GPU that it supports. */
    readonly capability: number;
    /** Some of the libraries that it needs from the system, because its archive does not contain them. */
    readonly libraries: readonly string[];
  };
}

export interface StoredFile {
  /** Relative to the storage's URL. */
  readonly path: string;
  /** An upper bound of its size. */
  readonly limitBytes: number;
  /** An upper bound of its unpacked size. */
  readonly unpackedLimitBytes: number;
}

/** A TensorFlow wheel, and the parts of it that make an engine. */
export interface Wheel extends PinnedFile {
  /** In the wheel's folder `tensorflow`: the libraries that the addon links with and needs at run time. */
  readonly libraries: readonly string[];
  /** The wheels of the libraries that these load at run time. Absent for the processor. */
  readonly cuda?: readonly PinnedFile[];
}

/**
 * CUDA 12 as the `and-cuda` extra of TensorFlow's wheel requires it, each project in the latest version allowed: what
 * `pip install tensorflow[and-cuda]` installs. The projects of CUDA 12.9 support the GPUs of 2025.
 */
const CUDA_WHEELS: readonly PinnedFile[] = [
  {
    project: 'nvidia-cublas-cu12',
    version: '12.9.3.13',
    file: 'nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl',
    bytes: 581_217_458,
    hash: {
      algorithm: 'sha256',
      hex: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
    },
  },
  {
    project: 'nvidia-cuda-cupti-cu12',
    version: '12.9.79',
    file: 'nvidia_cuda_cupti_cu12-12.9.79-py3-none-manylinux_2_25_x86_64.whl',
    bytes: 10_814_997,
    hash: {
      algorithm: 'sha256',
      hex: '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
    },
  },
  {
    project: 'nvidia-cuda-nvcc-cu12',
    version: '12.9.86',
    file: 'nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    bytes: 40_546_229,
    hash: {
      algorithm: 'sha256',
      hex: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
    },
  },
  {
    project: 'nvidia-cuda-nvrtc-cu12',
    version: '12.9.86',
    file: 'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    bytes: 89_568_129,
    hash: {
      algorithm: 'sha256',
      hex: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    },
  },
  {
    project: 'nvidia-cuda-runtime-cu12',
    version: '12.9.79',
    file: 'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    bytes: 3_493_179,
    hash: {
      algorithm: 'sha256',
      hex: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    },
  },
  {
    project: 'nvidia-cudnn-cu12',
    version: '9.28.0.42',
    file: 'nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl',
    bytes: 716_538_495,
    hash: {
      algorithm: 'sha256',
      hex: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
    },
  },
  {
    project: 'nvidia-cufft-cu12',
    version: '11.4.1.4',
    file: 'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    bytes: 200_877_592,
    hash: {
      algorithm: 'sha256',
      hex: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
    },
  },
  {
    project: 'nvidia-curand-cu12',
    version: '10.3.10.19',
    file: 'nvidia_curand_cu12-10.3.10.19-py3-none-manylinux_2_27_x86_64.whl',
    bytes: 68_295_626,
    hash: {
      algorithm: 'sha256',
      hex: '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
    },
  },
  {
    project: 'nvidia-cusolver-cu12',
    version: '11.7.5.82',
    file: 'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl',
    bytes: 338_117_415,
    hash: {
      algorithm: 'sha256',
      hex: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    },
  },
  {
    project: 'nvidia-cusparse-cu12',
    version: '12.5.10.65',
    file: 'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    bytes: 366_465_088,
    hash: {
      algorithm: 'sha256',
      hex: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    },
  },
  {
    project: 'nvidia-nccl-cu12',
    version: '2.32.3',
    file: 'nvidia_nccl_cu12-2.32.3-py3-none-manylinux_2_27_x86_64.whl',
    bytes: 351_526_311,
    hash: {
      algorithm: 'sha256',
      hex: 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
    },
  },
  {
    project: 'nvidia-nvjitlink-cu12',
    version: '12.9.86',
    file: 'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    bytes: 39_748_338,
    hash: {
      algorithm: 'sha256',
      hex: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    },
  },
];

/** The wheel of any Python version would do: the libraries are the same. */
const TENSORFLOW = '2.21.0';
const WHEELS: Readonly<Record<NativeEngine, Readonly<Record<string, Wheel>>>> = {
  'tensorflow-gpu': {
    'linux-x64': {
      project: 'tensorflow',
      version: TENSORFLOW,
      file: 'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
      bytes: 572_611_111,
      hash: {
        algorithm: 'sha256',
        hex: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
      },
      libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
      cuda: CUDA_WHEELS,
    },
  },
  tensorflow: {
    'linux-x64': {
      project: 'tensorflow-cpu',
      version: TENSORFLOW,
      file: 'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
      bytes: 274_000_871,
      hash: {
        algorithm: 'sha256',
        hex: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
      },
      libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
    },
    'linux-arm64': {
      project: 'tensorflow',
      version: TENSORFLOW,
      file: 'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_aarch64.whl',
      bytes: 281_946_471,
      hash: {
        algorithm: 'sha256',
        hex: 'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
      },
      libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
    },
    'darwin-arm64': {
      project: 'tensorflow',
      version: TENSORFLOW,
      file: 'tensorflow-2.21.0-cp312-cp312-macosx_12_0_arm64.whl',
      bytes: 223_488_205,
      hash: {
        algorithm: 'sha256',
        hex: '56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712',
      },
      libraries: ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'],
    },
  },
};

const ADDON_LIMITS = { limitBytes: 10e6, unpackedLimitBytes: 100e6 };

/** Addons exist only for Linux on x64. The few for other systems are not of this version. */
const PREBUILT: Readonly<Record<NativeEngine, Readonly<Record<string, Prebuilt>>>> = {
  'tensorflow-gpu': {
    'linux-x64': {
      version: '2.9.1',
      library: {
        path: 'tensorflow/libtensorflow/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz',
        limitBytes: 2e9,
        unpackedLimitBytes: 6e9,
        hash: {
          algorithm: 'sha256',
          hex: '20c46f761d5905f592c4eac0812e8e50d9cb439f9440a9391912cf4c02ed8be8',
        },
      },
      addon: { path: 'tf-builds/pre-built-binary/napi-v8/4.22.0/GPU-linux-4.22.0.tar.gz', ...ADDON_LIMITS },
      // CUDA 11.2, whose compiler supports GPUs up to the GeForce RTX 30 and the A40, and cuDNN 8.1.
      cuda: { driver: '450.80.02', capability: 8.6, libraries: ['libcudart.so.11.0', 'libcudnn.so.8'] },
    },
  },
  tensorflow: {
    'linux-x64': {
      version: '2.9.1',
      library: {
        path: 'tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
        limitBytes: 1e9,
        unpackedLimitBytes: 3e9,
        hash: {
          algorithm: 'sha256',
          hex: '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
        },
      },
      addon: { path: 'tf-builds/pre-built-binary/napi-v8/4.22.0/CPU-linux-4.22.0.tar.gz', ...ADDON_LIMITS },
    },
  },
};

/** The package with the addon's sources, in its folder `binding`. */
export const ADDON_SOURCES: PinnedFile = {
  project: '@tensorflow/tfjs-node',
  version: '4.22.0',
  file: 'tfjs-node-4.22.0.tgz',
  bytes: 228_166,
  hash: {
    algorithm: 'sha512',
    hex: 'b87ad779495f8243314d9a8790449257bcd274a755d0b96c05e6e5aa4b8a53d9e77f1075a42e83b68c9855a2f1ce7cd9cbb59049e823728871c428c07fa0dcef',
  },
};

/** The C headers of Node-API, Node's stable interface. An addon built with them runs on every later Node. */
export const NODE_HEADERS: PinnedFile = {
  project: 'node-api-headers',
  version: '1.9.0',
  file: 'node-api-headers-1.9.0.tgz',
  bytes: 16_974,
  hash: {
    algorithm: 'sha512',
    hex: 'da83482cfe235f0441e32c2760a8d593563227dea7d83e0439524ee92de8619e4fb5b26bc3762df53a40b97de704b32ece7ef8ae77c642bbf5de94bdbc2f9888',
  },
};

/** Returns the download size of an installation from a wheel, in bytes. */
export function downloadBytes({ bytes, cuda = [] }: Wheel): number {
  const files = [...cuda, ADDON_SOURCES, NODE_HEADERS];
  return files.reduce((sum, file) => sum + file.bytes, bytes);
}

/** Returns the wheel for this operating system and processor; null if there is none. */
export function wheelFor(
  engine: NativeEngine,
  platform = process.platform,
  arch = process.arch,
): Wheel | null {
  return WHEELS[engine][`${platform}-${arch}`] ?? null;
}

/** Returns the prebuilt library and addon for this operating system and processor; null if there are none. */
export function prebuiltFor(
  engine: NativeEngine,
  platform = process.platform,
  arch = process.arch,
): Prebuilt | null {
  return PREBUILT[engine][`${platform}-${arch}`] ?? null;
}
