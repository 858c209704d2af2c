// Packs the extension and installs it for every UI test. Needs dist/.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureBrowser } from '../../scripts/lib/browser.mjs';
import { ensureCodeServer, type Installation, installExtension } from '../../scripts/lib/codeServer.mjs';
import { packExtension } from '../../scripts/lib/project.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** The parts that a workbench is started from. */
    workbench: {
      readonly installation: Installation;
      /** Path of the browser's executable. */
      readonly browser: string;
      /** An extensions folder that contains ours. */
      readonly extensionsDir: string;
    };
  }
}

/** @returns a function that undoes the setup */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const installation = await ensureCodeServer();
  const browser = await ensureBrowser();
  const temporary = await mkdtemp(join(tmpdir(), 'bag-of-tricks-ui-'));
  const takeDown = () => rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  try {
    const extensionsDir = join(temporary, 'extensions');
    const vsix = await packExtension(temporary);
    await installExtension(installation, { vsix, extensionsDir, userDataDir: join(temporary, 'user-data') });
    project.provide('workbench', { installation, browser, extensionsDir });
  } catch (error) {
    await takeDown();
    throw error;
  }
  return takeDown;
}
