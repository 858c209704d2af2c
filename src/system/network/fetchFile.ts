import { open } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { ProgressGuard, requestReason } from './progressGuard';

export interface FetchOptions {
  readonly limitBytes: number;
  /** Gives up on a server that makes no progress for this long (`ProgressGuard`). */
  readonly idleTimeoutMs: number;
  /** For error messages: what to do if the server does not provide the file. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Number of bytes from an earlier attempt, which the server is asked to skip. A server that sends everything anyway
   * is accepted. The caller verifies the whole file, because the server's file may have changed.
   */
  readonly resumeFromBytes?: number | undefined;
  /** Called as bytes arrive, including those of earlier attempts. The total is null if the server does not say. */
  readonly onBytes?: ((receivedBytes: number, totalBytes: number | null) => void) | undefined;
}

/** A server's response that is not the file. */
export class HttpError extends UserError {
  constructor(
    readonly status: number,
    failure: Failure,
  ) {
    super(failure);
  }
}

/** The server's response to a request for bytes past the end of the file. */
const RANGE_NOT_SATISFIABLE = 416;
const PARTIAL_CONTENT = 206;

/**
 * Downloads a URL to a file and syncs it to disk. On failure, the written part remains.
 *
 * @returns the response's headers
 * @throws UserError, without the URL, if the server does not provide the file
 * @throws the file system's error if it cannot be written
 * @throws the signal's reason if aborted
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
        // The file may be compressed already. Additional compression by the server would hide its length.
        headers: {
          'accept-encoding': 'identity',
          ...(resumeFromBytes > 0 && { range: `bytes=${resumeFromBytes}-` }),
        },
        signal: guard.signal,
      }),
    );
    // The existing bytes are either the whole file or not a prefix of it. The caller's verification decides.
    if (response.status === RANGE_NOT_SATISFIABLE && resumeFromBytes > 0) return response.headers;
    if (!response.ok || !response.body) {
      const what = l10n.t('The server answered {0} {1}.', response.status, response.statusText);
      throw new HttpError(response.status, { what, remedy });
    }
    const isRest = response.status === PARTIAL_CONTENT;
    if (isRest && !startsAt(response.headers, resumeFromBytes)) {
      throw refused(l10n.t('The server sent a different part of the file than requested.'));
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

/** Whether a partial response starts at the given byte. */
function startsAt(headers: Headers, byte: number): boolean {
  const [, start] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  return Number(start) === byte;
}
