import * as vscode from 'vscode';
import { cancelQueued as takeOut } from '../../runs/queue';
import { isWaiting, runFolderOf, runTargets, type Target } from '../commands/targets';
import { tell, tellFailure } from '../messages';
import { isRunning, type ReadableRun } from '../runs/liveRun';
import type { Services } from '../services';

/**
 * Removes queued runs from the queue, with undo. Leaves a run that has started training since: the click was on a row
 * of the queue.
 */
export async function cancelQueued(
  services: Services,
  target: Target,
  selected?: readonly Target[],
): Promise<void> {
  const cancelled: ReadableRun[] = [];
  for (const run of await runTargets(services, target, selected, isWaiting)) {
    if (await takeOut(run.folder)) cancelled.push(run);
  }
  await services.library.refresh();
  const [first] = cancelled;
  if (first) {
    const message =
      cancelled.length === 1
        ? vscode.l10n.t('Removed {0} from the queue.', first.id)
        : vscode.l10n.t('Removed {0} runs from the queue.', cancelled.length);
    tell('info', message, {
      title: vscode.l10n.t('Undo'),
      run: async () => {
        const failure = await services.runner.putBack(cancelled);
        if (failure) tellFailure(failure);
      },
    });
    return;
  }
  const folder = runFolderOf(target);
  const run = folder === undefined ? undefined : services.library.find(folder);
  if (run && isRunning(run)) {
    tell('info', vscode.l10n.t('{0} is already running. It was not stopped.', run.id), {
      title: vscode.l10n.t('Stop it'),
      run: () => vscode.commands.executeCommand('bagOfTricks.stop', run.folder),
    });
  }
}
