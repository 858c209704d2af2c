import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UserError } from '../../../src/shared/userError';
import {
  type DownloadOptions,
  type DownloadProgress,
  downloadFile,
} from '../../../src/system/network/download';
import { type Answer, fileServer, give, giveAndBreak } from '../support/fileServer';
import { canMount } from '../support/mounting';
import { unprivileged } from '../support/unprivileged';

/** Several packets of bytes that vary by position. */
const CONTENT = Buffer.from(
  Uint8Array.from({ length: 300_000 }, (_, at) => (Math.imul(at + 1, 0x9e3779b1) ^ (at * at)) >>> 13),
);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-download-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function download(folder: string, urls: readonly string[], options: Partial<DownloadOptions> = {}) {
  return downloadFile(
    join(folder, 'a.bin'),
    { urls, sha256: SHA256, limitBytes: 1_000_000 },
    { idleTimeoutMs: 30_000, remedy: 'Try again.', ...options },
  );
}

async function failureOf(work: Promise<unknown>): Promise<{ what: string; remedy: string }> {
  const error = await work.then(() => null).catch((reason: unknown) => reason);
  if (!(error instanceof UserError)) throw new Error(`Not refused but ${error}`);
  return error.failure;
}

async function expectWhole(folder: string): Promise<void> {
  expect(await readdir(folder)).toEqual(['a.bin']);
  expect((await readFile(join(folder, 'a.bin'))).equals(CONTENT)).toBe(true);
}

describe('a download', () => {
  test('writes the whole file and nothing else, and reports its progress', async () => {
    const folder = join(await temporaryFolder(), 'new', 'cache');
    const { url } = await fileServer(give(CONTENT));
    const progress: DownloadProgress[] = [];
    await download(folder, [`${url}/a.bin`], { onProgress: (event) => progress.push(event) });
    await expectWhole(folder);
    expect(progress.at(-1)).toEqual({ file: 'a.bin', receivedBytes: 300_000, totalBytes: 300_000 });
  });

  test('resumes a broken connection where it broke', async () => {
    const folder = await temporaryFolder();
    const { url, requests } = await fileServer(giveAndBreak(CONTENT, 120_000));
    const progress: DownloadProgress[] = [];
    await download(folder, [`${url}/a.bin`], { onProgress: (event) => progress.push(event) });
    await expectWhole(folder);
    expect(requests[0]).toBe('GET /a.bin');
    expect(requests.length).toBeGreaterThan(2);
    for (const request of requests.slice(1)) expect(request).toMatch(/^GET \/a\.bin bytes=\d+-$/);
    expect(new Set(progress.map(({ totalBytes }) => totalBytes))).toEqual(new Set([300_000]));
  });

  test('that was cancelled resumes the next time', async () => {
    const folder = await temporaryFolder();
    const stalled = await fileServer((_, response) => {
      response.setHeader('content-length', CONTENT.length);
      response.write(CONTENT.subarray(0, 100_000));
    });
    const controller = new AbortController();
    const onProgress = ({ receivedBytes }: DownloadProgress) => {
      if (receivedBytes === 100_000) controller.abort(new Error('Enough'));
    };
    const { signal } = controller;
    await expect(download(folder, [`${stalled.url}/a.bin`], { signal, onProgress })).rejects.toThrow(
      'Enough',
    );
    expect(await readdir(folder)).toEqual(['a.bin.partial']);
    const { url, requests } = await fileServer(give(CONTENT));
    await download(folder, [`${url}/a.bin`]);
    await expectWhole(folder);
    expect(requests).toEqual(['GET /a.bin bytes=100000-']);
  });

  test('left by a killed process resumes; that of a running process is left alone', async () => {
    const folder = await temporaryFolder();
    const { pid } = await endedProcess();
    await writeFile(join(folder, `a.bin.${pid}.partial`), CONTENT.subarray(0, 5));
    const running = `a.bin.${process.ppid}.partial`;
    await writeFile(join(folder, running), 'not ours');
    const { url, requests } = await fileServer(give(CONTENT));
    await download(folder, [`${url}/a.bin`]);
    expect(requests).toEqual(['GET /a.bin bytes=5-']);
    expect(await readdir(folder)).toEqual(['a.bin', running]);
  });

  test('that lacks only its final name requests nothing more', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.bin.partial'), CONTENT);
    const { url } = await fileServer(give(CONTENT));
    await download(folder, [`${url}/a.bin`]);
    await expectWhole(folder);
  });

  test.each([
    ['a server that gives parts', give(CONTENT)],
    ['a server that gives the whole file anyway', ((_, response) => response.end(CONTENT)) as Answer],
  ])('starts over if the partial file is of another file, from %s', async (_, answer) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.bin.partial'), Buffer.alloc(1000));
    const { url } = await fileServer(answer);
    await download(folder, [`${url}/a.bin`]);
    await expectWhole(folder);
  });

  test('refuses a part that was not requested', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.bin.partial'), CONTENT.subarray(0, 1000));
    const { url } = await fileServer((_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${CONTENT.length - 1}/${CONTENT.length}` });
      response.end(CONTENT);
    });
    expect((await failureOf(download(folder, [`${url}/a.bin`]))).what).toContain(
      'a different part of the file',
    );
  });

  test('follows a redirection, with the range that it asks for', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.bin.partial'), CONTENT.subarray(0, 1000));
    const { url, requests } = await fileServer((request, response) => {
      if (request.url === '/a.bin') response.writeHead(302, { location: '/elsewhere' }).end();
      else give(CONTENT)(request, response);
    });
    await download(folder, [`${url}/a.bin`]);
    await expectWhole(folder);
    expect(requests.at(-1)).toBe('GET /elsewhere bytes=1000-');
  });

  test('uses the second server if the first one does not have the file', async () => {
    const folder = await temporaryFolder();
    const { url } = await fileServer((request, response) => {
      if (request.url === '/gone') response.writeHead(404).end();
      else give(CONTENT)(request, response);
    });
    await download(folder, [`${url}/gone`, `${url}/a.bin`]);
    await expectWhole(folder);
  });
});

describe('a download fails and says why', () => {
  test('if the server does not have it', async () => {
    const folder = await temporaryFolder();
    const { url, requests } = await fileServer((_, response) => response.writeHead(404).end());
    expect(await failureOf(download(folder, [`${url}/a.bin`]))).toEqual({
      what: `a.bin could not be downloaded. ${url}/a.bin: The server answered 404 Not Found.`,
      remedy: 'Try again.',
    });
    expect(requests).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('if its checksum differs, and keeps nothing of it', async () => {
    const folder = await temporaryFolder();
    const other = CONTENT.with(1000, 1 + (CONTENT[1000] as number));
    const { url, requests } = await fileServer(give(other));
    const { what } = await failureOf(download(folder, [`${url}/a.bin`]));
    expect(what).toContain(`, but ${SHA256} is expected.`);
    expect(requests).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('if it is larger than allowed', async () => {
    const folder = await temporaryFolder();
    const { url } = await fileServer(give(Buffer.alloc(1_000_001)));
    expect((await failureOf(download(folder, [`${url}/a.bin`]))).what).toContain('more than 1000000 bytes');
  });

  test('if the server falls silent', async () => {
    const folder = await temporaryFolder();
    const { url } = await fileServer(() => {});
    const work = download(folder, [`${url}/a.bin`], { idleTimeoutMs: 50 });
    expect((await failureOf(work)).what).toContain('The server sent nothing for 0.05 s.');
  });

  test('if the folder is not writable', async () => {
    const folder = await temporaryFolder();
    const { url } = await fileServer(give(CONTENT));
    await chmod(folder, 0o555);
    const work = () => failureOf(download(join(folder, 'new'), [`${url}/a.bin`]));
    const { what, remedy } = await unprivileged(folder, work);
    expect(what).toContain('cannot be written');
    expect(remedy).toBe('Try again.');
  });

  test.skipIf(!canMount)('if the disk is full, and leaves the disk empty', async () => {
    const folder = await temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'tmpfs', folder], { stdio: 'pipe' });
    try {
      const { url } = await fileServer(give(CONTENT));
      const { what } = await failureOf(download(folder, [`${url}/a.bin`]));
      expect(what).toBe(`${join(folder, 'a.bin')} cannot be written: no space left on the disk.`);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
});

/** Returns a process that has ended, with an id that is no longer in use. */
async function endedProcess(): Promise<{ pid: number }> {
  const pid = Number(
    execFileSync(process.execPath, ['-e', 'console.log(process.pid)'], { encoding: 'utf8' }),
  );
  return { pid };
}
