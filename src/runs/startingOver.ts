import { lstat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { settledMetrics } from '../protocol/fold';
import type { Failure } from '../shared/failure';
import { failureOf, isSystemError } from '../system/errors';
import { assertPlainFolders } from '../system/plainFiles';
import { renameOver } from '../system/renameOver';
import { claimWithRetry, releaseLease } from './lease/lease';
import { awaitVerdict, type Waiting } from './lease/verdict';
import { readAllEvents, thinningStride } from './log';
import { metricsPath, readManifest, resultOf } from './store';
import { doneFailure, untrainableFailure } from './trainable';

/** The folders with the results of a run's training. */
const RESULTS = ['checkpoints', 'evaluation'] as const;

/**
 * Renames a file or folder to an unused name next to it, such as `last.unreadable-1.safetensors`. Call it under the
 * run's lease.
 *
 * @param label the reason, as part of the name
 * @param reason saved next to it as text, if given
 * @returns the new path, or null if there was nothing to move
 * @throws the file system's error
 */
export async function moveAside(path: string, label: string, reason?: string): Promise<string | null> {
  await assertPlainFolders(path);
  const extension = extname(path);
  const name = basename(path, extension);
  for (let count = 1; ; count++) {
    const stem = join(dirname(path), `${name}.${label}-${count}`);
    const aside = `${stem}${extension}`;
    if (await exists(aside)) continue;
    try {
      await renameOver(path, aside);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return null;
      throw error;
    }
    // Only the file matters. On a full disk the reason appears in the trainer's log alone.
    if (reason !== undefined) await writeFile(`${stem}.txt`, `${reason}\n`, { flag: 'wx' }).catch(() => {});
    return aside;
  }
}

/**
 * Moves a run's results aside, so that it starts from the beginning when resumed. Deletes nothing: checkpoints and
 * evaluations move to folders next to their own, and the log continues.
 *
 * If it is unclear who trains the run, waits until it is clear.
 *
 * @returns the new paths, or the reason why nothing moved: the run is training or done, or a newer release wrote it
 * @throws the signal's reason if the wait was canceled
 */
export async function startOver(
  folder: string,
  waiting: Waiting = {},
): Promise<{ readonly moved: readonly string[] } | { readonly failure: Failure }> {
  try {
    const failure = await untrainableFailure(folder);
    if (failure) return { failure };
    await awaitVerdict(folder, waiting);
    const claim = await claimWithRetry(folder, 'change', process.pid, waiting.watch);
    if (!claim.ok) {
      const what = l10n.t('{0} is running.', basename(folder));
      return { failure: { what, remedy: l10n.t('Stop it first.') } };
    }
    let left: object | undefined;
    try {
      const reading = await readManifest(folder);
      if (!reading.ok) return { failure: { what: reading.reason, remedy: l10n.t('Restore its run.json.') } };
      left = resultOf(reading.manifest);
      // A finished run would not be trained again, and its results would be hidden.
      if (reading.manifest.state.status === 'done') return { failure: doneFailure(basename(folder)) };
      const moved: string[] = [];
      for (const name of RESULTS) {
        const aside = await moveAside(join(folder, name), 'before');
        if (aside !== null) moved.push(aside);
      }
      return { moved };
    } finally {
      await releaseLease(folder, claim.lease, left);
    }
  } catch (error) {
    waiting.signal?.throwIfAborted();
    return { failure: failureOf(error) };
  }
}

/** The progress that a run loses by starting over. */
export interface Progress {
  /** Completed epochs. */
  readonly epochs: number;
  /** Best validation accuracy, from 0 to 1, or null before the first. */
  readonly bestAccuracy: number | null;
  /** Validation accuracy of the last epoch. */
  readonly lastAccuracy: number | null;
}

/** Reads a run's progress from its log. An unreadable log counts as no progress. */
export async function progressOf(folder: string): Promise<Progress> {
  const { events } = await readAllEvents(metricsPath(folder), thinningStride).catch(() => ({ events: [] }));
  const epochs = settledMetrics(events).filter((event) => event.type === 'epoch');
  const accuracies = epochs.flatMap(({ validationAccuracy: accuracy }) => accuracy ?? []);
  return {
    epochs: epochs.length,
    bestAccuracy: accuracies.length > 0 ? Math.max(...accuracies) : null,
    lastAccuracy: epochs.at(-1)?.validationAccuracy ?? null,
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
