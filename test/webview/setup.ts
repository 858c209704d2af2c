// Finds or installs the browser for the webview tests, once for all of them.
import type { TestProject } from 'vitest/node';
import { ensureBrowser } from '../../scripts/lib/browser.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the browser's executable. */
    browser: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('browser', await ensureBrowser());
}
