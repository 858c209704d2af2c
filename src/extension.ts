import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { answerDashboard, registerCommands } from './extension/commands/commands';
import { indexMissing } from './extension/commands/dataCommands';
import { answerStudy } from './extension/commands/studyCommands';
import { notifyOfStudyEnds } from './extension/commands/studyEnds';
import { DataTool } from './extension/dataTool';
import { EngineTool } from './extension/engineTool';
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
import { RunEvidence } from './extension/runs/runEvidence';
import { RunLibrary } from './extension/runs/runLibrary';
import { Runner, storeRoots } from './extension/runs/runner';
import { StudyLibrary } from './extension/runs/studyLibrary';
import { testAccuracy } from './extension/runs/testedRuns';
import type { Services } from './extension/services';
import { preferNodeOfPath } from './extension/settings';
import { DashboardPanels } from './extension/views/dashboardPanel';
import { ExperimentsView } from './extension/views/experimentsView';
import { notifyOfEnds } from './extension/views/notifications';
import { StatusBar } from './extension/views/statusBar';
import { StudyPanels } from './extension/views/studyPanel';

/** What the extension gives to others: the suites that run in VS Code look at it from there. */
export interface Api extends Services {
  readonly view: ExperimentsView;
}

/**
 * Called by VS Code when the extension is first needed. There is no `deactivate`: what lives here is disposed
 * with its subscription, and trainings go on, for the next window follows them by their folders.
 */
export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  if (vscode.l10n.bundle) l10n.config({ contents: vscode.l10n.bundle });

  void preferNodeOfPath();
  const { extension, extensionUri } = context;
  const log = vscode.window.createOutputChannel('Bag of Tricks', { log: true });
  const files = new ExperimentFiles();
  const library = new RunLibrary(storeRoots, log);
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
  // A run that has ended may have timed them.
  evidence.onDidChange(() => void slowFormats.refresh());
  const recipes = new RecipeDocuments();
  const engines = new EngineTool(extensionUri, log);
  const indexes = new DataIndexes();
  const dataTool = new DataTool(extensionUri, indexes, log);
  const dataReports = new ReadOnlyDocuments('bag-of-tricks-data');
  const reports = new ReadOnlyDocuments('bag-of-tricks-engines');
  const dashboards = new DashboardPanels(
    extensionUri,
    library,
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
  const view = new ExperimentsView(files, library, studies);
  const services: Services = {
    extensionUri,
    log,
    files,
    library,
    evidence,
    slowFormats,
    runner,
    dashboards,
    studies,
    studyPanels,
    studyReports,
    recipes,
    engines,
    dataTool,
    dataReports,
    reports,
  };

  context.subscriptions.push(
    log,
    files,
    library,
    recipes,
    indexes,
    dataReports,
    reports,
    dashboards,
    studies,
    studyReports,
    studyPanels,
    studyPanels.restoring(),
    view,
    runner,
    new StatusBar(library),
    evidence,
    slowFormats,
    new LensProvider(library, evidence, slowFormats, indexes),
    new Diagnostics(indexes),
    new CodeActions(library).register(),
    new Hovers(evidence, slowFormats).register(),
    registerInlayHints(indexes),
    registerCompletions(library),
    registerStudyFeatures(files, evidence),
    notifyOfEnds(library, dashboards, studies),
    notifyOfStudyEnds(studies),
    registerCommands(services),
    vscode.workspace.onDidChangeWorkspaceFolders(() => Promise.all([library.refresh(), studies.refresh()])),
    files.onDidChange(() => Promise.all([library.refresh(), studies.refresh()])),
  );
  await Promise.all([files.refresh(), slowFormats.refresh()]);
  return { ...services, view };
}
