// Finds or installs the browser that the webview tests drive, once for all of them.
import type { TestProject } from 'vitest/node';
import { ensureBrowser } from '../../scripts/lib/browser.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** The browser's program. */
    browser: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('browser', await ensureBrowser());
}
