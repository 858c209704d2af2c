import type { ExecFileException } from 'node:child_process';
import * as l10n from '@vscode/l10n';
import { execFile } from '../system/children';

const TIMEOUT_MS = 60_000;

/** What a child answered, parsed from its output, or how it failed to. */
export type ChildAnswer =
  | { readonly ok: true; readonly answer: unknown; readonly stderr: string }
  | { readonly ok: false; readonly reason: string; readonly timedOut: boolean };

/**
 * Runs a script of Node, which takes a path as its argument, in a process of its own, which a crash ends and nothing
 * else. It runs as text, apart from any bundle, and prints its answer as JSON.
 *
 * @param env Besides this process's environment.
 * @throws the signal's reason when aborted
 */
export async function askInChild(
  script: string,
  path: string,
  signal?: AbortSignal,
  env: Readonly<Record<string, string>> = {},
  timeoutMs = TIMEOUT_MS,
): Promise<ChildAnswer> {
  const { error, stdout, stderr } = await run(script, path, signal, env, timeoutMs);
  signal?.throwIfAborted();
  if (error?.killed) {
    const reason = l10n.t('It did not answer within {0} s.', timeoutMs / 1000);
    return { ok: false, reason, timedOut: true };
  }
  const failed = (reason: string): ChildAnswer => ({ ok: false, reason, timedOut: false });
  if (error?.signal === 'SIGILL') return failed(l10n.t('This processor lacks instructions that it uses.'));
  if (error) {
    const how = error.signal ?? l10n.t('code {0}', error.code ?? 0);
    return failed(l10n.t('It ended the process by {0}.', how));
  }
  return { ok: true, answer: parsed(stdout), stderr };
}

interface ChildEnd {
  readonly error: {
    readonly killed: boolean;
    readonly signal: string | null;
    readonly code: number | null;
  } | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  script: string,
  path: string,
  signal: AbortSignal | undefined,
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ChildEnd> {
  return execFile(process.execPath, ['-e', script, path], {
    // An Electron acts as a Node when asked to; a Node does not mind.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', TF_CPP_MIN_LOG_LEVEL: '3', ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    signal,
  }).then(
    (output) => ({ error: null, ...output }),
    ({ killed = false, signal: by, code, stdout = '', stderr = '' }: ExecFileException) => ({
      error: { killed, signal: by ?? null, code: typeof code === 'number' ? code : null },
      stdout,
      stderr,
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
