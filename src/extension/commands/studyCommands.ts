import * as vscode from 'vscode';
import { parseDocument } from '../../experiment/text/document';
import { keepEdits } from '../../insight/study/results/keepEdits';
import { reportMarkdown } from '../../insight/study/results/reportMarkdown';
import { studyDescription } from '../../insight/study/results/studySummary';
import { studyView } from '../../insight/study/results/studyView';
import type { KnownStudy } from '../../protocol/studyView';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { applyResult } from '../language/edits';
import { asks, tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { pickRow } from '../shown';
import { isResumableStudy, isUnderWay, type ReadableStudy, studyFolderOf } from '../studySource';
import type { ExperimentsNode } from '../views/experimentsView';
import type { StudyRequest } from '../views/studyPanel';
import { mayRun, openFile } from './documents';
import { mayRunStudy } from './resuming';

/** The target of a study command: a folder, a row of the tree, or nothing from the palette. */
type StudyTarget = string | ExperimentsNode | undefined;

/** Shows a study in its tab. */
export async function openStudy(services: Services, target: StudyTarget): Promise<void> {
  const study = await studyTarget(services, target, (each): each is KnownStudy => Boolean(each));
  if (study) services.studyPanels.open(study);
}

export async function stopStudy(services: Services, target: StudyTarget): Promise<void> {
  await change(services, target, isUnderWay, (folder) => services.studies.stop(folder));
}

export async function resumeStudy(services: Services, target: StudyTarget): Promise<void> {
  if (!mayRun()) return;
  await change(services, target, isResumableStudy, async (folder) =>
    (await mayRunStudy(folder)) ? services.studies.resume(folder) : null,
  );
}

/** Runs a study's chosen set against its first levels, on fresh seeds. */
export async function confirmStudy(services: Services, target: StudyTarget): Promise<void> {
  if (!mayRun()) return;
  await change(services, target, hasChosen, async (folder) =>
    (await mayRunStudy(folder)) ? services.studies.confirm(folder) : null,
  );
}

/** Deletes a study but keeps its runs. */
export async function deleteStudy(services: Services, target: StudyTarget): Promise<void> {
  const study = await studyTarget(services, target, (each): each is KnownStudy => {
    return each.kind === 'damaged' || each.facts.state.status !== 'running';
  });
  if (!study) return;
  const { folder, id } = studyFolderOf(study);
  const question = vscode.l10n.t('Delete the study {0}?', id);
  const detail = vscode.l10n.t('Its plan and results are deleted for good. Its runs are kept.');
  if (!(await asks('warning', question, vscode.l10n.t('Delete'), detail))) return;
  const failure = await services.studies.delete(folder);
  await services.studies.refresh();
  if (failure) tellFailure(failure);
}

/** Writes a study's chosen set into its experiment, as a single edit and undo step, and says why. */
export async function keepStudy(services: Services, target: StudyTarget): Promise<void> {
  const study = await studyTarget(services, target, meant(hasChosen));
  if (!study) return;
  const { facts } = study;
  const chosen = facts.analysis?.chosen;
  if (!chosen) return;
  const uri = vscode.Uri.file(facts.experimentFile);
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch {
    tell('error', vscode.l10n.t('{0} cannot be read. Check that it still exists.', uri.fsPath));
    return;
  }
  const { edits, reasons } = keepEdits(parseDocument(document.getText(), uri.path), facts, chosen.setting);
  const applied = await applyResult(document, edits);
  if (!applied.ok) {
    const message = vscode.l10n.t(
      '{0} was not changed: {1}',
      vscode.workspace.asRelativePath(uri),
      applied.reason,
    );
    tell('error', message);
    return;
  }
  await vscode.window.showTextDocument(document);
  tell('info', reasons.join(' '));
}

/** Opens a study's report as Markdown. */
export async function reportStudy(services: Services, target: StudyTarget): Promise<void> {
  const study = await studyTarget(
    services,
    target,
    meant(({ analysis }) => analysis !== null),
  );
  if (!study) return;
  const { facts } = study;
  const uri = services.studyReports.hold(`${facts.id}.md`, reportMarkdown(studyView(facts)), facts.folder);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
}

/** Executes a request from a study's page. */
export async function answerStudy(services: Services, request: StudyRequest): Promise<void> {
  const { folder } = request;
  switch (request.type) {
    case 'stop':
      return stopStudy(services, folder);
    case 'resume':
      return resumeStudy(services, folder);
    case 'confirm':
      return confirmStudy(services, folder);
    case 'keep':
      return keepStudy(services, folder);
    case 'report':
      return reportStudy(services, folder);
    case 'openExperiment':
    case 'openStudyFile': {
      const study = services.studies.facts(folder);
      if (study?.kind !== 'study') return;
      const { experimentFile, studyFile } = study.facts;
      const file = request.type === 'openExperiment' ? experimentFile : studyFile;
      return file === null ? undefined : openFile(vscode.Uri.file(file));
    }
    case 'openRun': {
      const run = services.library.find(request.run);
      if (run?.kind === 'run') services.dashboards.open(run);
      else tell('warning', vscode.l10n.t('{0} does not exist.', request.run));
      return;
    }
    default:
      return assertNever(request);
  }
}

async function change(
  services: Services,
  target: StudyTarget,
  isMeant: (facts: ReadableStudy['facts']) => boolean,
  act: (folder: string) => Promise<Failure | null>,
): Promise<void> {
  const study = await studyTarget(services, target, meant(isMeant));
  if (!study) return;
  const failure = await act(study.facts.folder);
  await services.studies.refresh();
  if (failure) tellFailure(failure);
}

function meant(
  isMeant: (facts: ReadableStudy['facts']) => boolean,
): (study: KnownStudy) => study is ReadableStudy {
  return (study): study is ReadableStudy => study.kind === 'study' && isMeant(study.facts);
}

function hasChosen({ analysis, state }: ReadableStudy['facts']): boolean {
  return (
    state.status === 'done' && analysis !== null && analysis.chosen !== null && analysis.withheld === null
  );
}

/** The study for a command: its target, the only candidate, or the user's choice. */
async function studyTarget<Study extends KnownStudy>(
  { studies }: Services,
  target: StudyTarget,
  isMeant: (study: KnownStudy) => study is Study,
): Promise<Study | undefined> {
  if (target !== undefined) {
    // The row may be older than the current facts.
    const study = studies.facts(typeof target === 'string' ? target : folderOfRow(target));
    return study && isMeant(study) ? study : undefined;
  }
  const candidates = studies.studies.filter(isMeant);
  if (candidates.length === 1) return candidates[0];
  if (candidates.length === 0) {
    tell('info', vscode.l10n.t('No study here supports this action.'));
    return undefined;
  }
  const picked = await pickRow(
    candidates.map((study) => ({ ...labelOf(study), study })),
    { placeHolder: vscode.l10n.t('Choose a study') },
  );
  return picked?.study;
}

function folderOfRow(node: ExperimentsNode): string {
  return node.kind === 'study' ? studyFolderOf(node.study).folder : '';
}

function labelOf(study: KnownStudy): { label: string; description: string; detail: string } {
  return study.kind === 'study'
    ? { label: study.facts.name, description: studyDescription(study.facts), detail: study.facts.id }
    : { label: study.id, description: study.failure.what, detail: study.folder };
}
