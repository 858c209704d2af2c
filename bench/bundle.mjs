// @ts-check
// Bundles benchmarks into dist/bench, where Node runs them; each is named by its path from here, without its ending:
//
//     node bench/bundle.mjs lenses && node dist/bench/lenses.js
import { basename } from 'node:path';
import esbuild from 'esbuild';
import { nodeBundle, programs } from '../scripts/lib/bundling.mjs';

await esbuild.build({
  ...nodeBundle,
  entryPoints: {
    ...Object.fromEntries(
      process.argv.slice(2).map((name) => [`bench/${basename(name)}`, `bench/${name}.ts`]),
    ),
    // The worker that pipeline.ts starts.
    'bench/imageWorker': programs.imageWorker,
  },
  outdir: 'dist',
});
