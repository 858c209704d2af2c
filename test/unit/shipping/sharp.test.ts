import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeBundle } from '../../../scripts/lib/bundling.mjs';
import { thisSystem } from '../../../scripts/lib/project.mjs';
import { copySharp, linkSharp } from '../../../scripts/lib/sharp.mjs';

const image = fileURLToPath(new URL('../../fixtures/images/rgb-420.jpg', import.meta.url));

/** Decodes an image in two threads at once. Prints the size that each found and the sharp that each used. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import { isMainThread, parentPort, Worker } from 'node:worker_threads';
  import { decodeImage } from './src/datasets/decode';

  const decode = async () => {
    const { width, height } = await decodeImage({ kind: 'encoded', bytes: readFileSync(process.argv[2]) }, 3);
    const sharp = Object.keys(createRequire(__filename).cache).filter((path) => path.includes('sharp.cjs'));
    return { size: [width, height], sharp };
  };
  const inThread = () =>
    new Promise((resolve, reject) =>
      new Worker(__filename, { argv: [process.argv[2]] }).once('message', resolve).once('error', reject),
    );
  if (isMainThread) {
    Promise.all([decode(), inThread(), inThread()]).then(
      (answers) => console.log(JSON.stringify(answers)),
      (error) => console.log(JSON.stringify({ error: error.message })),
    );
  } else decode().then((answer) => parentPort.postMessage(answer));
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ships-sharp-'));
  await build({
    ...nodeBundle,
    stdin: { contents: PROGRAM, resolveDir: nodeBundle.absWorkingDir, loader: 'ts' },
    outfile: join(folder, 'program.js'),
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(): Promise<unknown> {
  const program = join(folder, 'program.js');
  const { stdout } = await promisify(execFile)(process.execPath, [program, image], { cwd: folder });
  return JSON.parse(stdout);
}

test('a bundle decodes images in any of its threads with only the sharp next to it', async () => {
  await copySharp(join(folder, 'sharp'), thisSystem);
  const path = join(folder, 'sharp/node_modules/sharp/dist/sharp.cjs');
  expect(await run()).toEqual(Array(3).fill({ size: [21, 14], sharp: [path] }));
  const packages = join(folder, 'sharp/node_modules');
  expect(await readdir(join(packages, 'sharp'))).toContain('LICENSE');
  // The components of libvips and their licenses.
  const libvips = (await readdir(join(packages, '@img'))).filter((name) => name.includes('libvips'));
  for (const name of libvips) expect(await readdir(join(packages, '@img', name))).toContain('README.md');
});

test('a bundle of the tests finds the sharp of the project', async () => {
  await rm(join(folder, 'sharp'), { recursive: true, force: true });
  await linkSharp(folder);
  const path = join(nodeBundle.absWorkingDir, 'node_modules/sharp/dist/sharp.cjs');
  expect(await run()).toEqual(Array(3).fill({ size: [21, 14], sharp: [path] }));
});

test('a package for another system has none, and says so', async () => {
  await copySharp(join(folder, 'sharp'), 'plan9-mips');
  expect(await run()).toEqual({
    error: expect.stringMatching(
      /^Images cannot be read on this machine: .*Install the Bag of Tricks package for this system\.$/,
    ),
  });
});
