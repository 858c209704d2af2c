import { open } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';

export interface FetchOptions {
  readonly limitBytes: number;
  /** A server silent for this long is given up. */
  readonly idleTimeoutMs: number;
  /** What to do when the server does not give the file, for errors. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes come; the total is null where the server does not say it. */
  readonly onBytes?: ((receivedBytes: number, totalBytes: number | null) => void) | undefined;
}

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
  { limitBytes, idleTimeoutMs, remedy, signal, onBytes }: FetchOptions,
): Promise<Headers> {
  const silence = new AbortController();
  const watchdog = setTimeout(() => {
    silence.abort(new Error(l10n.t('The server was silent for {0} s.', idleTimeoutMs / 1000)));
  }, idleTimeoutMs);
  const refused = (what: string, options?: ErrorOptions) => new UserError({ what, remedy }, options);
  const fromServer = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Error)) throw refused(String(error));
      // The request's own error says no more than that it failed.
      const { cause = error } = error;
      throw refused(cause instanceof Error && cause.message ? cause.message : error.message, { cause });
    }
  };
  try {
    const response = await fromServer(() =>
      fetch(url, {
        // The file may be compressed already; a server that wrapped it again would hide its length.
        headers: { 'accept-encoding': 'identity' },
        signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
      }),
    );
    if (!response.ok || !response.body) {
      throw refused(l10n.t('The server answered {0} {1}.', response.status, response.statusText));
    }
    const totalBytes = Number(response.headers.get('content-length')) || null;
    await using file = await open(path, 'w');
    const reader = response.body.getReader();
    let receivedBytes = 0;
    while (true) {
      const { done, value } = await fromServer(() => reader.read());
      if (done) break;
      receivedBytes += value.length;
      if (receivedBytes > limitBytes) {
        throw refused(l10n.t('The server sent more than {0} bytes.', limitBytes));
      }
      await file.writeFile(value);
      onBytes?.(receivedBytes, totalBytes);
      watchdog.refresh();
    }
    await file.sync();
    return response.headers;
  } finally {
    clearTimeout(watchdog);
    // Whatever is left of the answer would keep the process alive.
    silence.abort();
  }
}
