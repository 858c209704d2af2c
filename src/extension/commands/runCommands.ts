import * as vscode from 'vscode';
import type { Problem } from '../../experiment/problem';
import { deleteRun as deleteStoredRun, manifestPath, trainerLogPath } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { experimentName } from '../language/experimentFiles';
import { editorRange, parsedOf } from '../language/parsing';
import { tell, tellFailure } from '../messages';
import { isLive, isResumable, isRunning } from '../runs/liveRun';
import { experimentFileOf } from '../runs/runLibrary';
import type { Services } from '../services';
import {
  activeExperiment,
  experimentTarget,
  isAny,
  isReadable,
  runIdOf,
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
  const start = await services.runner.start(document);
  switch (start.outcome) {
    case 'started': {
      const started = services.library.find(start.id);
      if (started?.kind === 'run') services.dashboards.open(started);
      break;
    }
    case 'bad_file':
      tellProblems(document, start.problems);
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
  if (!resumable) return;
  const failure = await services.runner.resume(resumable);
  if (failure) tellFailure(failure);
}

/** Opens a run's dashboard: the target's, else the active file's last run, else the newest. */
export async function openDashboard(services: Services, target: Target): Promise<void> {
  const { library, dashboards } = services;
  const id = runIdOf(target);
  const active = activeExperiment();
  const shown =
    id !== undefined
      ? library.find(id)
      : ((active && library.runsOf(active.fsPath)[0]) ?? library.runs.find(isReadable));
  if (shown?.kind === 'run') dashboards.open(shown);
  else tell('info', vscode.l10n.t('There is no run to show.'));
}

/** Shows the recipe of a run, or that an experiment file leads to. */
export async function showRecipe(services: Services, target: Target): Promise<void> {
  const id = runIdOf(target);
  if (id !== undefined) {
    const shown = services.library.find(id);
    if (shown?.kind === 'run') await services.recipes.show(shown.manifest.recipe, id);
    return;
  }
  const uri = await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const parsed = parsedOf(document);
  if (parsed.ok) await services.recipes.show(parsed.recipe, uri.toString());
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
  const choice = await vscode.window.showWarningMessage(
    vscode.l10n.t('Delete the run {0}?', doomed.id),
    { modal: true, detail: vscode.l10n.t('Its metrics and checkpoints are deleted for good.') },
    confirm,
  );
  if (choice !== confirm) return;
  const failure = await deleteStoredRun(doomed.root, doomed.id);
  await services.library.refresh();
  if (failure) tellFailure(failure);
}

/** Runs the experiment file of a run again, as it is now. */
export async function runAgain(services: Services, id: string): Promise<void> {
  const again = services.library.find(id);
  if (again?.kind === 'run') await run(services, vscode.Uri.file(experimentFileOf(again)));
}

/** Whether the workspace is trusted; where it is not, says so. */
function mayRun(): boolean {
  if (vscode.workspace.isTrusted) return true;
  tell('warning', vscode.l10n.t('Running an experiment starts a program, which needs a trusted workspace.'), {
    title: vscode.l10n.t('Manage trust'),
    run: () => vscode.commands.executeCommand('workbench.trust.manage'),
  });
  return false;
}

/** The document of an experiment file as it is on disk; undefined, and a message, where it is not there. */
async function savedDocument(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  const saved = uri.scheme === 'untitled' ? await vscode.workspace.save(uri) : uri;
  if (!saved) return undefined;
  if (saved.scheme !== 'file') {
    tell(
      'warning',
      vscode.l10n.t('{0} is on no disk that a trainer can read. Save it in a folder.', saved.path),
    );
    return undefined;
  }
  try {
    const document = await vscode.workspace.openTextDocument(saved);
    if (!document.isDirty || (await document.save())) return document;
    tell('error', vscode.l10n.t('{0} could not be saved, so it was not run.', saved.fsPath));
  } catch {
    tell('error', vscode.l10n.t('{0} cannot be read. Check that it is still there.', saved.fsPath));
  }
  return undefined;
}

async function openFile(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    tell('warning', vscode.l10n.t('{0} is not there.', uri.fsPath));
    return;
  }
  await vscode.commands.executeCommand('vscode.open', uri);
}

function tellProblems(document: vscode.TextDocument, [first]: readonly Problem[]): void {
  if (!first) return;
  const line = first.range.start.line + 1;
  const message = vscode.l10n.t(
    '{0} cannot run. Line {1}: {2} {3}',
    experimentName(document.uri),
    line,
    first.what,
    first.remedy,
  );
  tell('error', message, {
    title: vscode.l10n.t('Show'),
    run: () => vscode.window.showTextDocument(document, { selection: editorRange(first.range) }),
  });
}
