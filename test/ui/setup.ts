// Packs the extension and installs it for every UI test. Wants dist/ to be there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureBrowser } from '../../scripts/lib/browser.mjs';
import { ensureCodeServer, type Installation, installExtension } from '../../scripts/lib/codeServer.mjs';
import { packExtension } from '../../scripts/lib/project.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** What a workbench is started from. */
    workbench: {
      readonly installation: Installation;
      /** The browser's program. */
      readonly browser: string;
      /** A folder of extensions that holds ours. */
      readonly extensionsDir: string;
    };
  }
}

/** @returns what takes the setup away again */
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
