import * as vscode from 'vscode';
import { assertNever } from '../../shared/assertNever';
import type { TrickName } from '../../tricks/registry';
import { isLive, isResumable, isRunning } from '../runs/liveRun';
import type { Services } from '../services';
import { cancelQueued } from '../upkeep/cancelQueued';
import { deleteRun, deleteSelected, emptyTrash, restoreRun } from '../upkeep/deleting';
import { renameRun } from '../upkeep/renameRun';
import { restoreFile, writeRunFile } from '../upkeep/restoreFile';
import type { DashboardRequest } from '../views/dashboardPanel';
import { classifyImage } from './classifyImage';
import { configureTrick } from './configureTrick';
import { allowedFolders, indexData, showContactSheet, showData, showSamples } from './dataCommands';
import { diagnoseEngines, installEngine, removeEngine } from './engineCommands';
import { findRate } from './findRate';
import { newExperiment, newFromFolder } from './newExperiment';
import { proposeStudy } from './proposeStudy';
import * as runs from './runCommands';
import { runHere } from './runHere';
import { runStudy } from './runStudy';
import * as studies from './studyCommands';
import type { Target } from './targets';
import { applyAdvice, compareTrick, pickTrick, setTrick } from './trickCommands';

/** All commands, by the last part of the id in package.json. */
const COMMANDS = {
  run: runs.run,
  stop: runs.stop,
  pause: runs.pause,
  resume: runs.resume,
  cancelQueued,
  openDashboard: runs.openDashboard,
  newExperiment,
  newFromFolder,
  openLog: ({ log }: Services) => log.show(),
  openExperiment: runs.openExperiment,
  openRunLog: runs.openRunLog,
  openManifest: runs.openManifest,
  showRecipe: runs.showRecipe,
  runAgain: runs.runAgain,
  runFile: runs.runFile,
  restoreFile,
  writeRunFile,
  copyRunPath: runs.copyRunPath,
  deleteRun,
  deleteSelected,
  renameRun,
  restoreRun,
  emptyTrash,
  runStudy,
  openStudy: studies.openStudy,
  stopStudy: studies.stopStudy,
  resumeStudy: studies.resumeStudy,
  confirmStudy: studies.confirmStudy,
  keepStudy: studies.keepStudy,
  reportStudy: studies.reportStudy,
  deleteStudy: studies.deleteStudy,
  refresh: ({ files, library, studies }: Services) =>
    Promise.all([files.refresh(), library.refresh(), studies.refresh()]),
  insertTrick: (services: Services, uri: vscode.Uri, trick: TrickName) =>
    setTrick(services, uri, trick, true),
  removeTrick: (services: Services, uri: vscode.Uri, trick: TrickName) =>
    setTrick(services, uri, trick, false),
  pickTrick,
  configureTrick,
  compareTrick,
  applyAdvice,
  proposeStudy,
  runHere,
  indexData,
  showData,
  showSamples,
  showContactSheet,
  allowedFolders,
  classifyImage,
  findRate,
  installEngine,
  removeEngine,
  diagnoseEngines,
};

export function registerCommands(services: Services): vscode.Disposable {
  const registrations = Object.entries<(services: Services, ...args: never[]) => unknown>(COMMANDS).map(
    ([name, command]) =>
      vscode.commands.registerCommand(`bagOfTricks.${name}`, (...args: never[]) =>
        command(services, ...args),
      ),
  );
  return vscode.Disposable.from(...registrations, commandContext(services));
}

/** Executes a request from a dashboard. */
export async function answerDashboard(services: Services, request: DashboardRequest): Promise<void> {
  const target: Target = request.folder;
  switch (request.type) {
    case 'stop':
      return runs.stop(services, target);
    case 'pause':
      return runs.pause(services, target);
    case 'resume':
      return runs.resume(services, target);
    case 'openExperiment':
      return runs.openExperiment(services, target);
    case 'openLog':
      return runs.openRunLog(services, target);
    case 'runAgain':
      return runs.runAgain(services, target);
    case 'runFile':
      return runs.runFile(services, target);
    case 'restoreFile':
      return restoreFile(services, target);
    default:
      return assertNever(request);
  }
}

/** Maintains the context keys that enable commands in package.json. */
function commandContext({ library, studies: source }: Services): vscode.Disposable {
  const set = (key: string, value: boolean) =>
    void vscode.commands.executeCommand('setContext', `bagOfTricks.${key}`, value);
  const runContext = library.onDidChange(() => {
    set('hasRuns', library.runs.length > 0);
    set('hasTrash', library.trash.length > 0);
    set('hasRunning', library.runs.some(isLive));
    set('hasTraining', library.runs.some(isRunning));
    set('hasResumable', library.runs.some(isResumable));
  });
  const studyContext = source.onDidChange(() => set('hasStudies', source.studies.length > 0));
  return vscode.Disposable.from(runContext, studyContext);
}
