import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compileAddon } from '../../../src/engines/install/compile';
import { installEngine } from '../../../src/engines/install/install';
import { ADDON_SOURCES } from '../../../src/engines/install/pins';
import { removeEngine } from '../../../src/engines/install/remove';
import { findInManaged } from '../../../src/engines/installations';
import type { InstallProgress } from '../../../src/protocol/install';
import type { Failure } from '../../../src/shared/failure';
import { UserError } from '../../../src/shared/userError';
import { deadMirror, mirror } from '../data/mirror';

/** `npm run verify` shows that an installed engine computes: it tests with the engine that it installed. */
describe('an installation from the wheel that fails', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engines-'));
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const install = (url: string, options: Parameters<typeof installEngine>[1] = {}) =>
    installEngine('tensorflow', { folder, from: 'wheel', indexes: { python: url, npm: url }, ...options });

  it('because a server is missing leaves nothing, and says what to check', async () => {
    const error = await failure(install(await deadMirror()));
    expect(error.what).toMatch(/^tfjs-node-4\.22\.0\.tgz could not be downloaded from .*: .*ECONNREFUSED/);
    expect(error.remedy).toContain('npm_config_registry');
    expect(await readdir(folder)).toEqual([]);
  });

  it('because a file is not the pinned one leaves nothing', async () => {
    const { url, requests } = await mirror((response) => response.end('another'));
    const error = await failure(install(url));
    expect(error.what).toBe(
      `${url}@tensorflow/tfjs-node/-/tfjs-node-4.22.0.tgz is not the expected file: its checksum differs.`,
    );
    expect(requests).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('because there are more bytes than the file has ends at once', async () => {
    const { url } = await mirror((response) => response.end(Buffer.alloc(ADDON_SOURCES.bytes + 1)));
    expect((await failure(install(url))).what).toContain(`more than ${ADDON_SOURCES.bytes} bytes`);
  });

  it('because of a 404 says so', async () => {
    const { url } = await mirror((response) => response.writeHead(404).end());
    expect((await failure(install(url))).what).toContain('404 Not Found');
  });

  it('because the person stops it rejects with their reason and leaves nothing', async () => {
    const { url } = await mirror((response) => {
      response.writeHead(200, { 'content-length': ADDON_SOURCES.bytes });
      response.write('some');
    });
    const stop = new AbortController();
    const reason = new Error('enough');
    const seen: InstallProgress[] = [];
    const onProgress = (progress: InstallProgress) => {
      seen.push(progress);
      stop.abort(reason);
    };
    await expect(install(url, { signal: stop.signal, onProgress })).rejects.toBe(reason);
    expect(seen).toEqual([
      { stage: 'download', file: ADDON_SOURCES.file, receivedBytes: 4, totalBytes: ADDON_SOURCES.bytes },
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps the previous installation', async () => {
    await mkdir(join(folder, 'tensorflow'));
    await writeFile(join(folder, 'tensorflow', 'engine.json'), 'before');
    await failure(install(await deadMirror()));
    expect(await readdir(folder)).toEqual(['tensorflow']);
    expect(await readFile(join(folder, 'tensorflow', 'engine.json'), 'utf8')).toBe('before');
  });

  it('removes what an older installer left a day ago, but not what may still be in use', async () => {
    const dayOld = new Date(Date.now() - 25 * 3_600_000);
    for (const name of ['.tensorflow-99999999', '.tensorflow-1']) await mkdir(join(folder, name));
    await utimes(join(folder, '.tensorflow-99999999'), dayOld, dayOld);
    await failure(install(await deadMirror()));
    expect(await readdir(folder)).toEqual(['.tensorflow-1']);
  });

  it('keeps the previous one even if an installer was killed during the swap', async () => {
    const before = join(folder, '.tensorflow.before');
    await mkdir(before);
    await writeFile(join(before, 'engine.json'), 'before');
    expect(findInManaged('tensorflow', folder)?.folder).toBe(before);
    await failure(install(await deadMirror()));
    expect(await readdir(folder)).toEqual(['tensorflow']);
    expect(await readFile(join(folder, 'tensorflow', 'engine.json'), 'utf8')).toBe('before');

    // After a kill a moment later, both are there.
    await mkdir(before);
    await writeFile(join(before, 'engine.json'), 'older');
    expect(findInManaged('tensorflow', folder)?.folder).toBe(join(folder, 'tensorflow'));
    await failure(install(await deadMirror()));
    expect(await readdir(folder)).toEqual(['tensorflow']);
    expect(await readFile(join(folder, 'tensorflow', 'engine.json'), 'utf8')).toBe('before');
  });

  it('because others can change the folder is refused before any download', async () => {
    await chmod(folder, 0o777);
    const { url, requests } = await mirror((response) => response.end());
    expect((await failure(install(url))).what).toContain(`Every user of this machine can change ${folder}.`);
    expect(requests).toEqual([]);
  });

  it('without a compiler says which were tried, before any download', async () => {
    vi.stubEnv('CXX', '/nowhere/c++');
    const { url, requests } = await mirror((response) => response.end());
    const error = await failure(install(url));
    expect(error.what).toBe('There is no C++ compiler: /nowhere/c++ did not start.');
    expect(error.remedy).toBe(
      'Install one, such as g++ (apt install g++, or dnf install gcc-c++), then try again.',
    );
    expect(requests).toEqual([]);
  });

  it('because sources do not compile gives the first error', async () => {
    const source = join(folder, 'broken.cc');
    await writeFile(source, 'int main( { }');
    const error = await failure(compileAddon(compilation([source]), new AbortController().signal));
    expect(error.what).toMatch(/could not compile the addon: .*broken\.cc:1:\d+: error:/);
  });

  function compilation(sources: string[]) {
    const output = join(folder, 'out.node');
    return { sources, includeFolders: [], librariesFolder: folder, libraries: [], output };
  }
});

it('removing an engine deletes its folder, and reports whether there was one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'engines-'));
  await mkdir(join(folder, 'tensorflow'));
  expect(await removeEngine('tensorflow', folder)).toBe(true);
  expect(await readdir(folder)).toEqual([]);
  expect(await removeEngine('tensorflow', folder)).toBe(false);
  await rm(folder, { recursive: true });
});

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).failure;
}
