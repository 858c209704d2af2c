import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeBundle } from '../../../scripts/lib/bundling.mjs';
import {
  type DownloadOptions,
  type DownloadProgress,
  downloadIdxFile,
} from '../../../src/training/data/download';
import { packageRoot } from '../../../src/training/data/sample';
import { datasetErrorOf, fingerprint, idxBytes, temporaryFolder } from './files';
import { deadMirror, mirror } from './mirror';

const NAME = 'train-images-idx3-ubyte';
/** Incompressible pixels, so that the file spans several packets. */
const CONTENT = idxBytes(
  [400, 28, 28],
  Uint8Array.from({ length: 400 * 784 }, (_, at) => (Math.imul(at + 1, 0x9e3779b1) ^ (at * at)) >>> 13),
);
const EXPECTED = fingerprint(CONTENT);
const FILE = gzipSync(CONTENT);

function download(folder: string, options: Partial<DownloadOptions> & Pick<DownloadOptions, 'mirrors'>) {
  return downloadIdxFile(NAME, EXPECTED, folder, { idleTimeoutMs: 10_000, remedy: 'Try again.', ...options });
}

const whole = (response: ServerResponse) => {
  response.setHeader('content-length', FILE.length);
  response.end(FILE);
};
/** Sends the beginning and then nothing, with the connection left open. */
const stall = (response: ServerResponse) => {
  response.setHeader('content-length', FILE.length);
  response.write(FILE.subarray(0, 1000));
};

describe('downloadIdxFile', () => {
  it('writes the whole file and nothing else, and reports its progress', async () => {
    const folder = join(await temporaryFolder(), 'new', 'cache');
    const server = await mirror(whole);
    const progress: DownloadProgress[] = [];
    await download(folder, { mirrors: [server.url], onProgress: (event) => progress.push(event) });
    expect(server.requests).toEqual([`/${NAME}.gz`]);
    expect(await readdir(folder)).toEqual([`${NAME}.gz`]);
    expect(gunzipSync(await readFile(join(folder, `${NAME}.gz`))).equals(CONTENT)).toBe(true);
    const received = progress.map((event) => event.receivedBytes);
    expect(received).toEqual([...received].sort((a, b) => a - b));
    expect(progress.at(-1)).toEqual({
      file: `${NAME}.gz`,
      receivedBytes: FILE.length,
      totalBytes: FILE.length,
    });
  });

  it('accepts a server that does not send the length of the file', async () => {
    const folder = await temporaryFolder();
    const server = await mirror((response) => {
      response.write(FILE.subarray(0, 5000));
      response.end(FILE.subarray(5000));
    });
    const progress: DownloadProgress[] = [];
    await download(folder, { mirrors: [server.url], onProgress: (event) => progress.push(event) });
    expect(progress.at(-1)).toMatchObject({ receivedBytes: FILE.length, totalBytes: null });
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    [
      'a file that is not there',
      (response) => response.writeHead(404).end('no such key'),
      /answered 404 Not Found/,
    ],
    [
      'a connection cut in the middle',
      (response) => {
        response.setHeader('content-length', FILE.length);
        response.write(FILE.subarray(0, 100_000), () => response.destroy());
      },
      /other side closed|terminated|ECONNRESET|aborted/,
    ],
    [
      'a body that ends early',
      (response) => response.end(FILE.subarray(0, 100_000)),
      /truncated: its gzip data ends/,
    ],
    ['an empty body', (response) => response.end(), /truncated: 0 of at least 16 bytes/],
    [
      'a sign-in page',
      (response) => response.end('<!doctype html><title>Sign in</title>'),
      /not an IDX file/,
    ],
    [
      'wrong pixels',
      (response) => response.end(gzipSync(idxBytes([400, 28, 28], new Uint8Array(400 * 784)))),
      /wrong checksum: SHA-256/,
    ],
    [
      'a body without end',
      (response) => response.end(Buffer.alloc(CONTENT.length + 70_000)),
      /sent more than \d+ bytes/,
    ],
    ['a connection gone silent', stall, /sent nothing for 0\.3 s/],
  ])('gives up %s, leaves nothing, and tries the next mirror', async (_, answer, reason) => {
    const folder = await temporaryFolder();
    const bad = await mirror(answer);
    // Only the stalled mirror is abandoned for its silence. The others must answer, however busy the machine is.
    const idleTimeoutMs = answer === stall ? 300 : 60_000;
    const error = await datasetErrorOf(download(folder, { mirrors: [bad.url], idleTimeoutMs }));
    expect(error).toMatchObject({
      where: join(folder, `${NAME}.gz`),
      remedy: 'Try again.',
    });
    expect(error.what).toContain(`The file could not be downloaded. ${bad.url}${NAME}.gz: `);
    expect(error.what).toMatch(reason);
    expect(await readdir(folder)).toEqual([]);

    const good = await mirror(whole);
    await download(folder, { mirrors: [bad.url, good.url], idleTimeoutMs: Math.max(idleTimeoutMs, 3000) });
    expect(await readdir(folder)).toEqual([`${NAME}.gz`]);
  });

  it('names every mirror that failed if none can be reached', async () => {
    const mirrors = [await deadMirror(), await deadMirror()];
    const { what } = await datasetErrorOf(download(await temporaryFolder(), { mirrors }));
    for (const url of mirrors) expect(what).toContain(url);
    expect(what).toMatch(/ECONNREFUSED/);
  });

  it('stops when aborted in the middle, with the reason of the signal, and leaves nothing', async () => {
    const folder = await temporaryFolder();
    const [slow, next] = [await mirror(stall), await mirror(whole)];
    const stop = new AbortController();
    const reason = new Error('stopped by hand');
    const work = download(folder, {
      mirrors: [slow.url, next.url],
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
    expect(next.requests).toEqual([]);
  });

  it('contacts no server if aborted before it starts', async () => {
    const server = await mirror(whole);
    const work = download(await temporaryFolder(), {
      mirrors: [server.url],
      signal: AbortSignal.abort('no'),
    });
    await expect(work).rejects.toBe('no');
    expect(server.requests).toEqual([]);
  });

  it('leaves no file under the final name if its process is killed, and starts over afterwards', async () => {
    const folder = await temporaryFolder();
    const stalled = await mirror(stall);
    const child = await downloadingProcess(folder, stalled.url);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const partial = `${NAME}.gz.${child.pid}.partial`;
    expect(await readdir(folder)).toEqual([partial]);

    const good = await mirror(whole);
    await download(folder, { mirrors: [good.url] });
    expect((await readdir(folder)).sort()).toEqual([`${NAME}.gz`, partial]);

    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(join(folder, partial), yesterday, yesterday);
    await download(folder, { mirrors: [good.url] });
    expect(await readdir(folder)).toEqual([`${NAME}.gz`]);
  });

  it('reports a full disk, tries no other mirror, and leaves nothing', async (context) => {
    if (!existsSync('/dev/full')) return context.skip('there is no /dev/full');
    const folder = await temporaryFolder();
    const partial = join(folder, `${NAME}.gz.${process.pid}.partial`);
    await symlink('/dev/full', partial);
    const [first, second] = [await mirror(whole), await mirror(whole)];
    const error = await datasetErrorOf(download(folder, { mirrors: [first.url, second.url] }));
    expect(error).toMatchObject({
      where: partial,
      what: 'The file cannot be written: no space left on the disk.',
      remedy: 'Try again.',
    });
    expect(second.requests).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves nothing on a small disk that the file has filled', async (context) => {
    const folder = await temporaryFolder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'pipe' });
    } catch {
      return context.skip('this user may not mount a file system');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', folder]));
    const server = await mirror(whole);
    const error = await datasetErrorOf(download(folder, { mirrors: [server.url] }));
    expect(error).toMatchObject({
      what: 'The file cannot be written: no space left on the disk.',
    });
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'room'), Buffer.alloc(32_768));
  });

  it('reports that the cache folder cannot be created', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    const error = await datasetErrorOf(
      download(join(file, 'cache'), { mirrors: [(await mirror(whole)).url] }),
    );
    expect(error).toMatchObject({ where: join(file, 'cache') });
    expect(error.what).toMatch(/^The file cannot be written: ENOTDIR/);
  });

  it('reports a folder in place of the file', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, `${NAME}.gz`));
    const error = await datasetErrorOf(download(folder, { mirrors: [(await mirror(whole)).url] }));
    expect(error.where).toBe(join(folder, `${NAME}.gz`));
    expect(error.what).toMatch(/^The file cannot be written: /);
    expect(await readdir(folder)).toEqual([`${NAME}.gz`]);
  });

  it('closes the connection of a response that it does not use', async () => {
    let answered: Promise<unknown> | undefined;
    const refusing = await mirror((response) => {
      answered = once(response, 'close');
      response.writeHead(500);
      response.write('and so on, without end');
    });
    // The connection is not closed by the idle timeout.
    const options = { mirrors: [refusing.url], idleTimeoutMs: 3_600_000 };
    await datasetErrorOf(download(await temporaryFolder(), options));
    expect(answered).toBeDefined();
    await answered;
  });
});

/** A process that downloads the file and prints a line per progress report. */
async function downloadingProcess(folder: string, url: string) {
  const program = join(await temporaryFolder(), 'download.cjs');
  const options = `{ mirrors: [${JSON.stringify(url)}], idleTimeoutMs: 3_600_000, remedy: '',
    onProgress: () => console.log('receiving') }`;
  const inputs = [NAME, EXPECTED, folder].map((value) => JSON.stringify(value));
  await build({
    ...nodeBundle,
    stdin: {
      contents: `
        import { downloadIdxFile } from './src/training/data/download';
        downloadIdxFile(${inputs.join()}, ${options});`,
      resolveDir: packageRoot(),
    },
    outfile: program,
  });
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
