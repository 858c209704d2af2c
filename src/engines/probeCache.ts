import { readdir, stat } from 'node:fs/promises';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readRegular } from '../system/regularFiles';
import { replaceFile } from '../system/replaceFile';
import { type DawnProbe, dawnProbeSchema, probeDawn } from './dawnProbe';
import { enginesFolder, type Installation } from './installations';
import { kernelDriver } from './nvidia';
import { type Probe, probeAddon, probeSchema } from './probe';
import { probeSteps, type StepProbe, stepProbeSchema } from './stepProbe';

/** Probes by library, each with the fingerprint that it is valid for. */
const cacheSchema = z.record(z.string(), z.object({ fingerprint: z.string(), probe: z.unknown() }));
type ProbeCache = z.infer<typeof cacheSchema>;

/**
 * Probes an installation's addon, or returns the cached probe. The cache is valid until the addon, its libraries, Node,
 * or NVIDIA's driver change. Does not cache a timeout, nor a tensorflow-gpu probe without a GPU, so that a GPU added
 * later is detected.
 *
 * @throws the signal's reason if aborted
 */
export async function cachedProbe(
  { engine, addonPath }: Installation & { readonly addonPath: string },
  signal?: AbortSignal,
  file = join(enginesFolder(), 'probes.json'),
): Promise<Probe> {
  return cached(file, addonPath, {
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
 * Like `cachedProbe`, for Dawn. The cache is valid until Dawn, Node, the system or Linux's graphics drivers change.
 * Caches only successful computations, so that a GPU or driver added later is detected.
 *
 * @throws the signal's reason if aborted
 */
export async function cachedDawnProbe(
  path: string,
  signal?: AbortSignal,
  file = join(enginesFolder(), 'probes.json'),
): Promise<DawnProbe> {
  return cached(file, path, {
    fingerprint: await dawnFingerprint(path),
    schema: dawnProbeSchema,
    probe: () => probeDawn(path, signal),
    isKept: ({ outcome }) => outcome === 'computed',
  });
}

/** Increase this when the timed steps change. */
const STEPS_VERSION = 1;

/**
 * Measures the times of training steps with an addon on the processor, or returns cached ones. The cache is valid until
 * the addon, its libraries, the processor or its number of threads change. Null, and not cached, if the steps could not
 * be timed.
 *
 * @throws the signal's reason if aborted
 */
export async function cachedStepProbe(
  addonPath: string,
  signal?: AbortSignal,
  file = join(enginesFolder(), 'probes.json'),
): Promise<StepProbe | null> {
  return cached<StepProbe | null>(file, stepsKey(addonPath), {
    fingerprint: await stepsFingerprint(addonPath),
    schema: stepProbeSchema,
    probe: () => probeSteps(addonPath, signal),
    isKept: (probe) => probe !== null,
  });
}

/** Returns the result of `cachedStepProbe` without measuring; null if it is not known or outdated. */
export async function knownStepProbe(
  addonPath: string,
  file = join(enginesFolder(), 'probes.json'),
): Promise<StepProbe | null> {
  const known = (await read(file))[stepsKey(addonPath)];
  if (known?.fingerprint !== (await stepsFingerprint(addonPath))) return null;
  return stepProbeSchema.safeParse(known.probe).data ?? null;
}

function stepsKey(addonPath: string): string {
  return `${addonPath} steps`;
}

/** Does not depend on the Node version, so VS Code's own Node can read what another one measured. */
async function stepsFingerprint(addonPath: string): Promise<string> {
  const { platform, arch } = process;
  const processor = [cpus()[0]?.model ?? '', availableParallelism()];
  return [STEPS_VERSION, platform, arch, ...processor, ...(await sizesOf(filesOf(addonPath)))].join('; ');
}

interface CacheEntry<P> {
  readonly fingerprint: string;
  readonly schema: z.ZodType<P>;
  readonly probe: () => Promise<P>;
  readonly isKept: (probe: P) => boolean;
}

async function cached<P>(file: string, library: string, entry: CacheEntry<P>): Promise<P> {
  const { fingerprint, schema, probe, isKept } = entry;
  const known = (await read(file))[library];
  if (known?.fingerprint === fingerprint) {
    const parsed = schema.safeParse(known.probe);
    if (parsed.success) return parsed.data;
  }
  const found = await probe();
  if (!isKept(found)) return found;
  // Reads the file again, because other processes may have added probes. If the cache cannot be written, the next run
  // repeats the probe.
  const all: ProbeCache = { ...(await read(file)), [library]: { fingerprint, probe: found } };
  await replaceFile(file, `${JSON.stringify(all, null, 2)}\n`).catch(() => {});
  return found;
}

/** Returns everything that a probe's result depends on. */
async function fingerprintOf(addonPath: string): Promise<string> {
  const files = filesOf(addonPath);
  const { node, modules } = process.versions;
  const { platform, arch, env } = process;
  const variables = CUDA_VARIABLES.map((name) => env[name] ?? '');
  const facts = [platform, arch, node, modules, ...(await sizesOf(files)), await nvidiaDriver()];
  return [...facts, ...variables].join('; ');
}

/** Returns the addon, and its library in all possible locations. */
function filesOf(addonPath: string): string[] {
  const folder = dirname(addonPath);
  return [
    addonPath,
    join(folder, 'libtensorflow_cc.so.2'),
    join(folder, 'tensorflow/libtensorflow_cc.so.2'),
    join(folder, '../../deps/lib/libtensorflow.so.2'),
  ];
}

/** Environment variables that affect CUDA. */
const CUDA_VARIABLES = ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'];

/** Environment variables that affect Vulkan's loader on Linux. */
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

/** Returns each file's size and mtime; empty if the file does not exist. */
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

async function read(file: string): Promise<ProbeCache> {
  try {
    return cacheSchema.parse(JSON.parse(await readRegular(file, 'utf8', 1 << 24)));
  } catch {
    return {};
  }
}
