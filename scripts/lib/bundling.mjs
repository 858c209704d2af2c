// @ts-check
// What all bundles that Node runs have in common: those that ship, and those of tests, benchmarks and scripts.
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './processes.mjs';

/** @satisfies {import('esbuild').BuildOptions} */
export const nodeBundle = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // Its main file is UMD, whose own calls of require no bundler sees.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  logLevel: 'warning',
};

/**
 * The entry points of the programs that Node runs: the trainer, the workers that share its batches, those that prepare
 * its images and those that look at a data set's images, the program that indexes a data set, the one that asks a
 * trained run about images, the command line.
 */
export const programs = {
  trainer: 'src/training/trainer/main.ts',
  thread: 'src/training/parallel/worker.ts',
  imageWorker: 'src/training/data/pipeline/worker.ts',
  looker: 'src/datasets/index/lookerThread.ts',
  indexer: 'src/datasets/indexer/main.ts',
  predictor: 'src/training/predictor/main.ts',
  tricks: 'src/cli/main.ts',
};

/**
 * Copies the binaries of the engine wasm, which it loads from beside the bundle it is in.
 * @param {string} folder
 */
export async function copyWasmBinaries(folder) {
  const from = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.endsWith('.wasm')) await copyFile(join(from, name), join(folder, name));
  }
}
