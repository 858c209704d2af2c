import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { installEngine } from '../../../src/engines/install/install';
import { type Prebuilt, prebuiltFor } from '../../../src/engines/install/pins';
import { prebuiltMethod } from '../../../src/engines/install/prebuilt';
import { unpackTar, unpackZip } from '../../../src/engines/install/unpack';
import { ADDON } from '../../../src/engines/installations';
import type { InstallProgress } from '../../../src/protocol/install';
import type { Failure } from '../../../src/shared/failure';
import { UserError } from '../../../src/shared/userError';
import { mirror } from '../data/mirror';

let folder: string;
const target = () => join(folder, 'target');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archives-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

describe('unpacking an archive', () => {
  it.each([
    ['of a wanted file', () => true],
    ['of a file that nobody wants', () => false],
  ])('that is a bomb of zeros %s ends at its limit', async (_, isWanted) => {
    const bomb = await zeros(200e6);
    const { what } = await failure(unpackTar(bomb, target(), isWanted, { limitBytes: 20e6 }));
    expect(what).toBe('bomb.tar.gz unpacks to more than 20 MB.');
  });

  it('of the storage that is a bomb leaves nothing', async () => {
    const pinned = prebuiltFor('tensorflow', 'linux', 'x64') as Prebuilt;
    const bomb = readFileSync(await zeros(200e6));
    const md5 = createHash('md5').update(bomb).digest('base64');
    const { url } = await mirror((response) =>
      response.writeHead(200, { 'x-goog-hash': `md5=${md5}`, 'content-length': bomb.length }).end(bomb),
    );
    const options = { folder: target(), indexes: { storage: url }, allowUnverified: true };
    const { what } = await failure(installEngine('tensorflow', options, [prebuiltMethod(pinned)]));
    expect(what).toBe('CPU-linux-4.22.0.tar.gz unpacks to more than 100 MB.');
    expect(readdirSync(target())).toEqual([]);
  });

  it('with too many entries fails', async () => {
    const tree = makeTree();
    for (let index = 0; index < 20; index++) writeFileSync(join(tree, `${index}`), '');
    const limits = { limitBytes: 1e6, limitEntries: 10 };
    const { what } = await failure(unpackTar(tarOf(tree), target(), () => true, limits));
    expect(what).toBe('a.tar.gz has more than 10 entries.');
    const zip = await failure(
      unpackZip(zipOf({ a: 1, b: 1, c: 1 }), target(), (name) => name, { ...limits, limitEntries: 2 }),
    );
    expect(zip.what).toBe('a.zip has more than 2 entries.');
  });

  it.each<[string, (tree: string) => void]>([
    ['a link out of its folder', (tree) => symlinkSync('../../outside', join(tree, 'link'))],
    ['a link to a whole path', (tree) => symlinkSync('/etc/passwd', join(tree, 'link'))],
    ['a link to its parent', (tree) => symlinkSync('..', join(tree, 'link'))],
    ['a second name of a file', (tree) => linkSync(join(tree, 'file'), join(tree, 'link'))],
    ['a pipe', (tree) => execFileSync('mkfifo', [join(tree, 'link')])],
  ])('with %s is refused', async (_, add) => {
    const tree = makeTree();
    writeFileSync(join(tree, 'file'), 'content');
    add(tree);
    const { what } = await failure(unpackTar(tarOf(tree), target(), () => true, { limitBytes: 1e6 }));
    expect(what).toMatch(/^a\.tar\.gz has an entry that is a link or is outside its folder: /);
    expect(existsSync(join(target(), 'link'))).toBe(false);
  });

  it.each(['../evil', 'a/../../evil'])('with the path %s writes nothing outside', async (path) => {
    const tree = makeTree();
    writeFileSync(join(folder, 'evil'), 'outside');
    const archive = join(folder, 'a.tar.gz');
    execFileSync('tar', ['-czPf', archive, '--transform', `s,.*,${path},`, '-C', folder, 'evil']);
    rmSync(join(folder, 'evil'));
    await failure(unpackTar(archive, target(), () => true, { limitBytes: 1e6 }));
    expect([existsSync(join(folder, 'evil')), existsSync(join(dirname(folder), 'evil'))]).toEqual([
      false,
      false,
    ]);
    const zip = await failure(unpackZip(zipOf({ [path]: 1 }), target(), (name) => name, { limitBytes: 1e6 }));
    expect(zip.what).toContain('cannot be unpacked');
    rmSync(tree, { recursive: true });
  });

  it('that is a zip larger than its limit, or with a link, is refused', async () => {
    const bomb = zipOf({ zeros: 50e6 });
    const { what } = await failure(unpackZip(bomb, target(), (name) => name, { limitBytes: 10e6 }));
    expect(what).toBe('a.zip unpacks to more than 10 MB.');
    const link = zipOf({ link: 1 }, 0o120777);
    expect((await failure(unpackZip(link, target(), (name) => name, { limitBytes: 1e6 }))).what).toContain(
      'is a link',
    );
  });

  it('that is damaged names it', async () => {
    const path = join(folder, 'a.tar.gz');
    for (const content of ['no archive', readFileSync(await zeros(1e5)).subarray(0, 100)]) {
      writeFileSync(path, content);
      const { what } = await failure(unpackTar(path, target(), () => true, { limitBytes: 1e6 }));
      expect(what).toMatch(/^a\.tar\.gz cannot be unpacked: /);
    }
  });

  it('ends with the reason of an interrupt', async () => {
    const bomb = await zeros(50e6);
    const stop = new AbortController();
    const reason = new Error('enough');
    const isWanted = () => {
      stop.abort(reason);
      return true;
    };
    await expect(unpackTar(bomb, target(), isWanted, { limitBytes: 1e9, signal: stop.signal })).rejects.toBe(
      reason,
    );
  });

  it('ends with the reason of an interrupt also while its checksum is computed', async () => {
    const pinned = prebuiltFor('tensorflow', 'linux', 'x64') as Prebuilt;
    const addon = readFileSync(await zeros(1000));
    const library = randomBytes(30e6);
    const hash = { algorithm: 'sha256', hex: createHash('sha256').update(library).digest('hex') } as const;
    const md5 = createHash('md5').update(addon).digest('base64');
    const { url } = await mirror((response, path) => {
      const body = path.includes('libtensorflow') ? library : addon;
      response.writeHead(200, { 'x-goog-hash': `md5=${md5}`, 'content-length': body.length }).end(body);
    });
    const method = prebuiltMethod({ ...pinned, library: { ...pinned.library, hash } });
    // The last byte is written, synced to disk and hashed some time after it arrived.
    for (const delayMs of [0, 10, 30, 60]) {
      const stop = new AbortController();
      const reason = new Error('enough');
      const onProgress = (progress: InstallProgress) => {
        const isLast = progress.stage === 'download' && progress.receivedBytes === library.length;
        if (isLast) setTimeout(() => stop.abort(reason), delayMs);
      };
      const { signal } = stop;
      const options = {
        folder: target(),
        indexes: { storage: url },
        allowUnverified: true,
        onProgress,
        signal,
      };
      const error: unknown = await installEngine('tensorflow', options, [method]).catch((it: unknown) => it);
      if (signal.aborted) expect(error, `${delayMs} ms after the last byte`).toBe(reason);
      expect(readdirSync(target())).toEqual([]);
    }
  });

  it('keeps a link to a name next to it', async () => {
    const tree = makeTree();
    writeFileSync(join(tree, 'libx.so.2.9.1'), 'content');
    symlinkSync('libx.so.2.9.1', join(tree, 'libx.so.2'));
    expect(await unpackTar(tarOf(tree), target(), () => true, { limitBytes: 1e6 })).toBe(7);
    expect(readFileSync(join(target(), 'libx.so.2'), 'utf8')).toBe('content');
  });
});

/** Streams a gzipped tar archive with one file of zeros, so that the zeros are never in memory at once. */
async function zeros(bytes: number): Promise<string> {
  const path = join(folder, 'bomb.tar.gz');
  const header = Buffer.alloc(512);
  header.write(`napi-v8/${ADDON}`, 0);
  header.write('0000644\0', 100);
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\0', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const part = Buffer.alloc(2 ** 20);
  function* content() {
    yield header;
    for (let left = Math.ceil(bytes / 512) * 512 + 1024; left > 0; left -= part.length) {
      yield part.subarray(0, Math.min(left, part.length));
    }
  }
  await pipeline(Readable.from(content()), createGzip({ level: 1 }), createWriteStream(path));
  return path;
}

function makeTree(): string {
  const tree = mkdtempSync(join(folder, 'tree-'));
  mkdirSync(target(), { recursive: true });
  return tree;
}

function tarOf(tree: string): string {
  const path = join(folder, 'a.tar.gz');
  // Files come before the links to them.
  execFileSync('tar', ['-czf', path, '--sort=name', '-C', tree, ...readdirSync(tree)]);
  return path;
}

/** Returns a zip archive of files of zeros, by size. */
function zipOf(files: Readonly<Record<string, number>>, mode = 0o100644): string {
  const path = join(folder, 'a.zip');
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as archive:
    for name, size in json.loads(sys.argv[2]).items():
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = int(sys.argv[3]) << 16
        archive.writestr(info, bytes(int(size)))
`;
  execFileSync('python3', ['-c', script, path, JSON.stringify(files), `${mode}`]);
  return path;
}

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error(`Not refused but ${error}`, { cause: error });
  return error.failure;
}
