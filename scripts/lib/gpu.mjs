// @ts-check
// The adapter that the tests of the engine webgpu compute on.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The library folders of Chromium, which include its software renderer. Debian's folder comes first. */
const chromiumFolders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/**
 * Returns the environment that makes Dawn use SwiftShader, empty if SwiftShader is missing or the tests are configured
 * for a GPU.
 * @returns {Readonly<Record<string, string>>}
 */
export function softwareGpuEnvironment() {
  if (process.env.BAG_OF_TRICKS_TEST_GPU === 'hardware') return {};
  const folder = chromiumFolders.find((each) => existsSync(join(each, 'vk_swiftshader_icd.json')));
  if (!folder) return {};
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    // The Vulkan loader is in the same folder.
    LD_LIBRARY_PATH: libraries,
    BAG_OF_TRICKS_SOFTWARE_GPU: '1',
  };
}
