import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { shortfallText } from '../../insight/study/shortfall';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import type { ChosenPlan, StudySource } from '../../studies/planning';
import { planOf, scheduleOf, unfinishedStudy, writeDown } from '../../studies/preparing';
import type { Scheduling } from '../../studies/record';
import type { ReadStudy } from '../../study/file/study';
import { failureOf } from '../../system/errors';
import { storeRootOf } from '../language/parsing';
import { experimentUri, isStudy, STUDY_GLOB, studyOf } from '../language/studyFiles';
import { chooses, tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { pickRow, plainMessage } from '../shown';
import type { ExperimentsNode } from '../views/experimentsView';
import { ImagesNotIndexed, indexFirst, indexMissing, tellUnindexed } from './dataCommands';
import { mayRun, savedDocument, tellProblems } from './documents';
import { mayRunStudy } from './resuming';

/**
 * Saves a study file and its experiment, plans the study, and runs it in this window: one of the same texts that was begun
 * goes on. Before anything starts a person is told where the budget cannot tell effects as large as the smallest that
 * matters; what suits this machine is measured first, which they may cancel.
 */
export async function runStudy(
  services: Services,
  target: vscode.Uri | ExperimentsNode | undefined,
): Promise<void> {
  const uri = await studyFileTarget(target);
  if (!uri || !mayRun()) return;
  const read = await readSaved(services, uri);
  if (!read) return;
  try {
    const folder = (await folderOfUnfinished(read)) ?? (await prepare(services, read));
    if (folder === null || !(await mayRunStudy(folder))) return;
    await services.studies.refresh();
    const study = services.studies.facts(folder);
    if (study) services.studyPanels.open(study);
    const failure = await services.studies.resume(folder);
    await services.studies.refresh();
    if (failure) tellFailure(failure, openLog(services));
  } catch (error) {
    // Why they were not indexed was told.
    if (error instanceof ImagesNotIndexed) return;
    tellFailure(failureOf(error), openLog(services));
  }
}

/** A study file as it is on the disk, with what it says. */
interface SavedStudy {
  /** The folder that has the store. */
  readonly root: string;
  readonly document: vscode.TextDocument;
  readonly source: StudySource;
  readonly parsed: ReadStudy;
}

/** Saves a study file and its experiment and reads both; undefined, and a message, where it cannot be run. */
async function readSaved(services: Services, uri: vscode.Uri): Promise<SavedStudy | undefined> {
  const document = await savedDocument(uri);
  if (!document) return undefined;
  const named = studyOf(document);
  if (!named.ok && named.why === 'problems' && !named.study) {
    tellProblems(document, errorsOf(named));
    return undefined;
  }
  if (!named.ok && named.why === 'search') {
    tell(
      'info',
      vscode.l10n.t(
        '{0} is a search. Run it in a terminal: {1}',
        basename(uri.path),
        `tricks tune ${uri.fsPath}`,
      ),
    );
    return undefined;
  }
  const path = named.study?.experiment;
  if (path === undefined) return undefined;
  const experiment = await savedDocument(experimentUri(document.uri, path));
  if (!experiment || !(await indexFirst(services, experiment))) return undefined;
  // Saving and indexing may have changed what it says.
  const parsed = studyOf(document);
  if (!parsed.ok) {
    if (parsed.why === 'problems') tellProblems(document, errorsOf(parsed));
    else if (parsed.why === 'unindexed') tellUnindexed(services, experiment.uri);
    return undefined;
  }
  const experimentFile = resolve(dirname(document.uri.fsPath), parsed.study.experiment);
  return {
    root: storeRootOf(experiment.uri),
    ...{ document, parsed },
    source: {
      file: document.uri.fsPath,
      text: document.getText(),
      experiment: { file: experimentFile, text: experiment.getText() },
    },
  };
}

function errorsOf({ problems }: Extract<ReturnType<typeof studyOf>, { why: 'problems' }>) {
  return problems.filter(({ severity }) => severity === 'error');
}

async function folderOfUnfinished({ root, source }: SavedStudy): Promise<string | null> {
  return (await unfinishedStudy(root, source))?.folder ?? null;
}

/** Plans a study and writes it down; its folder, or null where a person gave it up. */
async function prepare(services: Services, saved: SavedStudy): Promise<string | null> {
  const { root, source, parsed } = saved;
  const index = (requests: readonly OwnDatasetRequest[]) =>
    indexMissing(services, root, dirname(source.experiment.file), requests);
  const plan = (scheduling: Scheduling | null) =>
    whilePlanning(() => planOf(root, source, parsed, scheduling, index));
  if ('runs' in parsed.study.budget) {
    // Asked before anything is measured.
    const chosen = await plan(null);
    if (!(await mayFallShort(services, saved, chosen))) return null;
    const scheduling = await measured(services, saved, runsOf(chosen));
    return scheduling && (await writeDown(root, source, parsed, chosen, scheduling, index)).folder;
  }
  const scheduling = await measured(services, saved, Number.MAX_SAFE_INTEGER);
  if (!scheduling) return null;
  const chosen = await plan(scheduling);
  if (!(await mayFallShort(services, saved, chosen))) return null;
  return (await writeDown(root, source, parsed, chosen, scheduling, index)).folder;
}

/** Whether a study may run that cannot tell what it is asked: its person says so. */
async function mayFallShort(
  { evidence }: Services,
  { parsed, document }: SavedStudy,
  { plan }: ChosenPlan,
): Promise<boolean> {
  const shortfall = await whilePlanning(() => shortfallText(parsed, plan, evidence.index));
  if (shortfall === null) return true;
  const [run, open] = [vscode.l10n.t('Run anyway'), vscode.l10n.t('Open file')];
  const question = vscode.l10n.t('{0}: {1}', parsed.study.name, shortfall);
  const chosen = await chooses('warning', question, [run, open]);
  if (chosen === open) await vscode.window.showTextDocument(document);
  return chosen === run;
}

/** Finds out how runs train best here, while a person sees it and may cancel it; null where they did. */
async function measured(
  { runner }: Services,
  { root, source, parsed }: SavedStudy,
  runs: number,
): Promise<Scheduling | null> {
  const controller = new AbortController();
  const { signal } = controller;
  const title = vscode.l10n.t('{0}: measuring how many runs at a time finish most work', parsed.study.name);
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: plainMessage(title), cancellable: true },
      (_, token) => {
        token.onCancellationRequested(() => controller.abort());
        const start = runner.startTrial.bind(runner);
        return scheduleOf(root, source, parsed, { runs, start, signal });
      },
    );
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Factors that exclude one another may take seconds, which a person is to see. */
function whilePlanning<Result>(plan: () => Result | Promise<Result>): Thenable<Result> {
  const options = {
    location: vscode.ProgressLocation.Window,
    title: vscode.l10n.t('Planning the study...'),
  };
  return vscode.window.withProgress(options, async () => {
    await new Promise((done) => setImmediate(done));
    return plan();
  });
}

function runsOf({ plan }: ChosenPlan): number {
  return plan.blocks.reduce((sum, { settings }) => sum + settings.length, 0);
}

/** The study file that a command is about: its target's, the active one, or one that a person picks. */
async function studyFileTarget(
  target: vscode.Uri | ExperimentsNode | undefined,
): Promise<vscode.Uri | undefined> {
  if (target instanceof vscode.Uri) return target;
  if (target?.kind === 'study') {
    const { study } = target;
    const file = study.kind === 'study' ? study.facts.studyFile : null;
    return file === null ? undefined : vscode.Uri.file(file);
  }
  const active = vscode.window.activeTextEditor?.document.uri;
  if (active && isStudy(active)) return active;
  const uris = await vscode.workspace.findFiles(STUDY_GLOB);
  if (uris.length === 1) return uris[0];
  if (uris.length === 0) {
    tell('info', vscode.l10n.t('There is no study file here.'), {
      title: vscode.l10n.t('Propose one'),
      run: () => vscode.commands.executeCommand('bagOfTricks.proposeStudy'),
    });
    return undefined;
  }
  const picked = await pickRow(
    uris.map((uri) => ({
      label: basename(uri.path),
      description: vscode.workspace.asRelativePath(uri),
      uri,
    })),
    { placeHolder: vscode.l10n.t('Choose a study file') },
  );
  return picked?.uri;
}

function openLog({ log }: Services) {
  return { title: vscode.l10n.t('Open log'), run: () => log.show() };
}
