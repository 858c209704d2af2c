import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { shortfallText } from '../../insight/study/shortfall';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import type { ChosenPlan, StudySource } from '../../studies/planning';
import { planOf, scheduleOf, unfinishedStudy, writeDown } from '../../studies/preparing';
import type { Scheduling } from '../../studies/record';
import { isCommandBaseline, type ReadStudy } from '../../study/file/study';
import { failureOf } from '../../system/errors';
import { storeRootOf } from '../language/parsing';
import { experimentUri, isStudy, STUDY_GLOB, studyOf } from '../language/studyFiles';
import { chooses, tell, tellFailure, whileBusy, whileShown } from '../messages';
import type { Services } from '../services';
import { pickRow } from '../shown';
import type { ExperimentsNode } from '../views/experimentsView';
import { mayRunCommand } from './commandConsent';
import { ImagesNotIndexed, indexFirst, indexMissing, tellUnindexed } from './dataCommands';
import { mayRun, savedDocument, tellProblems } from './documents';
import { mayRunStudy } from './resuming';

/**
 * Saves a study file and its experiment, plans the study and runs it in this window. Continues an unfinished study with
 * the same texts. Before anything starts, warns if the budget cannot detect the smallest effect that matters. First
 * measures how runs train best on this machine, which the user may cancel.
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
    // The reason was already shown.
    if (error instanceof ImagesNotIndexed) return;
    tellFailure(failureOf(error), openLog(services));
  }
}

/** A study file as saved to disk, with its parsed content. */
interface SavedStudy {
  /** The folder that contains the store. */
  readonly root: string;
  readonly document: vscode.TextDocument;
  readonly source: StudySource;
  readonly parsed: ReadStudy;
}

/** Saves and parses a study file and its experiment. Returns undefined with a message if it cannot run. */
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
  if (!(await mayRunCommand(experiment))) return undefined;
  // Saving and indexing may have changed the result.
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

/** Plans a study and writes its record. Returns its folder, or null if the user cancels. */
async function prepare(services: Services, saved: SavedStudy): Promise<string | null> {
  const { root, source, parsed } = saved;
  const index = (requests: readonly OwnDatasetRequest[]) =>
    indexMissing(services, root, dirname(source.experiment.file), requests);
  const plan = (scheduling: Scheduling | null) =>
    whilePlanning(() => planOf(root, source, parsed, scheduling, index));
  if ('runs' in parsed.study.budget) {
    // Ask before measuring.
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

/** Asks whether to run a study that cannot answer its question. */
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

/** Measures how runs train best on this machine, with a progress notification. Returns null if the user cancels. */
function measured(
  { runner }: Services,
  { root, source, parsed }: SavedStudy,
  runs: number,
): Promise<Scheduling | null> {
  const start = runner.startTrial.bind(runner);
  // Of a command, nothing is measured.
  if (isCommandBaseline(parsed.baseline)) return scheduleOf(root, source, parsed, { runs, start });
  const title = vscode.l10n.t(
    '{0}: measuring how many parallel runs give the best throughput',
    parsed.study.name,
  );
  return whileShown(title, (signal) => scheduleOf(root, source, parsed, { runs, start, signal }));
}

function whilePlanning<Result>(plan: () => Result | Promise<Result>): Thenable<Result> {
  return whileBusy(vscode.l10n.t('Planning the study...'), plan);
}

function runsOf({ plan }: ChosenPlan): number {
  return plan.blocks.reduce((sum, { settings }) => sum + settings.length, 0);
}

/** The study file for a command: its target, the active editor, or the user's choice. */
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
