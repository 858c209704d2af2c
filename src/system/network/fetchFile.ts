import { open } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { ProgressGuard, requestReason } from './progressGuard';

export interface FetchOptions {
  readonly limitBytes: number;
  /** A server that makes no progress for this long is given up (`ProgressGuard`). */
  readonly idleTimeoutMs: number;
  /** What to do when the server does not give the file, for errors. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Bytes of the file that are there from an earlier attempt, which the server is asked to leave out. One that sends all
   * of it anyway is followed. The caller checks the whole: the server's file may have changed.
   */
  readonly resumeFromBytes?: number | undefined;
  /** Called as bytes come, those of earlier attempts counted; the total is null where the server does not say it. */
  readonly onBytes?: ((receivedBytes: number, totalBytes: number | null) => void) | undefined;
}

/** A server's answer that is not the file. */
export class HttpError extends UserError {
  constructor(
    readonly status: number,
    failure: Failure,
  ) {
    super(failure);
  }
}

/** The server's answer to a request for bytes past the end of the file. */
const RANGE_NOT_SATISFIABLE = 416;
const PARTIAL_CONTENT = 206;

/**
 * Writes what a URL answers to a file, through to the disk. What is written when it fails stays.
 *
 * @returns the answer's headers
 * @throws UserError, without the URL, when the server does not give it; the file system's error when it cannot be written; the
 *   signal's reason when aborted
 */
export async function fetchFile(
  url: string,
  path: string,
  { limitBytes, idleTimeoutMs, remedy, signal, resumeFromBytes = 0, onBytes }: FetchOptions,
): Promise<Headers> {
  const guard = new ProgressGuard(idleTimeoutMs, signal);
  const refused = (what: string, options?: ErrorOptions) => new UserError({ what, remedy }, options);
  const fromServer = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await guard.waitFor(work);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Error)) throw refused(String(error));
      throw refused(requestReason(error), { cause: error.cause ?? error });
    }
  };
  try {
    const response = await fromServer(() =>
      fetch(url, {
        // The file may be compressed already; a server that wrapped it again would hide its length.
        headers: {
          'accept-encoding': 'identity',
          ...(resumeFromBytes > 0 && { range: `bytes=${resumeFromBytes}-` }),
        },
        signal: guard.signal,
      }),
    );
    // What is there is the whole file, or not its beginning; whoever checks it knows.
    if (response.status === RANGE_NOT_SATISFIABLE && resumeFromBytes > 0) return response.headers;
    if (!response.ok || !response.body) {
      const what = l10n.t('The server answered {0} {1}.', response.status, response.statusText);
      throw new HttpError(response.status, { what, remedy });
    }
    const isRest = response.status === PARTIAL_CONTENT;
    if (isRest && !startsAt(response.headers, resumeFromBytes)) {
      throw refused(l10n.t('The server sent another part of the file than the one asked for.'));
    }
    let receivedBytes = isRest ? resumeFromBytes : 0;
    const sentBytes = Number(response.headers.get('content-length')) || null;
    const totalBytes = sentBytes && receivedBytes + sentBytes;
    const tooLarge = () => refused(l10n.t('The server sent more than {0} bytes.', limitBytes));
    if (totalBytes !== null && totalBytes > limitBytes) throw tooLarge();
    await using file = await open(path, isRest ? 'a' : 'w');
    const reader = response.body.getReader();
    while (true) {
      const { done, value } = await fromServer(() => reader.read());
      if (done) break;
      receivedBytes += value.length;
      if (receivedBytes > limitBytes) throw tooLarge();
      guard.received(value.length);
      await file.writeFile(value);
      onBytes?.(receivedBytes, totalBytes);
    }
    await file.sync();
    return response.headers;
  } finally {
    guard.end();
  }
}

/** Whether the part of a file that an answer has starts at a byte. */
function startsAt(headers: Headers, byte: number): boolean {
  const [, start] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  return Number(start) === byte;
}
