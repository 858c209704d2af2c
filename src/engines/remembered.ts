import { readdir, readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../system/replaceFile';
import { type DawnProbe, dawnProbeSchema, probeDawn } from './dawnProbe';
import { enginesFolder, type Installation } from './installations';
import { kernelDriver } from './nvidia';
import { type Probe, probeAddon, probeSchema } from './probe';

/** Probes by library, each with what it holds for. */
const rememberedSchema = z.record(z.string(), z.object({ fingerprint: z.string(), probe: z.unknown() }));
type Remembered = z.infer<typeof rememberedSchema>;

/**
 * Probes an installation's addon, or tells what it did before: remembered until the addon, its libraries, Node, or
 * NVIDIA's driver change. A probe that ran out of time is not remembered, nor one of tensorflow-gpu that saw no GPU:
 * one that comes later is to be seen.
 *
 * @throws the signal's reason when aborted
 */
export async function rememberedProbe(
  { engine, addonPath }: Installation & { readonly addonPath: string },
  signal?: AbortSignal,
  file = join(enginesFolder(), 'probes.json'),
): Promise<Probe> {
  return remembered(file, addonPath, {
    fingerprint: await fingerprintOf(addonPath),
    schema: probeSchema,
    probe: () => probeAddon(addonPath, signal),
    isKept: (probe) =>
      probe.ok
        ? engine !== 'tensorflow-gpu' || probe.gpu.used
        : engine !== 'tensorflow-gpu' && !probe.timedOut,
  });
}

/**
 * As `rememberedProbe`, of Dawn, until it, Node, the system or Linux's graphics drivers change. Only what computed is
 * remembered: a GPU or a driver that comes later is to be seen.
 *
 * @throws the signal's reason when aborted
 */
export async function rememberedDawnProbe(
  path: string,
  signal?: AbortSignal,
  file = join(enginesFolder(), 'probes.json'),
): Promise<DawnProbe> {
  return remembered(file, path, {
    fingerprint: await dawnFingerprint(path),
    schema: dawnProbeSchema,
    probe: () => probeDawn(path, signal),
    isKept: ({ outcome }) => outcome === 'computed',
  });
}

interface Probing<P> {
  readonly fingerprint: string;
  readonly schema: z.ZodType<P>;
  readonly probe: () => Promise<P>;
  readonly isKept: (probe: P) => boolean;
}

async function remembered<P>(file: string, library: string, probing: Probing<P>): Promise<P> {
  const { fingerprint, schema, probe, isKept } = probing;
  const known = (await read(file))[library];
  if (known?.fingerprint === fingerprint) {
    const parsed = schema.safeParse(known.probe);
    if (parsed.success) return parsed.data;
  }
  const found = await probe();
  if (!isKept(found)) return found;
  // Read again: others may have probed meanwhile. A memory that cannot be kept costs the next run a second.
  const all: Remembered = { ...(await read(file)), [library]: { fingerprint, probe: found } };
  await replaceFile(file, `${JSON.stringify(all, null, 2)}\n`).catch(() => {});
  return found;
}

/** What a probe's answer depends on. */
async function fingerprintOf(addonPath: string): Promise<string> {
  const folder = dirname(addonPath);
  const files = [
    addonPath,
    join(folder, 'libtensorflow_cc.so.2'),
    join(folder, 'tensorflow/libtensorflow_cc.so.2'),
    join(folder, '../../deps/lib/libtensorflow.so.2'),
  ];
  const { node, modules } = process.versions;
  const { platform, arch, env } = process;
  const variables = CUDA_VARIABLES.map((name) => env[name] ?? '');
  const facts = [platform, arch, node, modules, ...(await sizesOf(files)), await nvidiaDriver()];
  return [...facts, ...variables].join('; ');
}

/** What CUDA goes by. */
const CUDA_VARIABLES = ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'];

/** What Vulkan's loader goes by, on Linux. */
const VULKAN_VARIABLES = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES', 'LD_LIBRARY_PATH'];
const VULKAN_DRIVERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

async function dawnFingerprint(path: string): Promise<string> {
  const { platform, arch, versions, env } = process;
  const drivers = await Promise.all(
    VULKAN_DRIVERS.map(async (folder) => {
      const files = (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
      return [...files, ...(await sizesOf(files))].join(' ');
    }),
  );
  const devices = (await readdir('/dev/dri').catch(() => [])).join(' ');
  const variables = VULKAN_VARIABLES.map((name) => env[name] ?? '');
  const facts = [platform, arch, release(), versions.node, ...(await sizesOf([path])), await nvidiaDriver()];
  return [...facts, ...drivers, devices, ...variables].join('; ');
}

/** Each file's size and time of change; empty where it is not there. */
async function sizesOf(files: readonly string[]): Promise<string[]> {
  return Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
        () => '',
      ),
    ),
  );
}

async function nvidiaDriver(): Promise<string> {
  return (await kernelDriver()).split('\n')[0] ?? '';
}

async function read(file: string): Promise<Remembered> {
  try {
    return rememberedSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}
