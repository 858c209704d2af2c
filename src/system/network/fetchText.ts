import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';
import { HttpError } from './fetchFile';
import { ProgressGuard, requestReason } from './progressGuard';

export interface RequestOptions {
  /** Gives up on a server that makes no progress for this long (`ProgressGuard`). */
  readonly idleTimeoutMs: number;
  /** For error messages: what to do if the server does not respond. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a HEAD request and returns the status and headers. Does not follow a redirect but returns its own.
 *
 * @throws UserError if there is no response
 * @throws the signal's reason if aborted
 */
export function fetchHeaders(
  url: string,
  options: RequestOptions,
): Promise<{ readonly status: number; readonly headers: Headers }> {
  return requesting(url, options, async (guard) => {
    const { signal } = guard;
    const request = () => fetch(url, { method: 'HEAD', redirect: 'manual', signal });
    const { status, headers } = await guard.waitFor(request);
    return { status, headers };
  });
}

/** A text and its content type. */
export interface Text {
  readonly text: string;
  /** Empty if the server does not say. */
  readonly contentType: string;
  /** The final URL after redirects. */
  readonly url: string;
}

export interface TextOptions extends RequestOptions {
  readonly limitBytes: number;
  /** The accepted types in the form of the HTTP header. */
  readonly accept?: string | undefined;
}

/**
 * Fetches a small text. Follows redirects.
 *
 * @throws UserError if the server does not provide it, or sends more than `limitBytes`
 * @throws the signal's reason if aborted
 */
export function fetchText(url: string, options: TextOptions): Promise<Text> {
  const { limitBytes, remedy, accept } = options;
  return requesting(url, options, async (guard) => {
    const { signal } = guard;
    const response = await guard.waitFor(() =>
      fetch(url, { signal, ...(accept && { headers: { accept } }) }),
    );
    if (!response.ok || !response.body) {
      const what = l10n.t('{0}: The server answered {1} {2}.', url, response.status, response.statusText);
      throw new HttpError(response.status, { what, remedy });
    }
    const reader = response.body.getReader();
    const parts: Uint8Array[] = [];
    let bytes = 0;
    while (true) {
      const { done, value } = await guard.waitFor(() => reader.read());
      if (done) break;
      bytes += value.length;
      if (bytes > limitBytes) {
        const what = l10n.t('{0}: The server sent more than {1} bytes.', url, limitBytes);
        throw new UserError({ what, remedy });
      }
      guard.received(value.length);
      parts.push(value);
    }
    const text = new TextDecoder().decode(Buffer.concat(parts));
    return { text, contentType: response.headers.get('content-type') ?? '', url: response.url };
  });
}

async function requesting<Result>(
  url: string,
  { idleTimeoutMs, remedy, signal }: RequestOptions,
  work: (guard: ProgressGuard) => Promise<Result>,
): Promise<Result> {
  const guard = new ProgressGuard(idleTimeoutMs, signal);
  try {
    return await work(guard);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw new UserError({ what: `${url}: ${requestReason(error)}`, remedy }, { cause: error });
  } finally {
    guard.end();
  }
}
