import type * as vscode from 'vscode';
import type { DataTool } from './dataTool';
import type { EngineTool } from './engineTool';
import type { ExperimentFiles } from './language/experimentFiles';
import type { ReadOnlyDocuments } from './language/readOnlyDocuments';
import type { RecipeDocuments } from './language/recipeDocuments';
import type { SlowFormatsHere } from './language/slowFormatsHere';
import type { RunLabels } from './runs/labels';
import type { RunEvidence } from './runs/runEvidence';
import type { RunLibrary } from './runs/runLibrary';
import type { Runner } from './runs/runner';
import type { StudyControl, StudySource } from './studySource';
import type { DashboardPanels } from './views/dashboardPanel';
import type { ExperimentsNode } from './views/experimentsView';
import type { StudyPanels } from './views/studyPanel';

/** Shared services of the commands, created once at activation. */
export interface Services {
  /** The selected rows of the Experiments view. */
  readonly selectedRows: () => readonly ExperimentsNode[];
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly files: ExperimentFiles;
  readonly library: RunLibrary;
  readonly labels: RunLabels;
  readonly evidence: RunEvidence;
  readonly slowFormats: SlowFormatsHere;
  readonly runner: Runner;
  readonly dashboards: DashboardPanels;
  readonly studies: StudySource & StudyControl;
  readonly studyPanels: StudyPanels;
  /** Study reports as read-only documents. */
  readonly studyReports: ReadOnlyDocuments;
  readonly recipes: RecipeDocuments;
  /** Experiment files as recorded by runs, to compare with the current files. */
  readonly runFiles: ReadOnlyDocuments;
  readonly engines: EngineTool;
  readonly dataTool: DataTool;
  /** Data set reports as read-only documents. */
  readonly dataReports: ReadOnlyDocuments;
  /** Engine reports as read-only documents. */
  readonly reports: ReadOnlyDocuments;
}
