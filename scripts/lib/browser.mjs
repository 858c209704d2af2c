// @ts-check
// The Chromium that the tests drive.
import { installDebianPackage } from './debian.mjs';
import { isProgram, which } from './processes.mjs';

/** On PATH, in the order of preference: the headless shell starts twice as fast as the whole browser. */
const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * The browser that BAG_OF_TRICKS_BROWSER names, else the first Chromium that is installed.
 * @returns {Promise<string | undefined>} the program's path, where there is one
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
 * As `findBrowser`; where there is none, and this is Debian's root, the headless shell is installed.
 * @returns {Promise<string>} the program's path
 * @throws where none is found and none could be installed
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
