import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../../scripts/lib/processes.mjs';

const BUNDLE = 'bundle.l10n.json';

test('the bundle in l10n/ has the texts of the sources: `npm run l10n` writes it anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-l10n-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  // As the script does, but for where it writes.
  const [command, ...args] = scripts.l10n.replace('--outDir l10n', `--outDir ${folder}`).split(' ');
  expect(args).toContain(folder);
  await promisify(execFile)(join(root, 'node_modules/.bin', command), args, {
    cwd: root,
    shell: process.platform === 'win32',
  });
  const texts = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  // The order is that in which the system lists the sources.
  expect(await texts(join(root, 'l10n', BUNDLE)), 'l10n/ is stale: run `npm run l10n`').toEqual(
    await texts(join(folder, BUNDLE)),
  );
});
