import * as vscode from 'vscode';
import { experimentName, isExperiment } from '../language/experimentFiles';
import { foreignOf } from '../language/parsing';
import { tell } from '../messages';
import type { KnownRun, ReadableRun } from '../runs/liveRun';
import { experimentFileOf } from '../runs/runLibrary';
import type { Services } from '../services';
import { pickRow } from '../shown';
import type { ExperimentsNode } from '../views/experimentsView';
import { runDescription } from '../views/runText';

/** The target of a command: a file, a run's folder, a row of the tree, or nothing from the palette. */
export type Target = vscode.Uri | string | ExperimentsNode | undefined;

/** The experiment file for a command: its target, the active editor, or the user's choice. */
export async function experimentTarget(services: Services, target: Target): Promise<vscode.Uri | undefined> {
  const named = experimentNamed(services, target);
  if (named) return named;
  const active = activeExperiment();
  if (active) return active;
  const { uris } = services.files;
  if (uris.length === 1) return uris[0];
  if (uris.length === 0) {
    tell('info', vscode.l10n.t('There is no experiment file here.'), {
      title: vscode.l10n.t('Create one'),
      run: () => vscode.commands.executeCommand('bagOfTricks.newExperiment'),
    });
    return undefined;
  }
  const picked = await pickRow(
    uris.map((uri) => ({
      label: experimentName(uri),
      description: vscode.workspace.asRelativePath(uri),
      uri,
    })),
    { placeHolder: vscode.l10n.t('Choose an experiment file') },
  );
  return picked?.uri;
}

/** The file for a trick command: its target, an active file of another system, or an experiment. */
export async function trickTarget(
  services: Services,
  target: vscode.Uri | undefined,
): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document;
  if (!target && active && !isExperiment(active.uri) && foreignOf(active)) return active.uri;
  return experimentTarget(services, target);
}

/** The run for a command: its target, the only candidate, or the user's choice. */
export async function runTarget<Run extends KnownRun>(
  { library, labels }: Services,
  target: Target,
  isMeant: (run: KnownRun) => run is Run,
): Promise<Run | undefined> {
  const folder = runFolderOf(target);
  if (folder !== undefined) {
    const run = library.find(folder);
    return run && isMeant(run) ? run : undefined;
  }
  const runs = library.runs.filter(isMeant);
  if (runs.length === 1) return runs[0];
  const picked = await pickRow(
    runs.map((run) => ({ ...runRow(run, labels), run })),
    { placeHolder: vscode.l10n.t('Choose a run') },
  );
  return picked?.run;
}

/**
 * The runs for a command: those of several selected rows without duplicates, otherwise as in `runTarget`.
 *
 * @param selected all selected rows, including the target
 */
export async function runTargets<Run extends KnownRun>(
  services: Services,
  target: Target,
  selected: readonly Target[] | undefined,
  isMeant: (run: KnownRun) => run is Run,
): Promise<Run[]> {
  if (!selected || selected.length < 2) {
    const run = await runTarget(services, target, isMeant);
    return run ? [run] : [];
  }
  const folders = new Set(selected.flatMap((each) => runFolderOf(each) ?? []));
  return [...folders].flatMap((folder) => {
    const run = services.library.find(folder);
    return run && isMeant(run) ? [run] : [];
  });
}

/** The experiment file in the active editor. */
export function activeExperiment(): vscode.Uri | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri && isExperiment(uri) ? uri : undefined;
}

export function isReadable(run: KnownRun): run is ReadableRun {
  return run.kind === 'run';
}

export function isWaiting(run: KnownRun): run is ReadableRun {
  return run.kind === 'run' && run.manifest.state.status === 'queued';
}

export function isAny(run: KnownRun): run is KnownRun {
  return true;
}

/** The folder of a target's run, if the target names one. */
export function runFolderOf(target: Target): string | undefined {
  if (typeof target === 'string') return target;
  const isRun = target && 'kind' in target && (target.kind === 'run' || target.kind === 'queued');
  return isRun ? target.run.folder : undefined;
}

function experimentNamed({ library }: Services, target: Target): vscode.Uri | undefined {
  if (target instanceof vscode.Uri) return target;
  if (typeof target === 'object' && target.kind === 'experiment') return target.uri;
  const folder = runFolderOf(target);
  const run = folder === undefined ? undefined : library.find(folder);
  return run?.kind === 'run' ? vscode.Uri.file(experimentFileOf(run)) : undefined;
}

function runRow(
  run: KnownRun,
  labels: Services['labels'],
): { label: string; description: string; detail: string } {
  return run.kind === 'run'
    ? { label: labels.of(run).full, description: runDescription(run), detail: run.id }
    : { label: run.id, description: run.reason, detail: run.folder };
}
