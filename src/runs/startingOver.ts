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

/** The folders of a run that hold what its training has come to. */
const RESULTS = ['checkpoints', 'evaluation'] as const;

/**
 * Gives a file or folder a name that nobody has, beside its own: `last.unreadable-1.safetensors`. Done under the run's lease.
 *
 * @param label why it goes, as part of its name
 * @param reason kept beside it as text, where there is one
 * @returns its new path; null where it is not there
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
    // The file is what counts: on a full disk its reason is in the trainer's log alone.
    if (reason !== undefined) await writeFile(`${stem}.txt`, `${reason}\n`, { flag: 'wx' }).catch(() => {});
    return aside;
  }
}

/**
 * Moves what a run's training has come to aside, so that it starts anew when it is resumed. Nothing is deleted: checkpoints
 * and evaluations go to folders beside their own, and the log goes on.
 *
 * Where it cannot be told who trains the run, waits until it can.
 *
 * @returns where they are now; or why they stay: the run is trained, or done, or a newer release wrote it
 * @throws the signal's reason where the wait was cancelled
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
      // It would not be trained again, and its results would be hidden.
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

/** What a run loses that starts anew. */
export interface Progress {
  /** Whole epochs done. */
  readonly epochs: number;
  /** The best validation accuracy, from 0 to 1; null before there is one. */
  readonly bestAccuracy: number | null;
}

/** How far a run has come, as its log says; nothing is done where it cannot be read. */
export async function progressOf(folder: string): Promise<Progress> {
  const { events } = await readAllEvents(metricsPath(folder), thinningStride).catch(() => ({ events: [] }));
  const epochs = settledMetrics(events).filter((event) => event.type === 'epoch');
  const accuracies = epochs.map(({ validationAccuracy }) => validationAccuracy);
  return {
    epochs: epochs.length,
    bestAccuracy: accuracies.length > 0 ? Math.max(...accuracies) : null,
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
