import * as vscode from 'vscode';
import { notifyWatchers } from '../../runs/store';
import { writeOwnName } from '../../runs/upkeep/ownName';
import { failureOf } from '../../system/errors';
import { isReadable, runTarget, type Target } from '../commands/targets';
import { tellFailure } from '../messages';
import type { Services } from '../services';

/** Asks for a new name of a run: the target, the selected run, or one that the user picks. */
export async function renameRun(
  services: Services,
  target: Target,
  _selected?: unknown,
  name?: string,
): Promise<void> {
  const [selected] = services.selectedRows().filter(({ kind }) => kind === 'run' || kind === 'queued');
  const run = await runTarget(services, target ?? selected, isReadable);
  if (!run) return;
  const written =
    name ??
    (await vscode.window.showInputBox({
      title: vscode.l10n.t('Rename {0}', run.id),
      value: run.manifest.name,
      prompt: vscode.l10n.t("Leave it empty to use the experiment's name, {0}.", run.manifest.recipe.name),
    }));
  if (written === undefined) return;
  try {
    await writeOwnName(run.folder, written);
    await notifyWatchers(run.folder);
  } catch (error) {
    tellFailure(failureOf(error));
  }
  await services.library.refresh();
}
