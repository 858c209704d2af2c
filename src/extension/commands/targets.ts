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

/** What a command was called on: a file, a run by its folder, a row of the tree, or, from the palette, nothing. */
export type Target = vscode.Uri | string | ExperimentsNode | undefined;

/** The experiment file that a command is about: its target's, the active one, or one that a person picks. */
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

/** The file that a command about tricks is about: its target, another system's file that is active, an experiment. */
export async function trickTarget(
  services: Services,
  target: vscode.Uri | undefined,
): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document;
  if (!target && active && !isExperiment(active.uri) && foreignOf(active)) return active.uri;
  return experimentTarget(services, target);
}

/** The run that a command is about: its target, the only one that can be meant, or one that a person picks. */
export async function runTarget<Run extends KnownRun>(
  { library }: Services,
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
    runs.map((run) => ({ ...runLabel(run), run })),
    { placeHolder: vscode.l10n.t('Choose a run') },
  );
  return picked?.run;
}

/** The experiment file in the active editor. */
export function activeExperiment(): vscode.Uri | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri && isExperiment(uri) ? uri : undefined;
}

export function isReadable(run: KnownRun): run is ReadableRun {
  return run.kind === 'run';
}

export function isAny(run: KnownRun): run is KnownRun {
  return true;
}

/** The folder of the run that a target names, if it names one. */
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

function runLabel(run: KnownRun): { label: string; description: string; detail: string } {
  return run.kind === 'run'
    ? { label: run.manifest.name, description: runDescription(run), detail: run.id }
    : { label: run.id, description: run.reason, detail: run.folder };
}
