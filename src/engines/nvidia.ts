import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import type { Failure } from '../shared/failure';
import { execFile } from '../system/children';
import { programInPath } from '../system/programInPath';
import { askInChild } from './probeChild';
import { isOlder } from './versions';

/**
 * The oldest Linux driver that runs every CUDA 12. Minor versions are compatible with one another (CUDA Compatibility,
 * 'Minor Version Compatibility').
 */
export const CUDA_12_DRIVER = '525.60.13';

/** NVIDIA's driver as seen by a process on this machine. */
export interface Driver {
  /** The dynamic linker's error for the library libcuda.so.1; null if it loads. */
  readonly loadError: string | null;
  /** Null if it cannot be determined. */
  readonly version: string | null;
}

/** An NVIDIA GPU, as reported by nvidia-smi. */
export interface NvidiaGpu {
  readonly name: string;
  readonly memoryBytes: number | null;
  readonly driver: string | null;
}

/** Parses the driver version from the text of /proc/driver/nvidia/version, such as `535.183.01`. */
export function kernelDriverVersion(text: string): string | null {
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1] ?? null;
}

/** Parses the output of `nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits`. */
export function gpusIn(output: string): NvidiaGpu[] {
  return output
    .split('\n')
    .map((line) => line.split(',').map((part) => part.trim()))
    .filter((parts) => parts.length === 3)
    .map(([name = '', mebibytes = '', driver = '']) => ({
      name,
      // If the GPU shares the CPU's memory, nvidia-smi prints [N/A].
      memoryBytes: Number(mebibytes) * 2 ** 20 || null,
      driver: /^\d+\.\d+/.test(driver) ? driver : null,
    }));
}

/**
 * Explains why a driver does not suffice for a library that requires version `least`, and how to fix it; null if no
 * problem is known.
 */
export function driverProblem({ loadError, version }: Driver, least: string | null): Failure | null {
  const install = l10n.t('Install the NVIDIA driver, {0} or newer.', least ?? CUDA_12_DRIVER);
  if (loadError !== null) {
    const isMissing = /cannot open shared object file/.test(loadError);
    return {
      what: isMissing
        ? l10n.t('There is no NVIDIA driver: libcuda.so.1 is missing.')
        : l10n.t('The NVIDIA driver does not load: {0}.', loadError.split('\n')[0] ?? ''),
      remedy: install,
    };
  }
  if (version !== null && least !== null && isOlder(version, least)) {
    return {
      what: l10n.t('The NVIDIA driver is too old: it is {0}, but {1} is needed.', version, least),
      remedy: l10n.t('Update the NVIDIA driver to {0} or newer.', least),
    };
  }
  return null;
}

/** Finds in TensorFlow's log what it lacks to compute on a GPU, and describes it in a sentence. */
export function whyNoGpu(log: string): { lacks: 'library' | 'device'; why: string } {
  const missing = /Could not load dynamic library '([^']+)'/.exec(log)?.[1];
  if (missing)
    return {
      lacks: 'library',
      why: l10n.t('TensorFlow sees no GPU: the library {0} did not load.', missing),
    };
  if (/Cannot dlopen some GPU libraries/.test(log))
    return { lacks: 'library', why: l10n.t('TensorFlow sees no GPU: CUDA libraries did not load.') };
  const status = /\b(CUDA_ERROR_\w+)(?::\s*([^\n\]]+))?/.exec(log);
  if (status) {
    const [, code = '', meaning] = status;
    const words = meaning ? `${meaning.trim()} (${code})` : code;
    return { lacks: 'device', why: l10n.t('TensorFlow sees no GPU: {0}.', words) };
  }
  return { lacks: 'device', why: l10n.t('TensorFlow sees no GPU.') };
}

/** Returns the GPU that TensorFlow created a device for, by its name in the log; null if the log does not name it. */
export function gpuInLog(log: string): string | null {
  const names = [...log.matchAll(/Created device \S*GPU:\d+ with .*?, name: ([^,\n]+),/g)];
  return names.at(-1)?.[1]?.trim() ?? null;
}

/**
 * Returns the environment variables for a process that may compute on an NVIDIA GPU. They must be set before its
 * library loads. Values set by the user take precedence.
 */
export function gpuEnvironment(): Record<string, string> {
  const { NVIDIA_TF32_OVERRIDE = '0', TF_FORCE_GPU_ALLOW_GROWTH = 'true' } = process.env;
  return {
    // Disables TF32, so float32 really is float32. By default, TensorFlow multiplies in TF32 with 10 mantissa bits.
    NVIDIA_TF32_OVERRIDE,
    // By default, TensorFlow allocates all of the GPU's memory, whatever else is on it.
    TF_FORCE_GPU_ALLOW_GROWTH,
  };
}

/** Prints the linker's error, or null. A library that is not an addon reports that only after it has been loaded. */
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
 * Explains why the driver prevents the use of an NVIDIA GPU here; null if no problem is known. On systems other than
 * Linux, only the library itself can tell.
 *
 * @param least the oldest driver that the library runs on; null if not known
 * @throws the signal's reason if aborted
 */
export async function findDriverProblem(least: string | null, signal?: AbortSignal): Promise<Failure | null> {
  if (process.platform !== 'linux') return null;
  return driverProblem(await findDriver(signal), least);
}

/**
 * Checks NVIDIA's driver by loading its library in a child process.
 *
 * @throws the signal's reason if aborted
 */
export async function findDriver(signal?: AbortSignal): Promise<Driver> {
  const loadError = await libraryLoadError('libcuda.so.1', signal);
  if (loadError !== null) return { loadError, version: null };
  const version = kernelDriverVersion(await kernelDriver()) ?? (await nvidiaGpus())[0]?.driver ?? null;
  return { loadError, version };
}

/**
 * Returns the dynamic linker's error for a library, loaded by name in a child process; null if it loads.
 *
 * @throws the signal's reason if aborted
 */
export async function libraryLoadError(library: string, signal?: AbortSignal): Promise<string | null> {
  const child = await askInChild(LOAD_SCRIPT, library, signal);
  if (!child.ok) return child.reason;
  const answer = z.object({ loadError: z.string().nullable() }).safeParse(child.answer);
  return answer.success ? answer.data.loadError : '';
}

/** Returns what the Linux kernel reports about NVIDIA's driver; empty if there is none. */
export function kernelDriver(): Promise<string> {
  return readFile('/proc/driver/nvidia/version', 'utf8').catch(() => '');
}

/** Lists NVIDIA's GPUs with nvidia-smi. */
export async function nvidiaGpus(): Promise<NvidiaGpu[]> {
  return gpusIn(await queryGpus('name,memory.total,driver_version'));
}

/**
 * Returns the highest compute capability of the NVIDIA GPUs on this machine; null if unknown, because older drivers do
 * not report it.
 */
export async function newestCapability(): Promise<number | null> {
  const capabilities = (await queryGpus('compute_cap')).split('\n').map(Number).filter(Boolean);
  return capabilities.length === 0 ? null : Math.max(...capabilities);
}

/** Returns nvidia-smi's output, one line per GPU; empty if it fails. */
function queryGpus(columns: string): Promise<string> {
  return execFile(programInPath('nvidia-smi'), [`--query-gpu=${columns}`, '--format=csv,noheader,nounits'], {
    timeout: 10_000,
  }).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

/** Whether an NVIDIA display or compute controller is on the PCI bus, with or without a driver. */
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
