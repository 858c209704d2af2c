import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { engineStates } from '../../../src/engines/choice';
import { diagnose } from '../../../src/engines/doctor';
import { installEngine } from '../../../src/engines/install/install';
import type { InstallMethod } from '../../../src/engines/install/method';
import { type Prebuilt, prebuiltFor, type Wheel, wheelFor } from '../../../src/engines/install/pins';
import { prebuiltMethod } from '../../../src/engines/install/prebuilt';
import { wheelMethod } from '../../../src/engines/install/wheel';
import { ADDON, findInManaged, findInstallations, RECORD } from '../../../src/engines/installations';
import { tryOut } from '../../../src/engines/trial';
import type { InstallProgress } from '../../../src/protocol/install';
import { UserError } from '../../../src/shared/userError';
import { deadMirror, type Mirror, mirror } from '../data/mirror';
import { layEngine } from './layEngine';

const [installed] = findInstallations('tensorflow');
const pinned = prebuiltFor('tensorflow', 'linux', 'x64') as Prebuilt;
const wheel = wheelFor('tensorflow', 'linux', 'x64') as Wheel;
const [addonPath, libraryPath] = [pinned.addon.path, pinned.library.path];

/**
 * A file server on the loopback address with archives laid out like the real ones. Their library and addon are empty
 * shells linked to the installed engine's, which do the work.
 */
describe.runIf(installed?.addonPath && process.platform === 'linux')('a prebuilt addon', () => {
  const whole = dirname(installed?.addonPath ?? '');
  let folder: string;
  let archives: Record<string, Buffer>;
  let prebuilt: Prebuilt;
  const managed = () => join(folder, 'engines');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prebuilt-'));
    archives = { [addonPath]: addonArchive('int addon;'), [libraryPath]: libraryArchive() };
    const hex = createHash('sha256').update(archive(libraryPath)).digest('hex');
    prebuilt = { ...pinned, library: { ...pinned.library, hash: { algorithm: 'sha256', hex } } };
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('is fetched, checked, put in its place in the package, and computes', async () => {
    const { url, requests } = await storage();
    const seen: InstallProgress[] = [];
    const place = await install(url, { onProgress: (progress) => seen.push(progress) });
    expect(requests).toEqual([`/${addonPath}`, `/${libraryPath}`]);
    expect(readdirSync(join(place, 'deps/lib')).sort()).toEqual([
      'libtensorflow.so.2',
      'libtensorflow.so.2.9.1',
    ]);
    const found = findInManaged('tensorflow', managed());
    expect(found).toMatchObject({
      addonPath: join(place, 'lib/napi-v8', ADDON),
      versions: { tensorflow: '2.9.1', 'tfjs-node': '4.22.0' },
    });
    expect(await tryOut(found as NonNullable<typeof found>)).toMatchObject({ outcome: 'works' });
    const stages = seen.map(({ stage }) => stage);
    expect(stages.filter((stage, index) => stage !== stages[index - 1])).toEqual([
      'download',
      'unpack',
      'download',
      'unpack',
      'check',
    ]);
    expect(seen).toContainEqual({
      stage: 'download',
      file: basename(libraryPath),
      receivedBytes: archive(libraryPath).length,
      totalBytes: archive(libraryPath).length,
    });
  });

  it('is reported by the doctor if there is a newer one', async () => {
    const { url } = await storage();
    await install(url);
    // The answer of a library of that version.
    const memory = join(folder, 'probes.json');
    const states = () => engineStates({ workspace: '/', managed: managed() });
    vi.stubEnv('BAG_OF_TRICKS_ENGINES', folder);
    await states();
    writeFileSync(
      memory,
      readFileSync(memory, 'utf8').replace(/"tensorflow": "[\d.]+"/, '"tensorflow": "2.9.1"'),
    );
    expect((await states()).find(({ name }) => name === 'tensorflow')).toMatchObject({
      status: 'works',
      remedy:
        'Install TensorFlow 2.21.0 instead of 2.9.1 with "tricks engine install tensorflow --from wheel".',
    });
    expect((await diagnose({ workspace: '/', managed: managed() })).faster).toContain('--from wheel');
  });

  it('is not fetched again if it is there and computes', async () => {
    const { url, requests } = await storage();
    const place = await install(url);
    expect(await install(url)).toBe(place);
    expect(requests).toHaveLength(2);
  });

  it('is not used unless unverified files are allowed, and nothing is fetched', async () => {
    const { url, requests } = await storage();
    await expect(install(url, { allowUnverified: false })).rejects.toMatchObject({
      failure: {
        what: 'There is no published hash of CPU-linux-4.22.0.tar.gz, so its contents cannot be verified.',
        remedy: 'Install from the wheel, or allow it with "--allow-unverified".',
      },
    });
    vi.stubEnv('CXX', '/nowhere/c++');
    const withWheel = install(url, { allowUnverified: false }, [wheelMethod(wheel)]);
    await expect(withWheel).rejects.toMatchObject({
      failure: {
        what: expect.stringContaining('no C++ compiler'),
        remedy: expect.stringContaining('Use "--allow-unverified" to allow the prebuilt addon.'),
      },
    });
    expect(requests).toEqual([]);
  });

  it('is reported as unverified by the doctor, also one that was recorded before', async () => {
    const { url } = await storage();
    const place = await install(url);
    const said = async () => {
      const states = await engineStates({ workspace: '/', managed: managed() });
      return states.find(({ name }) => name === 'tensorflow')?.detail;
    };
    const sentence =
      'There is no published hash of CPU-linux-4.22.0.tar.gz, so its contents were not verified.';
    expect(await said()).toContain(sentence);
    const { unverified, ...record } = JSON.parse(readFileSync(join(place, RECORD), 'utf8'));
    expect(unverified).toEqual(['CPU-linux-4.22.0.tar.gz']);
    writeFileSync(join(place, RECORD), JSON.stringify(record));
    expect(await said()).toContain(sentence);
  });

  it('can be interrupted anywhere, with the reason, and keeps the previous installation', async () => {
    const { url } = await storage();
    const place = await install(url);
    const before = readFileSync(join(place, RECORD), 'utf8');
    for (let at = 0; ; at++) {
      const stop = new AbortController();
      const reason = new Error('enough');
      let events = 0;
      const onProgress = () => {
        if (events++ === at) stop.abort(reason);
      };
      const installing = install(url, { again: true, signal: stop.signal, onProgress });
      if (at > 0 && (await hasNoEventAt(at, installing, () => events))) break;
      await expect(installing, `at event ${at}`).rejects.toBe(reason);
      expect(readdirSync(managed())).toEqual(['tensorflow']);
      expect(readFileSync(join(place, RECORD), 'utf8')).toBe(before);
    }
    expect(readFileSync(join(place, RECORD), 'utf8')).not.toBe(before);
  });

  /** Whether an installation ran to its end. */
  async function hasNoEventAt(
    at: number,
    installing: Promise<unknown>,
    events: () => number,
  ): Promise<boolean> {
    await installing.catch(() => {});
    return events() <= at;
  }

  it('is replaced by the wheel if the storage cannot be reached, with the reason', async () => {
    expect(await gaveWay(await deadMirror())).toMatch(
      /^CPU-linux-4\.22\.0\.tar\.gz could not be .*ECONNREFUSED/,
    );
  });

  it('is replaced by the wheel if the storage has no addon of this version', async () => {
    const { url } = await mirror((response) => response.writeHead(404).end());
    expect(await gaveWay(url)).toContain('404 Not Found');
  });

  it('is replaced by the wheel if it differs from that of the storage', async () => {
    const { url } = await storage({ sent: { [addonPath]: archive(addonPath).subarray(1) } });
    expect(await gaveWay(url)).toBe(`${url}${addonPath} is not the expected file: its checksum differs.`);
  });

  it('is replaced by the wheel if a mirror gives no checksum of it', async () => {
    const { url } = await storage({ tellsHashes: false });
    expect(await gaveWay(url)).toContain('The server does not provide its checksum.');
  });

  it('is replaced by the wheel if the library differs from the pinned one, whatever the storage says', async () => {
    archives[libraryPath] = Buffer.from('another');
    const { url } = await storage();
    expect(await gaveWay(url)).toBe(`${url}${libraryPath} is not the expected file: its checksum differs.`);
  });

  it('is replaced by the wheel if it does not compute', async () => {
    archives[addonPath] = addonArchive('__attribute__((constructor)) void end() { __builtin_trap(); }');
    const { url } = await storage();
    expect(await gaveWay(url)).toMatch(
      /^The downloaded engine does not work here: This processor lacks instructions/,
    );
  });

  it('is used alone if nothing can be compiled, and that is reported', async () => {
    vi.stubEnv('CXX', '/nowhere/c++');
    const { url } = await storage();
    const seen: InstallProgress[] = [];
    await install(url, { onProgress: (progress) => seen.push(progress) }, [wheelMethod(wheel)]);
    expect(findInManaged('tensorflow', managed())?.versions.tensorflow).toBe('2.9.1');
    expect(seen[0]).toEqual({
      stage: 'instead',
      source: 'prebuilt',
      why: 'There is no C++ compiler: /nowhere/c++ did not start.',
    });
  });

  it('does not replace a newer one that computes, even if that could not be compiled again', async () => {
    vi.stubEnv('CXX', '/nowhere/c++');
    mkdirSync(managed());
    symlinkSync(installed?.folder ?? '', join(managed(), 'tensorflow'));
    const { url, requests } = await storage();
    const onProgress = () => expect.unreachable();
    expect(await install(url, { onProgress }, [wheelMethod(wheel)])).toBe(join(managed(), 'tensorflow'));
    expect(requests).toEqual([]);
  });

  it('is an error if it was requested and is not available, and leaves nothing', async () => {
    const failing = install(await deadMirror(), { from: 'prebuilt' });
    await expect(failing).rejects.toThrow(UserError);
    await expect(failing).rejects.toMatchObject({
      failure: { remedy: expect.stringContaining('TFJS_NODE_CDN_STORAGE') },
    });
    expect(readdirSync(managed())).toEqual([]);
  });

  function install(
    url: string,
    options: Parameters<typeof installEngine>[1] = {},
    more: readonly InstallMethod[] = [],
  ) {
    const methods = [prebuiltMethod(prebuilt), ...more];
    return installEngine(
      'tensorflow',
      { folder: managed(), indexes: { storage: url }, allowUnverified: true, ...options },
      methods,
    );
  }

  /** Returns why the next method was tried. That method starts in an empty folder and installs an engine. */
  async function gaveWay(url: string): Promise<string> {
    const seen: InstallProgress[] = [];
    const next: InstallMethod = {
      source: 'wheel',
      unverified: [],
      versions: { tensorflow: '2.21.0' },
      neededBytes: 0,
      problem: async () => null,
      gpuProblem: async () => null,
      assemble: async (work) => {
        expect(readdirSync(work)).toEqual([]);
        mkdirSync(join(work, 'complete'));
        layEngine(whole, join(work, 'complete'));
        return { addon: ADDON, bytes: 1 };
      },
    };
    await install(url, { onProgress: (progress) => seen.push(progress) }, [next]);
    expect(findInManaged('tensorflow', managed())?.versions).toEqual({ tensorflow: '2.21.0' });
    const turns = seen.filter((progress) => progress.stage === 'instead');
    expect(turns).toEqual([{ stage: 'instead', source: 'wheel', why: expect.any(String) }]);
    return turns[0]?.why ?? '';
  }

  /** Serves the archives, or replacements in `sent`, and reports their MD5 like Google's server. */
  function storage({
    sent = {},
    tellsHashes = true,
  }: {
    sent?: Record<string, Buffer>;
    tellsHashes?: boolean;
  } = {}): Promise<Mirror> {
    return mirror((response, path) => {
      const kept = archive(path.slice(1));
      const md5 = createHash('md5').update(kept).digest('base64');
      const body = sent[path.slice(1)] ?? kept;
      const headers = tellsHashes ? { 'x-goog-hash': `crc32c=n03x6A==,md5=${md5}` } : {};
      response.writeHead(200, { 'content-length': body.length, ...headers }).end(body);
    });
  }

  function archive(path: string): Buffer {
    return archives[path] as Buffer;
  }

  function libraryArchive(): Buffer {
    const tree = emptyFolder('library');
    for (const name of ['lib', 'include']) mkdirSync(join(tree, name));
    compile('int library;', join(tree, 'lib/libtensorflow.so.2.9.1'), '-Wl,-soname,libtensorflow.so.2');
    symlinkSync('libtensorflow.so.2.9.1', join(tree, 'lib/libtensorflow.so.2'));
    symlinkSync('libtensorflow.so.2', join(tree, 'lib/libtensorflow.so'));
    writeFileSync(join(tree, 'include/c_api.h'), '');
    return packed(tree, '.');
  }

  function addonArchive(source: string): Buffer {
    const library = emptyFolder('linked');
    compile('int library;', join(library, 'libtensorflow.so.2'));
    const tree = emptyFolder('addon');
    mkdirSync(join(tree, 'napi-v8'));
    compile(
      source,
      join(tree, 'napi-v8', ADDON),
      ...['-Wl,--no-as-needed', '-Wl,-rpath,$ORIGIN/../../deps/lib', `-Wl,-rpath,${whole}`],
      ...[`-L${library}`, '-l:libtensorflow.so.2', `-L${whole}`, `-l:${ADDON}`],
    );
    return packed(tree, `napi-v8/${ADDON}`);
  }

  function emptyFolder(name: string): string {
    const path = join(folder, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    return path;
  }

  function compile(source: string, output: string, ...linking: string[]): void {
    const flags = ['-shared', '-fPIC', '-w', '-x', 'c', '-', '-x', 'none', '-o', output];
    execFileSync('cc', [...flags, ...linking], { input: source });
  }

  function packed(tree: string, name: string): Buffer {
    const path = `${tree}.tar.gz`;
    execFileSync('tar', ['-czf', path, '-C', tree, name]);
    return readFileSync(path);
  }
});
