import * as vscode from 'vscode';
import { deleteRun as deleteStoredRun, manifestPath, trainerLogPath } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { parsedOf } from '../language/parsing';
import { asks, tell, tellFailure, whileWaiting } from '../messages';
import { isLive, isResumable, isRunning } from '../runs/liveRun';
import { experimentFileOf } from '../runs/runLibrary';
import type { Services } from '../services';
import { indexFirst, tellUnindexed } from './dataCommands';
import { mayRun, openFile, savedDocument, tellProblems } from './documents';
import { mayResume } from './resuming';
import {
  activeExperiment,
  experimentTarget,
  isAny,
  isReadable,
  runFolderOf,
  runTarget,
  type Target,
} from './targets';

/**
 * Saves an experiment file, queues a run of it, which starts when it may, and shows the run's dashboard; so for
 * each of `selected`, where a person has selected several.
 */
export async function run(services: Services, target: Target, selected?: readonly Target[]): Promise<void> {
  const targets = selected && selected.length > 1 ? selected : [target];
  for (const one of targets) await runOne(services, one);
}

async function runOne(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri || !mayRun()) return;
  const document = await savedDocument(uri);
  if (!document) return;
  // What has changed since the images were indexed would fail the run.
  if (!(await indexFirst(services, document))) return;
  const start = await services.runner.start(document);
  switch (start.outcome) {
    case 'started': {
      const started = services.library.find(start.folder);
      if (started?.kind === 'run') services.dashboards.open(started);
      break;
    }
    case 'bad_file':
      tellProblems(document, start.problems);
      break;
    case 'unindexed':
      tellUnindexed(services, uri);
      break;
    case 'failed':
      tellFailure(start.failure, { title: vscode.l10n.t('Open log'), run: () => services.log.show() });
      break;
    default:
      return assertNever(start);
  }
}

export async function stop(services: Services, target: Target): Promise<void> {
  const live = await runTarget(services, target, isLive);
  if (!live) return;
  const failure = await services.runner.stop(live);
  await services.library.refresh();
  if (failure) tellFailure(failure);
}

/** Lets a run end after its step, with a checkpoint, to be resumed. */
export async function pause(services: Services, target: Target): Promise<void> {
  const running = await runTarget(services, target, isRunning);
  if (!running) return;
  const failure = await services.runner.pause(running);
  await services.library.refresh();
  if (failure) tellFailure(failure);
}

/** Lets a run go on that ended before its training was over. */
export async function resume(services: Services, target: Target): Promise<void> {
  if (!mayRun()) return;
  const resumable = await runTarget(services, target, isResumable);
  if (!resumable || !(await mayResume(resumable))) return;
  const failure = await whileWaiting((waiting) => services.runner.resume(resumable, waiting));
  if (failure) tellFailure(failure);
}

/** Opens a run's dashboard: the target's, else the active file's last run, else the newest. */
export async function openDashboard(services: Services, target: Target): Promise<void> {
  const { library, dashboards } = services;
  const folder = runFolderOf(target);
  const active = activeExperiment();
  const shown =
    folder !== undefined
      ? library.find(folder)
      : ((active && library.runsOf(active.fsPath)[0]) ?? library.runs.find(isReadable));
  if (shown?.kind === 'run') dashboards.open(shown);
  else tell('info', vscode.l10n.t('There is no run to show.'));
}

/** Shows the recipe of a run, or that an experiment file leads to. */
export async function showRecipe(services: Services, target: Target): Promise<void> {
  const folder = runFolderOf(target);
  if (folder !== undefined) {
    const shown = services.library.find(folder);
    if (shown?.kind === 'run') await services.recipes.show(shown.manifest.recipe, folder);
    return;
  }
  const uri = await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const parsed = parsedOf(document);
  if (parsed.ok) await services.recipes.show(parsed.recipe, uri.toString());
  else if (parsed.unindexed) tellUnindexed(services, uri);
  else tellProblems(document, parsed.problems);
}

export async function openExperiment(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (uri) await openFile(uri);
}

export async function openManifest(services: Services, target: Target): Promise<void> {
  const shown = await runTarget(services, target, isAny);
  if (shown) await openFile(vscode.Uri.file(manifestPath(shown.folder)));
}

export async function openRunLog(services: Services, target: Target): Promise<void> {
  const shown = await runTarget(services, target, isAny);
  if (shown) await openFile(vscode.Uri.file(trainerLogPath(shown.folder)));
}

export async function copyRunPath(services: Services, target: Target): Promise<void> {
  const shown = await runTarget(services, target, isAny);
  if (shown) await vscode.env.clipboard.writeText(shown.folder);
}

/** Deletes a run's folder once a person has confirmed it. */
export async function deleteRun(services: Services, target: Target): Promise<void> {
  const doomed = await runTarget(services, target, isAny);
  if (!doomed) return;
  const confirm = vscode.l10n.t('Delete');
  const question = vscode.l10n.t('Delete the run {0}?', doomed.id);
  const detail = vscode.l10n.t('Its metrics and checkpoints are deleted for good.');
  if (!(await asks('warning', question, confirm, detail))) return;
  const failure = await whileWaiting((waiting) => deleteStoredRun(doomed.root, doomed.id, waiting));
  await services.library.refresh();
  if (failure) tellFailure(failure);
}

/** Runs the experiment file of a run again, as it is now. */
export async function runAgain(services: Services, folder: string): Promise<void> {
  const again = services.library.find(folder);
  if (again?.kind === 'run') await run(services, vscode.Uri.file(experimentFileOf(again)));
}
