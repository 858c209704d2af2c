// @ts-check
// Bundles an attack of this folder, with the programs that it attacks, into dist/attack, and runs it:
//
//     node test/attack/run.mjs crashMatrix wasm float32
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { copyWasmBinaries, nodeBundle, programs } from '../../scripts/lib/bundling.mjs';
import { enginesEnvironment } from '../../scripts/lib/engines.mjs';
import { root } from '../../scripts/lib/processes.mjs';
import { linkSharp } from '../../scripts/lib/sharp.mjs';

const [name = '', ...args] = process.argv.slice(2);
const outdir = join(root, 'dist/attack');
const { trainer, thread, imageWorker } = programs;
await rm(outdir, { recursive: true, force: true });
await esbuild.build({
  ...nodeBundle,
  entryPoints: { [name]: `test/attack/${name}.ts`, trainer, thread, imageWorker },
  outdir,
});
await copyWasmBinaries(outdir);
await linkSharp(outdir);
const { status } = spawnSync(process.execPath, [join(outdir, `${name}.js`), ...args], {
  stdio: 'inherit',
  env: { ...process.env, ...enginesEnvironment },
});
process.exit(status ?? 1);
