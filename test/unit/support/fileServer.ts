import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  /** The base URL, without a trailing slash. */
  readonly url: string;
  /** Method, path and requested range of each request, in order, such as `GET /a.bin bytes=10-`. */
  readonly requests: string[];
}

/** A server on the loopback address that stops after the test. */
export async function fileServer(answer: Answer): Promise<FileServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    requests.push([method, url, headers.range].filter(Boolean).join(' '));
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Answers with the content or its requested range. */
export function give(content: Uint8Array, headers: Readonly<Record<string, string>> = {}): Answer {
  return ({ headers: { range } }, response) => {
    const [, first] = /^bytes=(\d+)-$/.exec(range ?? '') ?? [];
    const start = Number(first ?? 0);
    if (first !== undefined && start >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const rest = content.subarray(start);
    response.writeHead(first === undefined ? 200 : 206, {
      ...headers,
      'content-length': rest.length,
      ...(first !== undefined && {
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      }),
    });
    response.end(rest);
  };
}

/** Like `give`, but breaks the connection after `bytes` bytes of each answer. */
export function giveAndBreak(content: Uint8Array, bytes: number): Answer {
  return ({ headers: { range } }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const rest = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    if (rest.length <= bytes) response.end(rest);
    else response.write(rest.subarray(0, bytes), () => response.destroy());
  };
}
