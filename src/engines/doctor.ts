import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { EngineName } from '../recipe/engineNames';
import { execFile } from '../system/children';
import { chooseEngine, type EngineChoice, type EngineState, engineStates } from './choice';
import type { EnginePlaces } from './installations';
import { nvidiaGpus } from './nvidia';
import { multipliesBfloat16, processorFlags } from './processor';

/** A graphics processor, as the system reports it. */
export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number | null;
  /** The driver version; null if no driver is loaded or it does not report one. */
  readonly driver: string | null;
}

/** The diagnosis of the engines on this machine. */
export interface Diagnosis {
  readonly node: { readonly version: string; readonly abi: string; readonly napi: string };
  readonly system: {
    readonly platform: string;
    readonly arch: string;
    readonly processor: string;
    readonly threads: number;
    readonly memoryBytes: number;
    /** Whether the processor has bfloat16 multiplication, which makes half precision faster than float32. */
    readonly hasBfloat16: boolean | null;
  };
  readonly gpus: readonly Gpu[];
  /** Fastest first. */
  readonly engines: readonly EngineState[];
  readonly auto: EngineChoice;
  /** How to train faster on this machine; null if no way is known. */
  readonly faster: string | null;
}

/** Diagnoses the engines on this machine. Never throws. Omits everything it cannot determine. */
export async function diagnose(places: EnginePlaces = {}): Promise<Diagnosis> {
  const [gpus, engines, flags] = await Promise.all([findGpus(), engineStates(places), processorFlags()]);
  const auto = chooseEngine(engines);
  const { node, modules, napi } = process.versions;
  return {
    node: { version: node, abi: modules, napi: napi ?? '' },
    system: {
      platform: process.platform,
      arch: process.arch,
      processor: cpus()[0]?.model.trim() ?? '',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
      hasBfloat16: flags && multipliesBfloat16(flags),
    },
    gpus,
    engines,
    auto,
    faster: fasterThan(engines, auto.engine, gpus.length > 0),
  };
}

/** Returns how to make a faster engine work, or speed up the chosen one. Without a GPU, no driver would help webgpu. */
function fasterThan(engines: readonly EngineState[], chosen: EngineName, hasGpu: boolean): string | null {
  const index = engines.findIndex(({ name }) => name === chosen);
  const [first] = engines
    .slice(0, index + 1)
    .filter(({ name, remedy }) => remedy !== null && (name !== 'webgpu' || hasGpu));
  return first?.remedy ?? null;
}

async function findGpus(): Promise<Gpu[]> {
  const nvidia = await nvidiaGpus();
  const others = process.platform === 'darwin' ? await appleGpus() : await displayAdapters(nvidia.length > 0);
  return [...nvidia, ...others];
}

async function appleGpus(): Promise<Gpu[]> {
  const output = await textOf('/usr/sbin/system_profiler', ['SPDisplaysDataType']);
  return [...output.matchAll(/Chipset Model: (.+)/g)].map(([, name = '']) => ({
    name,
    memoryBytes: null,
    driver: null,
  }));
}

/** Vendors of display adapters, by PCI vendor ID. */
const MAKERS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

/** Lists adapters from Linux's own tables. Skips NVIDIA's if NVIDIA's tool already reported them. */
async function displayAdapters(withoutNvidia: boolean): Promise<Gpu[]> {
  const folder = '/sys/class/drm';
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const gpus = await Promise.all(
    cards.map(async (card): Promise<Gpu | null> => {
      const device = (file: string) =>
        readFile(join(folder, card, 'device', file), 'utf8').then(
          (text) => text.trim(),
          () => '',
        );
      const maker = MAKERS[await device('vendor')];
      if (maker === undefined || (withoutNvidia && maker === 'NVIDIA')) return null;
      const memoryBytes = Number(await device('mem_info_vram_total')) || null;
      return { name: `${maker} ${await device('device')}`, memoryBytes, driver: null };
    }),
  );
  return gpus.filter((gpu) => gpu !== null);
}

async function textOf(command: string, options: readonly string[]): Promise<string> {
  try {
    return (await execFile(command, options, { timeout: 10_000 })).stdout;
  } catch {
    return '';
  }
}
