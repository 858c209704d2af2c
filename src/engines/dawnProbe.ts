import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';
import { adapterSchema } from './dawn';
import { type BinarySystem, binarySystemOf, libraryFaultIn } from './libraryFault';
import { builtForOther, isOfOther } from './loadError';
import { askInChild } from './probeChild';
import { DAWN_NEEDS, lackOf, type System, thisSystem } from './systems';

export const dawnProbeSchema = z.discriminatedUnion('outcome', [
  /** The probe computed on this adapter. */
  z.object({ outcome: z.literal('computed'), adapter: adapterSchema }),
  /** There is no adapter. The remedy is null if none is known. */
  z.object({ outcome: z.literal('none'), reason: z.string(), remedy: z.string().nullable() }),
  z.object({ outcome: z.literal('broken'), reason: z.string(), remedy: z.string().nullable() }),
]);

/** The result of probing Dawn on this machine. */
export type DawnProbe = z.infer<typeof dawnProbeSchema>;

const answerSchema = z.union([
  z.object({ adapter: z.null() }),
  z.object({ adapter: adapterSchema, doubled: z.array(z.number()) }),
  z.object({ error: z.string() }),
  z.object({ loadError: z.string() }),
]);

/** Doubles three numbers on the adapter that training would use, and reads them back. */
const SCRIPT = `
  const answer = (value) => process.stdout.write(JSON.stringify(value), () => process.exit());
  const names = ['vendor', 'architecture', 'device', 'description', 'isFallbackAdapter'];
  const code = '@group(0) @binding(0) var<storage, read_write> x : array<f32>;' +
    '@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i : u32) { x[i] = 2 * x[i]; }';
  let dawn;
  try {
    dawn = require(process.argv[1]);
  } catch (error) {
    answer({ loadError: String(error?.message ?? error) });
  }
  async function compute() {
    const { create, globals } = dawn;
    const { GPUBufferUsage: usage, GPUMapMode: mode } = globals;
    const gpu = create([]);
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return { adapter: null };
    const device = await adapter.requestDevice();
    const numbers = device.createBuffer({ size: 16, usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST });
    const copy = device.createBuffer({ size: 16, usage: usage.MAP_READ | usage.COPY_DST });
    device.queue.writeBuffer(numbers, 0, Float32Array.of(1, 2, 3, 4));
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
    });
    const entries = [{ binding: 0, resource: { buffer: numbers } }];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(numbers, 0, copy, 0, 16);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(mode.READ);
    const doubled = Array.from(new Float32Array(copy.getMappedRange()));
    return { adapter: Object.fromEntries(names.map((name) => [name, adapter.info[name]])), doubled };
  }
  if (dawn) compute().then(answer, (error) => answer({ error: String(error?.message ?? error) }));
`;

/**
 * Probes Dawn in a child process, so a driver crash ends only that process.
 *
 * @throws the signal's reason if aborted
 */
export async function probeDawn(path: string, signal?: AbortSignal): Promise<DawnProbe> {
  const child = await askInChild(SCRIPT, path, signal);
  if (!child.ok) {
    const isOfProcessor = child.end === 'instructions';
    const remedy = isOfProcessor
      ? l10n.t('Choose another engine, or auto.')
      : l10n.t("Update the GPU's driver.");
    return broken(child.reason, remedy);
  }
  const answer = answerSchema.safeParse(child.answer);
  if (!answer.success) return broken(l10n.t('It did not compute.'), null);
  if ('loadError' in answer.data) {
    const { what, remedy } = explainDawnLoadError(answer.data.loadError, await binarySystemOf(path));
    return broken(what, remedy);
  }
  if ('error' in answer.data) {
    const { what, remedy } = explainDawnError(answer.data.error);
    return broken(what, remedy);
  }
  if (answer.data.adapter === null) return { outcome: 'none', ...explainNoAdapter(child.stderr) };
  const { adapter, doubled } = answer.data;
  if (doubled.join() !== '2,4,6,8')
    return broken(l10n.t('It computed wrong results.'), l10n.t("Update the GPU's driver."));
  return { outcome: 'computed', adapter };
}

/**
 * Explains why Dawn did not load, from the dynamic linker's message, and how to fix it.
 *
 * @param binary the target of Dawn's file, if known
 */
export function explainDawnLoadError(
  message: string,
  binary: BinarySystem | null = null,
  system: System = thisSystem(),
): Failure {
  const otherPackage = l10n.t('Install the Bag of Tricks package for this system.');
  if (binary && isOfOther(binary, system))
    return { what: builtForOther('Dawn', binary, system), remedy: otherPackage };
  const otherEngine = l10n.t('Choose another engine, or a newer system.');
  const lack = lackOf('Dawn', DAWN_NEEDS, system);
  if (lack !== null) return { what: lack, remedy: otherEngine };
  const fault = libraryFaultIn(message, system.platform);
  switch (fault.kind) {
    case 'old system':
      return {
        what: l10n.t('This system is too old for Dawn, which needs {0}.', fault.needed ?? newerThan(system)),
        remedy: otherEngine,
      };
    case 'no glibc':
      return {
        what: l10n.t('Dawn needs the GNU C library, but this system has a different one.'),
        remedy: otherEngine,
      };
    case 'missing runtime':
      return {
        what: l10n.t(
          'A library that Dawn needs is missing, such as the Visual C++ runtime on a new Windows.',
        ),
        remedy: l10n.t(
          'Install the "Microsoft Visual C++ Redistributable" for {0} from Microsoft.',
          system.arch,
        ),
      };
    case 'missing library':
      return {
        what: l10n.t('The library {0}, which Dawn needs, is missing.', fault.library),
        remedy: l10n.t('Install the system package that provides it, or choose another engine.'),
      };
    case 'missing symbol':
      return {
        what: l10n.t('Dawn did not load: a library of this system lacks {0}.', fault.symbol),
        remedy: otherEngine,
      };
    case 'blocked':
      return {
        what: l10n.t('macOS does not allow loading Dawn.'),
        remedy: l10n.t('Reinstall Bag of Tricks, or choose another engine.'),
      };
    case 'other system':
    case 'damaged':
      return {
        what: l10n.t("Dawn's file is damaged, or was built for another system."),
        remedy: otherPackage,
      };
    case 'other Node':
    case 'unknown':
      return {
        what: l10n.t('Dawn did not load: {0}', message.split(/\r?\n/, 1)[0] ?? ''),
        remedy: l10n.t('Choose another engine, or auto.'),
      };
    default:
      return assertNever(fault);
  }
}

function newerThan({ platform }: System): string {
  return platform === 'darwin' ? l10n.t('macOS {0}', DAWN_NEEDS.macos) : l10n.t('a newer one');
}

/** Explains why Dawn loaded but did not compute, from the message of Node or the device. */
export function explainDawnError(message: string): Failure {
  if (/external buffers are not allowed/i.test(message)) {
    return {
      what: l10n.t('The Node.js built into VS Code cannot read the results of a GPU.'),
      remedy: l10n.t(
        'Install Node.js 20 or later, or specify one in the setting {0}.',
        'bagOfTricks.nodePath',
      ),
    };
  }
  return {
    what: l10n.t('Dawn failed: {0}', message.split('\n')[0] ?? ''),
    remedy: l10n.t("Update the GPU's driver."),
  };
}

/** Explains why Dawn found no adapter, from its messages about Vulkan. */
export function explainNoAdapter(output: string): { reason: string; remedy: string | null } {
  const loader = /Couldn't load Vulkan: (\S+): cannot open/.exec(output)?.[1];
  if (loader) {
    return {
      reason: l10n.t('No GPU was found: the Vulkan loader {0} is missing.', loader),
      remedy: l10n.t(
        'If there is a GPU, install its driver and the Vulkan loader (on Debian, the package {0}).',
        'libvulkan1',
      ),
    };
  }
  if (/Found no drivers|VK_ERROR_INCOMPATIBLE_DRIVER/.test(output)) {
    return {
      reason: l10n.t('No GPU was found: Vulkan has no driver.'),
      remedy: l10n.t('If there is a GPU, install its Vulkan driver.'),
    };
  }
  return { reason: l10n.t('No GPU was found.'), remedy: null };
}

function broken(reason: string, remedy: string | null): DawnProbe {
  return { outcome: 'broken', reason, remedy };
}
