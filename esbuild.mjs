// Builds the three bundles into dist/: the extension host, the trainer with its threads and the command line, and the
// webview. `--watch` rebuilds on change and prints the lines that the problem matcher in .vscode/tasks.json reads.
// `--production` minifies. `--system=win32-arm64` builds for that system instead of this one.
import { existsSync } from 'node:fs';
import { copyFile, cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { copyWasmBinaries, nodeBundle, programs } from './scripts/lib/bundling.mjs';
import { root } from './scripts/lib/processes.mjs';
import { copySharp } from './scripts/lib/sharp.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const system =
  process.argv.find((argument) => argument.startsWith('--system='))?.slice('--system='.length) ??
  `${process.platform}-${process.arch}`;

/** Prints the lines that VS Code's `$esbuild-watch` problem matcher understands. */
const problemMatcher = {
  name: 'problem-matcher',
  setup(build) {
    build.onStart(() => {
      if (watch) console.log('[watch] build started');
    });
    build.onEnd((result) => {
      for (const { text, location } of result.errors) {
        console.error(`✘ [ERROR] ${text}`);
        if (location) console.error(`    ${location.file}:${location.line}:${location.column}:`);
      }
      if (watch) console.log('[watch] build finished');
    });
  },
};

/** The wasm engine loads its binaries from the folder of the trainer's bundle. */
const copyWasm = {
  name: 'copy-wasm',
  setup(build) {
    build.onEnd(() => copyWasmBinaries(join(root, 'dist')));
  },
};

/** The webgpu engine loads Dawn, which is system-specific, from the folder of the bundles. */
const copyDawn = {
  name: 'copy-dawn',
  setup(build) {
    build.onEnd(async () => {
      const to = join(root, 'dist/dawn');
      await rm(to, { recursive: true, force: true });
      const from = join(root, 'node_modules/webgpu/dist', system.replace(/^darwin-.*/, 'darwin-universal'));
      if (!existsSync(from)) return;
      await cp(from, to, { recursive: true });
      await copyFile(join(root, 'node_modules/webgpu/LICENSE.md'), join(to, 'LICENSE.md'));
    });
  },
};

/** The trainer and the command line load sharp, which is system-specific, from the folder of the bundles. */
const copyImageLibrary = {
  name: 'copy-sharp',
  setup(build) {
    build.onEnd(() => copySharp(join(root, 'dist/sharp'), system));
  },
};

const common = {
  sourcemap: true,
  minify: production,
  logLevel: watch ? 'silent' : 'warning',
  plugins: [problemMatcher],
};

const node = { ...nodeBundle, ...common, outdir: 'dist' };

/**
 * The bundles that ship.
 * @type {import('esbuild').BuildOptions[]}
 */
export const bundles = [
  {
    ...node,
    entryPoints: { extension: 'src/extension.ts' },
    external: ['vscode'],
    // VS Code warns about extensions that read `navigator`, as zod does to detect Cloudflare Workers.
    define: { navigator: 'undefined' },
  },
  {
    ...node,
    entryPoints: programs,
    banner: { js: '#!/usr/bin/env node' },
    plugins: [...common.plugins, copyWasm, copyDawn, copyImageLibrary],
  },
  {
    ...common,
    absWorkingDir: root,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    entryPoints: { dashboard: 'webview/dashboard.ts', study: 'webview/study/study.ts' },
    outdir: 'dist/webview',
    loader: { '.ttf': 'dataurl' },
  },
];

if (process.argv[1] !== fileURLToPath(import.meta.url)) {
  // Imported only for the list.
} else if (watch) {
  const contexts = await Promise.all(bundles.map((bundle) => esbuild.context(bundle)));
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  await Promise.all(bundles.map((bundle) => esbuild.build(bundle)));
}
