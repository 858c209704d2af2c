import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { bundles } from '../../../esbuild.mjs';

/**
 * Loads the bundle with a `navigator` that throws when read, and with a fake VS Code API in which everything can be
 * called and extended.
 */
const LOADER = `
  const Module = require('node:module');
  const part = new Proxy(function () {}, { apply: () => part, get: (target, key) => (key in target ? target[key] : part) });
  // A bundle copies a module's own properties, and inherits the others.
  const vscode = Object.create(new Proxy({}, { get: () => part }));
  const load = Module._load;
  Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    get: () => { throw new Error('navigator was read'); },
  });
  const { activate } = require(process.argv[1]);
  process.stdout.write(typeof activate);
`;

test('the extension loads without reading navigator, of which VS Code warns', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-host-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const host = bundles.find(({ external }) => external?.includes('vscode'));
  await build({ ...host, plugins: [], outdir: folder, sourcemap: false });
  const loaded = await promisify(execFile)(process.execPath, ['-e', LOADER, join(folder, 'extension.js')]);
  expect(loaded).toEqual({ stdout: 'function', stderr: '' });
});
