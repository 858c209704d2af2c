import type * as vscode from 'vscode';
import type { DashboardPanels } from '../views/dashboardPanel';
import type { RunLibrary } from '../views/runLibrary';
import type { EngineTool } from './engineTool';
import type { ExperimentFiles } from './experimentFiles';
import type { ReadOnlyDocuments } from './readOnlyDocuments';
import type { RecipeDocuments } from './recipeDocuments';
import type { RunEvidence } from './runEvidence';
import type { Runner } from './runner';

/** What commands work with; made once, at activation. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly files: ExperimentFiles;
  readonly library: RunLibrary;
  readonly evidence: RunEvidence;
  readonly runner: Runner;
  readonly dashboards: DashboardPanels;
  readonly recipes: RecipeDocuments;
  readonly engines: EngineTool;
  /** What was found out about engines, to be read. */
  readonly reports: ReadOnlyDocuments;
}
