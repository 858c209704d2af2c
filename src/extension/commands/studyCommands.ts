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

/** What a command about a study was called on: its folder, its row of the tree, or, from the palette, nothing. */
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

/** Runs the chosen set of a study against its first levels, on fresh seeds. */
export async function confirmStudy(services: Services, target: StudyTarget): Promise<void> {
  if (!mayRun()) return;
  await change(services, target, hasChosen, async (folder) =>
    (await mayRunStudy(folder)) ? services.studies.confirm(folder) : null,
  );
}

/** Deletes a study, but not its runs. */
export async function deleteStudy(services: Services, target: StudyTarget): Promise<void> {
  const study = await studyTarget(services, target, (each): each is KnownStudy => {
    return each.kind === 'damaged' || each.facts.state.status !== 'running';
  });
  if (!study) return;
  const { folder, id } = studyFolderOf(study);
  const question = vscode.l10n.t('Delete the study {0}?', id);
  const detail = vscode.l10n.t('Its plan and its results are deleted for good. Its runs stay.');
  if (!(await asks('warning', question, vscode.l10n.t('Delete'), detail))) return;
  const failure = await services.studies.delete(folder);
  await services.studies.refresh();
  if (failure) tellFailure(failure);
}

/** Writes the chosen set of a study into its experiment, as one edit that one undo takes back, and says why. */
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
    tell('error', vscode.l10n.t('{0} cannot be read. Check that it is still there.', uri.fsPath));
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

/** Opens the report of a study as Markdown. */
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

/** Does what a study's page asks for. */
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
      else tell('warning', vscode.l10n.t('{0} is not there.', request.run));
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

/** The study that a command is about: its target, the only one that can be meant, or one that a person picks. */
async function studyTarget<Study extends KnownStudy>(
  { studies }: Services,
  target: StudyTarget,
  isMeant: (study: KnownStudy) => study is Study,
): Promise<Study | undefined> {
  if (target !== undefined) {
    // A row may be older than what is known by now.
    const study = studies.facts(typeof target === 'string' ? target : folderOfRow(target));
    return study && isMeant(study) ? study : undefined;
  }
  const candidates = studies.studies.filter(isMeant);
  if (candidates.length === 1) return candidates[0];
  if (candidates.length === 0) {
    tell('info', vscode.l10n.t('There is no study here that this can be done with.'));
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
