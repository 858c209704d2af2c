import * as l10n from '@vscode/l10n';
import type { FinalEvent } from '../protocol/events';
import type { FinalState } from '../protocol/manifest';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { formatBytes } from '../shared/format';
import {
  addressSpaceLimit,
  isOutOfMemory,
  lacksFileHandles,
  outOfMemoryRemedy,
  tooManyFilesRemedy,
} from '../system/errors';
import { openPlain } from '../system/plainFiles';

/** The exit status of a trainer process. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How much of the end of a trainer's output to include in its run's failure. */
const LOG_TAIL = { lines: 12, bytes: 16_000 } as const;

/** Crash output without use for the reader: native and JavaScript stack frames, headings, Node's version. */
const NOISE = /^\s*\d+: 0x[0-9a-f]+ |^\s+at \S|^<?---|^Node\.js v\d/;

/** Signals of a crash. Node gets one if it lacks address space, before it can print an error. */
const CRASHES: ReadonlySet<NodeJS.Signals> = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV', 'SIGBUS']);

/** The event that ends a log with the given state. */
export function finalEvent(state: FinalState): FinalEvent {
  const time = Date.now();
  switch (state.status) {
    case 'done':
      return { type: 'done', time, result: state.result };
    case 'stopped':
    case 'paused':
      return { type: state.status, time, step: state.step };
    case 'failed':
      return { type: 'failed', time, failure: state.failure };
    default:
      return assertNever(state);
  }
}

/** The failure for a trainer that could not be started. */
export function spawnFailure(nodePath: string, error: unknown): Failure {
  const message = messageOf(error);
  return {
    what: l10n.t('The trainer could not be started: {0}', message),
    remedy: lacksFileHandles(message)
      ? tooManyFilesRemedy()
      : l10n.t('Check that {0} is Node.js 20 or later.', nodePath),
  };
}

/**
 * The failure for a run with a trainer that exited without reporting an end.
 *
 * @param logTail the end of its output
 * @param limitBytes the address space limit per process, or null if there is none
 */
export function exitFailure(
  { code, signal }: Exit,
  logTail: string,
  limitBytes: number | null = addressSpaceLimit(),
): Failure {
  const hadNoMemory = isOutOfMemory(logTail);
  const ending = signal
    ? l10n.t('The trainer was killed by {0}.', signal)
    : code === 0
      ? l10n.t('The trainer exited before training was finished.')
      : l10n.t('The trainer exited with code {0}.', code ?? '?');
  const what = hadNoMemory ? l10n.t('Out of memory. {0}', ending) : ending;
  const lacksAddresses = limitBytes !== null && signal !== null && CRASHES.has(signal);
  const remedy = lacksAddresses
    ? l10n.t(
        'This process may use {0} of address space, which may be too little. Raise the limit (ulimit -v unlimited), then run again.',
        formatBytes(limitBytes),
      )
    : signal === 'SIGKILL' || hadNoMemory
      ? outOfMemoryRemedy()
      : l10n.t("See the run's trainer.log for the cause, then run again.");
  return { what, remedy, ...(logTail && { log: logTail }) };
}

/** The failure for a run with a moved or deleted folder. */
export function folderGoneFailure(folder: string): Failure {
  return {
    what: l10n.t('{0} was moved or deleted during training.', folder),
    remedy: l10n.t('If it was moved, resume the run at its new location.'),
  };
}

/** The last informative lines of a process's output, without duplicates. */
export function tellingLines(output: string): string {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== '' && !NOISE.test(line));
  return [...new Set(lines)].slice(-LOG_TAIL.lines).join('\n');
}

/**
 * Reads the last lines of a trainer's output, however long it is.
 *
 * @param from byte offset of its output in the file. Earlier output belongs to another trainer.
 */
export async function tailOf(logFile: string, from: number): Promise<string> {
  try {
    await using file = await openPlain(logFile);
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(Math.max(0, size - from), LOG_TAIL.bytes));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    return tellingLines(bytes.toString('utf8'));
  } catch {
    return '';
  }
}
