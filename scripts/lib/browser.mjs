// @ts-check
// The Chromium that the tests drive.
import { installDebianPackage } from './debian.mjs';
import { isProgram, which } from './processes.mjs';

/**
 * Names to look for on PATH, in order of preference. The headless shell starts faster than the full browser. See
 * docs/performance.md.
 */
const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * Returns the browser that BAG_OF_TRICKS_BROWSER names, else the first installed Chromium.
 * @returns {Promise<string | undefined>} the program's path, if there is one
 */
export async function findBrowser() {
  if (process.env.BAG_OF_TRICKS_BROWSER) return process.env.BAG_OF_TRICKS_BROWSER;
  for (const name of names) {
    const path = await which(name);
    if (path) return path;
  }
  return (await isProgram(macChrome)) ? macChrome : undefined;
}

/**
 * Works like `findBrowser`, but installs the headless shell if no browser is found and this is root on Debian.
 * @returns {Promise<string>} the program's path
 * @throws if no browser is found and none could be installed
 */
export async function ensureBrowser() {
  const found = await findBrowser();
  if (found) return found;
  if (await installDebianPackage('chromium-headless-shell')) {
    const installed = await findBrowser();
    if (installed) return installed;
  }
  throw new Error(
    'The tests need Chromium and found none. Install chromium or Google Chrome, ' +
      'or name one by its path in the environment variable BAG_OF_TRICKS_BROWSER.',
  );
}
