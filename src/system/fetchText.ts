import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { HttpError } from './fetchFile';

export interface RequestOptions {
  /** A server silent for this long is given up. */
  readonly idleTimeoutMs: number;
  /** What to do when the server does not answer, for errors. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The status and headers that a URL answers a HEAD with, a redirection's own where it redirects.
 *
 * @throws UserError when there is no answer; the signal's reason when aborted
 */
export function fetchHeaders(
  url: string,
  options: RequestOptions,
): Promise<{ readonly status: number; readonly headers: Headers }> {
  return requesting(url, options, async (signal) => {
    const { status, headers } = await fetch(url, { method: 'HEAD', redirect: 'manual', signal });
    return { status, headers };
  });
}

/**
 * A small text, redirections followed.
 *
 * @throws UserError when the server does not give it, or more than `limitBytes`; the signal's reason when aborted
 */
export function fetchText(
  url: string,
  options: RequestOptions & { readonly limitBytes: number },
): Promise<string> {
  const { limitBytes, remedy } = options;
  return requesting(url, options, async (signal) => {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) {
      const what = l10n.t('{0}: The server answered {1} {2}.', url, response.status, response.statusText);
      throw new HttpError(response.status, { what, remedy });
    }
    const reader = response.body.getReader();
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
      if (bytes > limitBytes) {
        const what = l10n.t('{0}: The server sent more than {1} bytes.', url, limitBytes);
        throw new UserError({ what, remedy });
      }
      parts.push(part.value);
    }
    return new TextDecoder().decode(Buffer.concat(parts));
  });
}

async function requesting<Result>(
  url: string,
  { idleTimeoutMs, remedy, signal }: RequestOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const end = new AbortController();
  const watchdog = setTimeout(() => {
    end.abort(new Error(l10n.t('The server was silent for {0} s.', idleTimeoutMs / 1000)));
  }, idleTimeoutMs);
  try {
    return await work(signal ? AbortSignal.any([signal, end.signal]) : end.signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    // The request's own error says no more than that it failed.
    const { cause = error } = error;
    const reason = cause instanceof Error && cause.message ? cause.message : error.message;
    throw new UserError({ what: `${url}: ${reason}`, remedy }, { cause: error });
  } finally {
    clearTimeout(watchdog);
    // Whatever is left of an answer would keep the process alive.
    end.abort();
  }
}
