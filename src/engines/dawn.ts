import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';

/** The library's file, and the folder that has it beside a bundle. */
const LIBRARY = 'dawn.node';
const FOLDER = 'dawn';

/** Dawn's module: WebGPU's entry, and the classes and constants that a browser has as globals. */
export interface Dawn {
  readonly create: (options: readonly string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Set in the environment, lets an experiment that names the engine webgpu compute on a software adapter. */
export const SOFTWARE_GPU = 'BAG_OF_TRICKS_SOFTWARE_GPU';

/** What WebGPU tells of an adapter. */
export const adapterSchema = z.object({
  vendor: z.string(),
  architecture: z.string(),
  device: z.string(),
  description: z.string(),
  isFallbackAdapter: z.boolean(),
});
export type Adapter = z.infer<typeof adapterSchema>;

/** Vulkan's and Direct3D's adapters that compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render driver|\bwarp\b|software/i;

/** Whether an adapter is no GPU but a program on the processor, whichever way it says so. */
export function isSoftware({ isFallbackAdapter, architecture, device, description }: Adapter): boolean {
  return isFallbackAdapter || SOFTWARE.test([architecture, device, description].join(' '));
}

/** An adapter's name for people, such as `NVIDIA H100` or `SwiftShader driver 5.0.0`. */
export function adapterName({ description, device, vendor, architecture }: Adapter): string {
  return (
    description ||
    device ||
    [vendor, architecture].filter(Boolean).join(' ') ||
    l10n.t('an adapter without a name')
  );
}

/**
 * Dawn, which computes WebGPU outside of browsers: in the package for the system that it was made for, or in the
 * project's own node_modules when the sources run unbundled. Folders above the product are not looked at: what another
 * user has put there would run. Null where there is none for this system.
 */
export function findDawn(folder = __dirname): string | null {
  const { platform, arch } = process;
  const system = `${platform}-${platform === 'darwin' ? 'universal' : arch}`;
  const inPackage = join('node_modules/webgpu/dist', system, LIBRARY);
  const root = join(folder, basename(folder) === 'dist' ? '..' : '../..');
  return [join(folder, FOLDER, LIBRARY), join(root, inPackage)].find((path) => existsSync(path)) ?? null;
}

/** Why there is no engine webgpu without the library; a sentence. */
export function dawnMissing(): string {
  return l10n.t('Dawn is not made for {0} on {1}.', process.platform, process.arch);
}

/** Why an adapter is not taken; a sentence. */
export function onlySoftware(adapter: Adapter): string {
  return l10n.t('There is no GPU, only {0}, which is software.', adapterName(adapter));
}
