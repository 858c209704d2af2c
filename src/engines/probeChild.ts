import type { ExecFileException } from 'node:child_process';
import * as l10n from '@vscode/l10n';
import { execFile } from '../system/children';

const TIMEOUT_MS = 60_000;

/** A child's answer, parsed from its output, or the reason why there is none. */
export type ChildAnswer =
  | { readonly ok: true; readonly answer: unknown; readonly stderr: string }
  | { readonly ok: false; readonly reason: string; readonly end: ChildFailure };

/** `instructions`: the child uses instructions that the processor lacks. */
type ChildFailure = 'late' | 'instructions' | 'crash';

/**
 * Runs a Node script in a child process, so a crash ends only that process. The script takes a path as its argument and
 * prints its answer as JSON. It is passed as text, so it does not depend on any bundle.
 *
 * @param env added to this process's environment
 * @throws the signal's reason if aborted
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
    return { ok: false, reason, end: 'late' };
  }
  if (error?.signal === 'SIGILL') {
    const reason = l10n.t('This processor lacks instructions that it needs.');
    return { ok: false, reason, end: 'instructions' };
  }
  if (error) {
    const how = error.signal ?? l10n.t('code {0}', error.code ?? 0);
    return { ok: false, reason: l10n.t('It crashed the process ({0}).', how), end: 'crash' };
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
    // Makes Electron act as Node. Node itself ignores it.
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
