import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { bundles } from '../../../esbuild.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly dependencies?: object }>>;
}

/** Packages next to the bundles: their libraries are copied and loaded at run time. */
const COPIED = ['sharp', 'webgpu'];

/** Returns the bundled packages by their folders from the root, such as node_modules/zod. */
async function bundledPackages(): Promise<Set<string>> {
  const builds = await Promise.all(
    bundles.map((bundle) => build({ ...bundle, plugins: [], write: false, metafile: true })),
  );
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {}));
  return new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
}

test('what ships is the dependencies of the package, so that an audit covers it', async () => {
  const bundled = await bundledPackages();
  expect(bundled.size).toBeGreaterThan(20);
  const lockfile: Lockfile = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const development = [...bundled].filter((folder) => lockfile.packages[folder]?.dev !== undefined);
  expect(development).toEqual([]);
  const unknown = [...bundled].filter((folder) => !lockfile.packages[folder]);
  expect(unknown).toEqual([]);
  const named = Object.keys(lockfile.packages['']?.dependencies ?? {});
  expect(named.filter((name) => !bundled.has(`node_modules/${name}`))).toEqual(COPIED);
});
