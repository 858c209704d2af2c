import type * as vscode from 'vscode';
import type { DataTool } from './dataTool';
import type { EngineTool } from './engineTool';
import type { ExperimentFiles } from './language/experimentFiles';
import type { ReadOnlyDocuments } from './language/readOnlyDocuments';
import type { RecipeDocuments } from './language/recipeDocuments';
import type { SlowFormatsHere } from './language/slowFormatsHere';
import type { RunEvidence } from './runs/runEvidence';
import type { RunLibrary } from './runs/runLibrary';
import type { Runner } from './runs/runner';
import type { StudyControl, StudySource } from './studySource';
import type { DashboardPanels } from './views/dashboardPanel';
import type { StudyPanels } from './views/studyPanel';

/** What commands work with; made once, at activation. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly files: ExperimentFiles;
  readonly library: RunLibrary;
  readonly evidence: RunEvidence;
  readonly slowFormats: SlowFormatsHere;
  readonly runner: Runner;
  readonly dashboards: DashboardPanels;
  readonly studies: StudySource & StudyControl;
  readonly studyPanels: StudyPanels;
  /** Reports of studies, to be read. */
  readonly studyReports: ReadOnlyDocuments;
  readonly recipes: RecipeDocuments;
  readonly engines: EngineTool;
  readonly dataTool: DataTool;
  /** What is known of data sets, to be read. */
  readonly dataReports: ReadOnlyDocuments;
  /** What was found out about engines, to be read. */
  readonly reports: ReadOnlyDocuments;
}
