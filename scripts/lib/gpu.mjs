// @ts-check
// The adapter that the tests of the engine webgpu compute on.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Chromium, with its software renderer, has its libraries: Debian's folder first. */
const chromiumFolders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/**
 * The environment that has Dawn compute on SwiftShader; empty where there is none, or the tests are told of a GPU.
 * @returns {Readonly<Record<string, string>>}
 */
export function softwareGpuEnvironment() {
  if (process.env.BAG_OF_TRICKS_TEST_GPU === 'hardware') return {};
  const folder = chromiumFolders.find((each) => existsSync(join(each, 'vk_swiftshader_icd.json')));
  if (!folder) return {};
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    // Vulkan's loader is there too.
    LD_LIBRARY_PATH: libraries,
    BAG_OF_TRICKS_SOFTWARE_GPU: '1',
  };
}
