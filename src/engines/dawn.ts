import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';

/** The library's file, and its folder next to a bundle. */
const LIBRARY = 'dawn.node';
const FOLDER = 'dawn';

/** Dawn's module: the WebGPU entry point, and the classes and constants that are globals in a browser. */
export interface Dawn {
  readonly create: (options: readonly string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/**
 * If this environment variable is set, an experiment that names the webgpu engine may compute on a software adapter.
 */
export const SOFTWARE_GPU = 'BAG_OF_TRICKS_SOFTWARE_GPU';

/** WebGPU's adapter information. */
export const adapterSchema = z.object({
  vendor: z.string(),
  architecture: z.string(),
  device: z.string(),
  description: z.string(),
  isFallbackAdapter: z.boolean(),
});
export type Adapter = z.infer<typeof adapterSchema>;

/** Vulkan and Direct3D adapters that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render driver|\bwarp\b|software/i;

/** Whether an adapter is software on the CPU instead of a GPU, by any of its fields. */
export function isSoftware({ isFallbackAdapter, architecture, device, description }: Adapter): boolean {
  return isFallbackAdapter || SOFTWARE.test([architecture, device, description].join(' '));
}

/** Returns an adapter's display name, such as `NVIDIA H100` or `SwiftShader driver 5.0.0`. */
export function adapterName({ description, device, vendor, architecture }: Adapter): string {
  return (
    description || device || [vendor, architecture].filter(Boolean).join(' ') || l10n.t('an unnamed adapter')
  );
}

/**
 * Returns the path of Dawn, which implements WebGPU outside of browsers: in the platform-specific package, or in the
 * project's own node_modules if the sources run unbundled. Does not search the folders above the product, because that
 * could run code that another user put there. Null if there is none for this system.
 */
export function findDawn(folder = __dirname): string | null {
  const { platform, arch } = process;
  const system = `${platform}-${platform === 'darwin' ? 'universal' : arch}`;
  const inPackage = join('node_modules/webgpu/dist', system, LIBRARY);
  const root = join(folder, basename(folder) === 'dist' ? '..' : '../..');
  return [join(folder, FOLDER, LIBRARY), join(root, inPackage)].find((path) => existsSync(path)) ?? null;
}

/** Explains why the webgpu engine is unavailable without the library, as a sentence. */
export function dawnMissing(): string {
  return l10n.t('Dawn is not available for {0} on {1}.', process.platform, process.arch);
}

/** Explains why an adapter is rejected, as a sentence. */
export function onlySoftware(adapter: Adapter): string {
  return l10n.t('There is no GPU, only the software adapter {0}.', adapterName(adapter));
}
