import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import type { Failure } from '../shared/failure';
import { execFile } from '../system/children';
import { askInChild } from './probeChild';
import { isOlder } from './versions';

/**
 * The oldest driver for Linux that runs every CUDA 12: minor versions are compatible with one another
 * (CUDA Compatibility, 'Minor Version Compatibility').
 */
export const CUDA_12_DRIVER = '525.60.13';

/** NVIDIA's driver as a process of this machine meets it. */
export interface Driver {
  /** Whether its library, libcuda.so.1, can be loaded; else what the system's linker says. */
  readonly loadError: string | null;
  /** Null where nothing tells it. */
  readonly version: string | null;
}

/** One of NVIDIA's GPUs, as its driver's tool tells of it. */
export interface NvidiaGpu {
  readonly name: string;
  readonly memoryBytes: number | null;
  readonly driver: string | null;
}

/** The driver's version in the text of /proc/driver/nvidia/version, such as `535.183.01`. */
export function kernelDriverVersion(text: string): string | null {
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1] ?? null;
}

/** The GPUs in the output of `nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits`. */
export function gpusIn(output: string): NvidiaGpu[] {
  return output
    .split('\n')
    .map((line) => line.split(',').map((part) => part.trim()))
    .filter((parts) => parts.length === 3)
    .map(([name = '', mebibytes = '', driver = '']) => ({
      name,
      // Where memory is the processor's too, the tool says [N/A].
      memoryBytes: Number(mebibytes) * 2 ** 20 || null,
      driver: /^\d+\.\d+/.test(driver) ? driver : null,
    }));
}

/**
 * Why a driver cannot serve a library that wants `least` of it, and what to do; null where nothing speaks against it.
 */
export function driverProblem({ loadError, version }: Driver, least: string | null): Failure | null {
  const install = l10n.t("Install NVIDIA's driver, {0} or newer.", least ?? CUDA_12_DRIVER);
  if (loadError !== null) {
    const isMissing = /cannot open shared object file/.test(loadError);
    return {
      what: isMissing
        ? l10n.t('There is no NVIDIA driver: libcuda.so.1 is missing.')
        : l10n.t("NVIDIA's driver does not load: {0}.", loadError.split('\n')[0] ?? ''),
      remedy: install,
    };
  }
  if (version !== null && least !== null && isOlder(version, least)) {
    return {
      what: l10n.t("NVIDIA's driver is too old: it is {0}, and {1} is needed.", version, least),
      remedy: l10n.t("Update NVIDIA's driver to {0} or newer.", least),
    };
  }
  return null;
}

/** What TensorFlow lacks to compute on a GPU, as far as its log tells, and a sentence that says so. */
export function whyNoGpu(log: string): { lacks: 'library' | 'device'; why: string } {
  const missing = /Could not load dynamic library '([^']+)'/.exec(log)?.[1];
  if (missing)
    return {
      lacks: 'library',
      why: l10n.t('TensorFlow sees no GPU: the library {0} did not load.', missing),
    };
  if (/Cannot dlopen some GPU libraries/.test(log))
    return { lacks: 'library', why: l10n.t('TensorFlow sees no GPU: libraries of CUDA did not load.') };
  const status = /\b(CUDA_ERROR_\w+)(?::\s*([^\n\]]+))?/.exec(log);
  if (status) {
    const [, code = '', meaning] = status;
    const words = meaning ? `${meaning.trim()} (${code})` : code;
    return { lacks: 'device', why: l10n.t('TensorFlow sees no GPU: {0}.', words) };
  }
  return { lacks: 'device', why: l10n.t('TensorFlow sees no GPU.') };
}

/** The GPU that TensorFlow made a device of, as its log names it; null where the log does not. */
export function gpuInLog(log: string): string | null {
  const names = [...log.matchAll(/Created device \S*GPU:\d+ with .*?, name: ([^,\n]+),/g)];
  return names.at(-1)?.[1]?.trim() ?? null;
}

/**
 * What a process that may compute on one of NVIDIA's GPUs has in its environment, before its library loads; what a
 * person set there stands.
 */
export function gpuEnvironment(): Record<string, string> {
  const { NVIDIA_TF32_OVERRIDE = '0', TF_FORCE_GPU_ALLOW_GROWTH = 'true' } = process.env;
  return {
    // Float32 is float32: TensorFlow would have TF32, of 10 bits, multiply in its place.
    NVIDIA_TF32_OVERRIDE,
    // TensorFlow would take all of the GPU's memory, whatever else is on it.
    TF_FORCE_GPU_ALLOW_GROWTH,
  };
}

/** Prints the linker's error, or null: what is no addon says so only once it is loaded. */
const LOAD_SCRIPT = `
  let loadError = null;
  try {
    process.dlopen({ exports: {} }, process.argv[1]);
  } catch (error) {
    if (!/self-register/.test(error.message)) loadError = error.message;
  }
  process.stdout.write(JSON.stringify({ loadError }));
`;

/**
 * Why no GPU of NVIDIA's can serve here, as far as its driver goes: null where nothing speaks against it. On other
 * systems than Linux the library itself has to say.
 *
 * @param least The oldest driver that the library runs on; null where that is not known.
 * @throws the signal's reason when aborted
 */
export async function findDriverProblem(least: string | null, signal?: AbortSignal): Promise<Failure | null> {
  if (process.platform !== 'linux') return null;
  return driverProblem(await findDriver(signal), least);
}

/**
 * Looks for NVIDIA's driver, by loading its library in a process of its own.
 *
 * @throws the signal's reason when aborted
 */
export async function findDriver(signal?: AbortSignal): Promise<Driver> {
  const loadError = await libraryLoadError('libcuda.so.1', signal);
  if (loadError !== null) return { loadError, version: null };
  const version = kernelDriverVersion(await kernelDriver()) ?? (await nvidiaGpus())[0]?.driver ?? null;
  return { loadError, version };
}

/**
 * What the system's linker says against a library, which it is given by name in a process of its own; null where it
 * can be loaded.
 *
 * @throws the signal's reason when aborted
 */
export async function libraryLoadError(library: string, signal?: AbortSignal): Promise<string | null> {
  const child = await askInChild(LOAD_SCRIPT, library, signal);
  if (!child.ok) return child.reason;
  const answer = z.object({ loadError: z.string().nullable() }).safeParse(child.answer);
  return answer.success ? answer.data.loadError : '';
}

/** What Linux' kernel says of NVIDIA's driver; empty where there is none. */
export function kernelDriver(): Promise<string> {
  return readFile('/proc/driver/nvidia/version', 'utf8').catch(() => '');
}

/** NVIDIA's GPUs, by the tool that comes with its driver. */
export async function nvidiaGpus(): Promise<NvidiaGpu[]> {
  return gpusIn(await queryGpus('name,memory.total,driver_version'));
}

/** The compute capability of the newest of NVIDIA's GPUs here; null where nothing tells: older drivers do not. */
export async function newestCapability(): Promise<number | null> {
  const capabilities = (await queryGpus('compute_cap')).split('\n').map(Number).filter(Boolean);
  return capabilities.length === 0 ? null : Math.max(...capabilities);
}

/** What the driver's tool tells of each GPU, a line each; empty where it does not. */
function queryGpus(columns: string): Promise<string> {
  return execFile('nvidia-smi', [`--query-gpu=${columns}`, '--format=csv,noheader,nounits'], {
    timeout: 10_000,
  }).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

/** Whether one of NVIDIA's display or compute controllers is on the PCI bus, with or without a driver. */
export async function hasNvidiaCard(folder = '/sys/bus/pci/devices'): Promise<boolean> {
  const text = (device: string, file: string) =>
    readFile(join(folder, device, file), 'utf8').then(
      (content) => content.trim(),
      () => '',
    );
  for (const device of await readdir(folder).catch(() => [])) {
    const isController = (await text(device, 'class')).startsWith('0x03');
    if (isController && (await text(device, 'vendor')) === '0x10de') return true;
  }
  return false;
}
