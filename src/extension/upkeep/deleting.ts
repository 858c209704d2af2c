import * as vscode from 'vscode';
import { deleteRun as deleteForGood } from '../../runs/store';
import {
  emptyTrash as emptyStoredTrash,
  purgeTrash,
  restoreRun as restoreStoredRun,
  TRASH_DAYS,
  type TrashedRun,
  trashRun,
} from '../../runs/upkeep/trash';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { runInUseFailure, runsOfStudiesUnderWay } from '../../studies/store';
import { failureOf } from '../../system/errors';
import { deleteStudy } from '../commands/studyCommands';
import { isAny, runTargets, type Target } from '../commands/targets';
import { asks, tell, tellFailure, whileWaiting } from '../messages';
import type { KnownRun } from '../runs/liveRun';
import type { Services } from '../services';
import { pickRow } from '../shown';
import { trashText } from '../views/runText';

type Removed = Pick<TrashedRun, 'id' | 'root' | 'folder'>;

/** Moves runs to the trash, with undo. */
export async function deleteRun(
  services: Services,
  target: Target,
  selected?: readonly Target[],
): Promise<void> {
  await deleteRuns(services, await runTargets(services, target, selected, isAny));
}

/** Handles the Delete key for the selected runs or a single selected study. */
export async function deleteSelected(services: Services): Promise<void> {
  const rows = services.selectedRows();
  const [first, ...others] = rows;
  if (first?.kind === 'study' && others.length === 0) return deleteStudy(services, first);
  const runs = rows.filter(({ kind }) => kind === 'run' || kind === 'queued');
  const [run] = runs;
  if (run) await deleteRun(services, run, runs);
}

async function deleteRuns(services: Services, runs: readonly KnownRun[]): Promise<void> {
  const removed: Removed[] = [];
  const failures: Failure[] = [];
  const roots = [...new Set(runs.map(({ root }) => root))];
  for (const root of roots) {
    try {
      const inUse = await runsOfStudiesUnderWay(root);
      for (const { id } of runs.filter((run) => run.root === root)) {
        const study = inUse.get(id);
        const failure = study ? runInUseFailure(id, study) : await removeOne(root, id, removed);
        if (failure) failures.push(failure);
      }
      await purgeTrash(root);
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  await services.library.refresh();
  tellRemoved(services, removed);
  tellFirst(failures);
}

async function removeOne(root: string, id: string, removed: Removed[]): Promise<Failure | null> {
  return whileWaiting(async (waiting) => {
    const trashing = await trashRun(root, id, waiting);
    switch (trashing.outcome) {
      case 'trashed':
        removed.push({ root, id, folder: trashing.folder });
        return null;
      case 'failed':
        return trashing.failure;
      case 'other_disk': {
        const { what, remedy } = trashing.failure;
        const forGood = vscode.l10n.t('Delete for good');
        return (await asks('warning', what, forGood, remedy)) ? deleteForGood(root, id, waiting) : null;
      }
      default:
        return assertNever(trashing);
    }
  });
}

function tellRemoved(services: Services, removed: readonly Removed[]): void {
  const [first] = removed;
  if (!first) return;
  const message =
    removed.length === 1
      ? vscode.l10n.t('Deleted {0}. The trash keeps it for {1} days.', first.id, TRASH_DAYS)
      : vscode.l10n.t('Deleted {0} runs. The trash keeps them for {1} days.', removed.length, TRASH_DAYS);
  tell('info', message, { title: vscode.l10n.t('Undo'), run: () => restore(services, removed) });
}

/** Restores deleted runs: the selected rows of the trash, or one that the user picks. */
export async function restoreRun(
  services: Services,
  target: Target,
  selected: readonly Target[] = [],
): Promise<void> {
  const rows = selected.length > 1 ? selected : [target];
  const trashed = rows.flatMap((row) =>
    typeof row === 'object' && 'kind' in row && row.kind === 'trashed' ? [row.run] : [],
  );
  if (trashed.length > 0) return restore(services, trashed);
  const picked = await pickRow(
    services.library.trash.map((run) => ({ label: run.id, description: trashText([run]), run })),
    { placeHolder: vscode.l10n.t('Choose a deleted run') },
  );
  if (picked) await restore(services, [picked.run]);
}

async function restore(services: Services, runs: readonly Removed[]): Promise<void> {
  const failures: Failure[] = [];
  for (const run of runs) {
    const failure = await restoreStoredRun(run);
    if (failure) failures.push(failure);
  }
  await services.library.refresh();
  for (const root of new Set(runs.map((run) => run.root))) services.runner.wake(root);
  tellFirst(failures);
}

/** Empties the trash permanently after the user confirms. */
export async function emptyTrash(services: Services): Promise<void> {
  const { trash } = services.library;
  if (trash.length === 0) {
    tell('info', vscode.l10n.t('The trash is empty.'));
    return;
  }
  const question = vscode.l10n.t('Empty the trash ({0})?', trashText(trash));
  const detail = vscode.l10n.t('The metrics and checkpoints of its runs are deleted for good.');
  if (!(await asks('warning', question, vscode.l10n.t('Empty trash'), detail))) return;
  try {
    for (const root of new Set(trash.map((run) => run.root))) {
      await emptyStoredTrash(
        root,
        trash.filter((run) => run.root === root),
      );
    }
  } catch (error) {
    tellFailure(failureOf(error));
  }
  await services.library.refresh();
}

function tellFirst([first, ...others]: readonly Failure[]): void {
  if (!first) return;
  const more = others.length === 0 ? '' : ` ${vscode.l10n.t('{0} more failed too.', others.length)}`;
  tellFailure({ what: first.what, remedy: `${first.remedy}${more}` });
}
