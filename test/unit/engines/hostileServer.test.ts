import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fetchNpmPackage, fetchWheel, type PackageFetching } from '../../../src/engines/install/packages';
import { ADDON_SOURCES, type Wheel, wheelFor } from '../../../src/engines/install/pins';
import type { Failure } from '../../../src/shared/failure';
import { UserError } from '../../../src/shared/userError';
import { fetchHeaders, fetchText } from '../../../src/system/network/fetchText';
import { processorClock } from '../../support/processorTime';
import { mirror } from '../data/mirror';

const wheel = wheelFor('tensorflow', 'linux', 'x64') as Wheel;
/** Short, but far longer than a server in this process takes to answer. */
const IDLE_MS = 400;

/** Real servers on the loopback address. Each ends after some seconds, so that a client without limits fails too. */
describe('a server that', () => {
  it('accepts and sends nothing is given up, even if the garbage collector runs meanwhile', async () => {
    const { url, open } = await silentServer();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const collecting = setInterval(collect, 20);
    onTestFinished(() => clearInterval(collecting));
    const silent = /The server sent nothing for 0\.4 s\.$/;
    expect((await failure(wheelFrom(url))).what).toMatch(silent);
    expect((await failure(sourcesFrom(url))).what).toMatch(silent);
    const request = { idleTimeoutMs: IDLE_MS, remedy: '' };
    expect((await failure(fetchHeaders(url, request))).what).toMatch(silent);
    expect((await failure(fetchText(url, { ...request, limitBytes: 1 }))).what).toMatch(silent);
    // An open connection would keep the process alive.
    await expect.poll(open).toBe(0);
  });

  it('accepts and sends nothing does not block an interrupt', async () => {
    const { url } = await silentServer();
    const stop = new AbortController();
    const reason = new Error('enough');
    const fetching = sourcesFrom(url, { signal: stop.signal, idleTimeoutMs: 600_000 });
    setImmediate(() => stop.abort(reason));
    await expect(fetching).rejects.toBe(reason);
  });

  it('sends a byte now and then is given up', async () => {
    // The machine may be too busy to deliver even the first byte in this time.
    const slow = /The server (is too slow: it sent \d+ bytes in|sent nothing for) 0\.4 s\.$/;
    const trickle = await mirror((response) => trickleTo(response, 100));
    expect((await failure(wheelFrom(trickle.url))).what).toMatch(slow);
    expect((await failure(sourcesFrom(trickle.url))).what).toMatch(slow);
    expect(trickle.requests).toHaveLength(2);
  });

  it('is slow and makes progress is waited for', async () => {
    const { url } = await mirror((response) => {
      let sent = 0;
      const timer = setInterval(() => {
        response.write('x'.repeat(1000));
        if (++sent < 70) return;
        clearInterval(timer);
        response.end();
      }, 100);
    });
    const options = { idleTimeoutMs: 5000, remedy: '', limitBytes: 1e6 };
    expect((await fetchText(url, options)).text).toHaveLength(70_000);
  });

  it('sends an endless index is cut off', async () => {
    let sent = 0;
    const { url } = await mirror((response) => {
      const part = Buffer.alloc(2 ** 20, ' ');
      const write = () => {
        sent += part.length;
        if (sent > 100 * 2 ** 20) response.end();
        else response.write(part, () => setImmediate(write));
      };
      write();
    });
    const { what } = await failure(wheelFrom(url, { idleTimeoutMs: 60_000 }));
    expect(what).toContain('The server sent more than 33554432 bytes.');
    expect(sent).toBeLessThan(100 * 2 ** 20);
  });

  it('announces too large a file is not read', async () => {
    const { url } = await mirror((response) => {
      response.writeHead(200, { 'content-length': ADDON_SOURCES.bytes + 1 }).write('x');
    });
    const folder = await temporaryFolder();
    const { what } = await failure(sourcesFrom(url, { idleTimeoutMs: 60_000 }, folder));
    expect(what).toContain(`more than ${ADDON_SOURCES.bytes} bytes`);
    await expect(stat(join(folder, ADDON_SOURCES.file))).rejects.toThrow('ENOENT');
  });

  it.each(['<a ', '<a href=', '<a href="', "<a x='", '<', '<a\n'])(
    'sends a page of %j is read in linear time',
    async (piece) => {
      const page = piece.repeat(2 ** 20 / piece.length);
      const { url } = await mirror((response) => response.end(page));
      const usedMs = processorClock();
      expect((await failure(wheelFrom(url, { idleTimeoutMs: 60_000 }))).what).toContain(
        'The index does not have the file.',
      );
      // A parser that backtracks at each piece is far slower.
      expect(usedMs()).toBeLessThan(20_000);
    },
  );
});

function trickleTo(response: ServerResponse, times: number): void {
  let sent = 0;
  const timer = setInterval(() => {
    response.write('x');
    if (++sent < times) return;
    clearInterval(timer);
    response.end();
  }, 30);
  response.on('close', () => clearInterval(timer));
}

/** A server that accepts, stays silent and closes after ten seconds. Counts its connections that it has not closed. */
async function silentServer(): Promise<{ url: string; open: () => number }> {
  const [sockets, timedOut] = [new Set<Socket>(), new Set<Socket>()];
  const server = createServer((socket) => {
    sockets.add(socket);
    const timer = setTimeout(() => {
      timedOut.add(socket);
      socket.destroy();
    }, 10_000);
    const gone = () => {
      clearTimeout(timer);
      if (!timedOut.has(socket)) sockets.delete(socket);
    };
    // A server that does not read would not notice the end of the connection.
    socket
      .resume()
      .on('error', () => {})
      .on('close', gone);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  return { url: `http://127.0.0.1:${address.port}`, open: () => sockets.size };
}

async function wheelFrom(url: string, options: Partial<PackageFetching> = {}): Promise<string> {
  return fetchWheel(wheel, await temporaryFolder(), fetching(url, options));
}

async function sourcesFrom(
  url: string,
  options: Partial<PackageFetching> = {},
  folder?: string,
): Promise<string> {
  return fetchNpmPackage(ADDON_SOURCES, folder ?? (await temporaryFolder()), fetching(url, options));
}

function fetching(url: string, options: Partial<PackageFetching>): PackageFetching {
  return {
    ...{ indexes: { python: url, npm: url }, signal: new AbortController().signal },
    ...{ onProgress: () => {}, idleTimeoutMs: IDLE_MS, ...options },
  };
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hostile-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error(`Not refused but ${error}`);
  return error.failure;
}
