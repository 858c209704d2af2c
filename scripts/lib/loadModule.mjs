// @ts-check
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from './bundling.mjs';

/**
 * Returns the exports of a TypeScript module of the project, for scripts that generate files from it.
 * @param {string} path from the project's root
 */
export async function loadModule(path) {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-'));
  try {
    const bundle = join(folder, 'module.cjs');
    await build({ ...nodeBundle, entryPoints: [path], outfile: bundle });
    return createRequire(import.meta.url)(bundle);
  } finally {
    await rm(folder, { recursive: true });
  }
}
