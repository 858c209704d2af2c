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

/** How a trainer's process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How much of the end of a trainer's output goes into its run's failure. */
const LOG_TAIL = { lines: 12, bytes: 16_000 } as const;

/** A line of a crash's native stack, which tells a person nothing. */
const NATIVE_FRAME = /^\s*\d+: 0x[0-9a-f]+ /;

/** The event that ends a log in a state. */
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

/** Why a trainer could not be started. */
export function spawnFailure(nodePath: string, error: unknown): Failure {
  const message = messageOf(error);
  return {
    what: l10n.t('The trainer could not be started: {0}', message),
    remedy: lacksFileHandles(message)
      ? tooManyFilesRemedy()
      : l10n.t('Check that {0} is a Node of version 20 or later.', nodePath),
  };
}

/**
 * Why a run failed whose trainer left without a word.
 *
 * @param logTail The end of its output.
 * @param limitBytes How much address space a process may have; null where it is not limited.
 */
export function exitFailure(
  { code, signal }: Exit,
  logTail: string,
  limitBytes: number | null = addressSpaceLimit(),
): Failure {
  const what = signal
    ? l10n.t('The trainer was ended by {0}.', signal)
    : code === 0
      ? l10n.t('The trainer left before the training was over.')
      : l10n.t('The trainer left with exit code {0}.', code ?? '?');
  // Node itself aborts where it gets no address space, before it can say so.
  const lacksAddresses =
    limitBytes !== null && signal !== null && signal !== 'SIGKILL' && signal !== 'SIGTERM';
  const remedy = lacksAddresses
    ? l10n.t(
        'This process may use {0} of address space, which may be too little: raise the limit (ulimit -v unlimited), then run again.',
        formatBytes(limitBytes),
      )
    : signal === 'SIGKILL' || isOutOfMemory(logTail)
      ? outOfMemoryRemedy()
      : l10n.t("Look at the run's trainer.log for the cause, then run again.");
  return { what: logTail ? `${what}\n${logTail}` : what, remedy };
}

/** Why a run failed whose folder is no more where it was. */
export function folderGoneFailure(folder: string): Failure {
  return {
    what: l10n.t('{0} was moved or deleted while the run trained.', folder),
    remedy: l10n.t('Where it was moved, resume the run at its new place.'),
  };
}

/** The last lines of a trainer's output, however long it is. */
export async function tailOf(logFile: string): Promise<string> {
  try {
    const file = await openPlain(logFile);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, LOG_TAIL.bytes));
      await file.read(bytes, 0, bytes.length, size - bytes.length);
      const lines = bytes.toString('utf8').split(/\r?\n/);
      return lines
        .filter((line) => line.trim() !== '' && !NATIVE_FRAME.test(line))
        .slice(-LOG_TAIL.lines)
        .join('\n');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
