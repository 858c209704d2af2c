import * as vscode from 'vscode';
import { lacksIndex } from '../../experiment/parse';
import { manifestPath, trainerLogPath } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { commandExperimentOf, parsedOf } from '../language/parsing';
import { tell, tellFailure, whileWaiting } from '../messages';
import { isLive, isResumable, isRunning, type ReadableRun } from '../runs/liveRun';
import { experimentFileOf } from '../runs/runLibrary';
import type { Services } from '../services';
import { mayRunCommand } from './commandConsent';
import { hasSameImages, indexFirst, openLogOffer, tellUnindexed } from './dataCommands';
import { mayRun, openFile, savedDocument, tellProblems } from './documents';
import { isTakenOn, mayResume } from './resuming';
import {
  activeExperiment,
  experimentTarget,
  isAny,
  isReadable,
  runFolderOf,
  runTarget,
  runTargets,
  type Target,
} from './targets';

/**
 * Saves an experiment file, queues a run of it and shows the run's dashboard. With several `selected`, does so for
 * each.
 */
export async function run(services: Services, target: Target, selected?: readonly Target[]): Promise<void> {
  const targets = selected && selected.length > 1 ? selected : [target];
  await startEach(services, targets, (one) => runOne(services, one));
}

/** Starts a run of each, and shows the dashboard of the first one, which trains first. */
async function startEach<Each>(
  services: Services,
  all: readonly Each[],
  start: (each: Each) => Promise<string | null>,
): Promise<void> {
  let isShown = false;
  for (const each of all) {
    const folder = await start(each);
    const started = folder === null ? undefined : services.library.find(folder);
    if (isShown || started?.kind !== 'run') continue;
    services.dashboards.open(started);
    isShown = true;
  }
}

/** Starts a run and returns its folder, or null with a message. */
async function runOne(services: Services, target: Target): Promise<string | null> {
  const uri = await experimentTarget(services, target);
  if (!uri || !mayRun()) return null;
  const document = await savedDocument(uri);
  if (!document) return null;
  // Images that changed after indexing would fail the run.
  if (!(await indexFirst(services, document)) || !(await mayRunCommand(document))) return null;
  const start = await services.runner.start(document);
  switch (start.outcome) {
    case 'started':
      return start.folder;
    case 'bad_file':
      tellProblems(document, start.problems);
      return null;
    case 'unindexed':
      tellUnindexed(services, uri);
      return null;
    case 'failed':
      tellFailure(start.failure, openLogOffer(services));
      return null;
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

/** Pauses a run after the current step, with a checkpoint to resume from. */
export async function pause(services: Services, target: Target): Promise<void> {
  const running = await runTarget(services, target, isRunning);
  if (!running) return;
  const failure = await services.runner.pause(running);
  await services.library.refresh();
  if (failure) tellFailure(failure);
}

/** Resumes an unfinished run. */
export async function resume(services: Services, target: Target): Promise<void> {
  if (!mayRun()) return;
  const resumable = await runTarget(services, target, isResumable);
  if (!resumable || !(await mayResume(resumable))) return;
  const failure = await whileWaiting((waiting) => services.runner.resume(resumable, waiting));
  if (failure) tellFailure(failure);
}

/** Opens a run's dashboard: the target's, else that of the active file's last run, else that of the newest run. */
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

/** Shows the recipe of a run, or the one that an experiment file resolves to. */
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
  const command = commandExperimentOf(document);
  if (command?.ok === false) return tellProblems(document, command.problems);
  if (command) return services.recipes.show(command.recipe, uri.toString());
  const parsed = parsedOf(document);
  if (parsed.ok) await services.recipes.show(parsed.recipe, uri.toString());
  else if (lacksIndex(parsed)) tellUnindexed(services, uri);
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

/** Trains the runs' own recipes again, whatever their files now contain. */
export async function runAgain(
  services: Services,
  target: Target,
  selected?: readonly Target[],
): Promise<void> {
  if (!mayRun()) return;
  const repeated = await runTargets(services, target, selected, isReadable);
  await startEach(services, repeated, (each) => repeatOne(services, each));
}

async function repeatOne(services: Services, repeated: ReadableRun): Promise<string | null> {
  if (!(await isTakenOn(repeated)) || !(await hasSameImages(services, repeated))) return null;
  const start = await services.runner.repeat(repeated);
  if (start.outcome === 'started') return start.folder;
  tellFailure(start.failure, openLogOffer(services));
  return null;
}

/** Runs the experiment file of a run in its current version. */
export async function runFile(services: Services, target: Target): Promise<void> {
  const ofFile = await runTarget(services, target, isReadable);
  if (ofFile) await run(services, vscode.Uri.file(experimentFileOf(ofFile)));
}
