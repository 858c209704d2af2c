import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { answerDashboard, registerCommands } from './extension/commands/commands';
import { indexMissing } from './extension/commands/dataCommands';
import { answerStudy } from './extension/commands/studyCommands';
import { notifyOfStudyEnds } from './extension/commands/studyEnds';
import { DataTool } from './extension/dataTool';
import { EngineTool } from './extension/engineTool';
import { BaseFiles } from './extension/language/baseFiles';
import { CodeActions } from './extension/language/codeActions';
import { registerCompletions } from './extension/language/completionProvider';
import { DataIndexes } from './extension/language/dataIndexes';
import { Diagnostics } from './extension/language/diagnostics';
import { ExperimentFiles } from './extension/language/experimentFiles';
import { Hovers } from './extension/language/hoverProvider';
import { registerInlayHints } from './extension/language/inlayHintsProvider';
import { LensProvider } from './extension/language/lensProvider';
import { ReadOnlyDocuments } from './extension/language/readOnlyDocuments';
import { RecipeDocuments } from './extension/language/recipeDocuments';
import { SlowFormatsHere } from './extension/language/slowFormatsHere';
import { registerStudyFeatures } from './extension/language/studyFeatures';
import { RunLabels } from './extension/runs/labels';
import { RunEvidence } from './extension/runs/runEvidence';
import { RunLibrary } from './extension/runs/runLibrary';
import { Runner, storeRoots } from './extension/runs/runner';
import { StudyLibrary } from './extension/runs/studyLibrary';
import { testAccuracy } from './extension/runs/testedRuns';
import type { Services } from './extension/services';
import { preferNodeOfPath } from './extension/settings';
import { purging } from './extension/upkeep/purging';
import { RenamedFiles } from './extension/upkeep/renamedFiles';
import { RUN_FILE_SCHEME } from './extension/upkeep/restoreFile';
import { DashboardPanels } from './extension/views/dashboardPanel';
import { ExperimentsView } from './extension/views/experimentsView';
import { notifyOfEnds } from './extension/views/notifications';
import { StatusBar } from './extension/views/statusBar';
import { StudyPanels } from './extension/views/studyPanel';

/** What the extension exports. The tests that run in VS Code use it. */
export interface Api extends Services {
  readonly view: ExperimentsView;
}

/**
 * VS Code calls this when the extension is first needed. There is no `deactivate`. Everything here is disposed with its
 * subscription. Training continues, and the next window follows the runs by their folders.
 */
export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  if (vscode.l10n.bundle) l10n.config({ contents: vscode.l10n.bundle });

  void preferNodeOfPath();
  const { extension, extensionUri } = context;
  const log = vscode.window.createOutputChannel('Bag of Tricks', { log: true });
  const files = new ExperimentFiles();
  const library = new RunLibrary(storeRoots, log);
  const labels = new RunLabels(library);
  const runner = new Runner(extension, library, log);
  const studies = new StudyLibrary(
    storeRoots,
    library,
    runner,
    {
      index: (root, folder, requests) => indexMissing({ dataTool, log }, root, folder, requests),
      test: (root, run, weights) => testAccuracy(extensionUri, root, run, weights),
    },
    log,
  );
  const evidence = new RunEvidence(library, studies);
  const slowFormats = new SlowFormatsHere();
  // A run that has ended may have recorded timings.
  evidence.onDidChange(() => void slowFormats.refresh());
  const recipes = new RecipeDocuments();
  const runFiles = new ReadOnlyDocuments(RUN_FILE_SCHEME);
  const engines = new EngineTool(extensionUri, log);
  const indexes = new DataIndexes();
  const dataTool = new DataTool(extensionUri, indexes, log);
  const dataReports = new ReadOnlyDocuments('bag-of-tricks-data');
  const reports = new ReadOnlyDocuments('bag-of-tricks-engines');
  const dashboards = new DashboardPanels(
    extensionUri,
    library,
    labels,
    (request) => {
      answerDashboard(services, request).catch((error) => log.error('A dashboard was not answered:', error));
    },
    log,
  );
  const studyReports = new ReadOnlyDocuments('bag-of-tricks-study');
  const studyPanels = new StudyPanels(
    extensionUri,
    studies,
    (request) => {
      answerStudy(services, request).catch((error) => log.error("A study's page was not answered:", error));
    },
    log,
  );
  const view = new ExperimentsView(files, library, studies, labels);
  const services: Services = {
    selectedRows: () => view.selection,
    extensionUri,
    log,
    files,
    library,
    labels,
    evidence,
    slowFormats,
    runner,
    dashboards,
    studies,
    studyPanels,
    studyReports,
    recipes,
    runFiles,
    engines,
    dataTool,
    dataReports,
    reports,
  };

  context.subscriptions.push(
    log,
    files,
    library,
    labels,
    recipes,
    runFiles,
    indexes,
    new BaseFiles(() => indexes.refresh()),
    dataReports,
    reports,
    dashboards,
    studies,
    studyReports,
    studyPanels,
    studyPanels.restoring(),
    view,
    runner,
    new StatusBar(library, labels),
    evidence,
    slowFormats,
    new LensProvider(library, evidence, slowFormats, indexes),
    new Diagnostics(indexes),
    new CodeActions(library, labels).register(),
    new Hovers(evidence, slowFormats).register(),
    registerInlayHints(indexes),
    registerCompletions(library, labels),
    registerStudyFeatures(files, evidence),
    notifyOfEnds(library, labels, dashboards, studies),
    notifyOfStudyEnds(studies),
    purging(library, storeRoots, log),
    new RenamedFiles(files, library, studies, storeRoots, log),
    registerCommands(services),
    vscode.workspace.onDidChangeWorkspaceFolders(() => Promise.all([library.refresh(), studies.refresh()])),
    files.onDidChange(() => Promise.all([library.refresh(), studies.refresh()])),
  );
  await Promise.all([files.refresh(), slowFormats.refresh()]);
  return { ...services, view };
}
