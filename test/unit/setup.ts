// Bundles the programs that ship, once for all tests that run them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { TestProject } from 'vitest/node';
import { copyWasmBinaries, nodeBundle, programs } from '../../scripts/lib/bundling.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder with the bundles. Tests run copies of them. */
    bundles: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-bundles-'));
  const banner = { js: '#!/usr/bin/env node' };
  await build({ ...nodeBundle, entryPoints: programs, banner, outdir: folder });
  await copyWasmBinaries(folder);
  project.provide('bundles', folder);
  return () => rm(folder, { recursive: true, force: true });
}
