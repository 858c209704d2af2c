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
  // Its main file is UMD, and bundlers do not see its require calls.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  logLevel: 'warning',
};

/**
 * The entry points of the programs that Node runs: the trainer, the command trainer, the workers that share the
 * trainer's batches, the workers that prepare its images, the workers that inspect the images of a data set, the data set indexer, the predictor that
 * applies a trained run to images, and the command line.
 */
export const programs = {
  trainer: 'src/training/trainer/main.ts',
  commandTrainer: 'src/commandTrainer/main.ts',
  thread: 'src/training/parallel/worker.ts',
  imageWorker: 'src/training/data/pipeline/worker.ts',
  looker: 'src/datasets/index/lookerThread.ts',
  indexer: 'src/datasets/indexer/main.ts',
  predictor: 'src/training/predictor/main.ts',
  tricks: 'src/cli/main.ts',
};

/**
 * Copies the binaries of the wasm engine, which loads them from the folder of its bundle.
 * @param {string} folder
 */
export async function copyWasmBinaries(folder) {
  const from = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.endsWith('.wasm')) await copyFile(join(from, name), join(folder, name));
  }
}
