import * as vscode from 'vscode';
import {
  commandLenses,
  type ExperimentLens,
  experimentLenses,
  foreignLenses,
  type LensAction,
  type LensSurroundings,
} from '../../insight/lenses';
import { studyLenses } from '../../insight/study/lenses';
import { stateName } from '../../protocol/stateName';
import { recipeFacts } from '../../recipe/anyRecipe';
import { assertNever } from '../../shared/assertNever';
import { formatAccuracy } from '../../shared/format';
import type { ReadableRun } from '../runs/liveRun';
import type { RunEvidence } from '../runs/runEvidence';
import type { RunLibrary } from '../runs/runLibrary';
import { readLensSettings } from '../settings';
import { plainLabel } from '../shown';
import type { DataIndexes } from './dataIndexes';
import { isExperiment, TRICK_SELECTOR } from './experimentFiles';
import { commandExperimentOf, commandFitsOf, editorRange, foreignOf, parsedOf } from './parsing';
import type { SlowFormatsHere } from './slowFormatsHere';
import { isStudy, studyOf } from './studyFiles';

/** A CodeLens that computes its title when it becomes visible. */
class PendingLens extends vscode.CodeLens {
  constructor(
    readonly lens: ExperimentLens,
    readonly uri: vscode.Uri,
  ) {
    super(new vscode.Range(lens.line, 0, lens.line, 0));
  }
}

/** Provides the CodeLenses of experiment and study files. */
export class LensProvider implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly library: RunLibrary,
    private readonly evidence: RunEvidence,
    private readonly slowFormats: SlowFormatsHere,
    indexes: DataIndexes,
  ) {
    this.#subscriptions = [
      this.#changed,
      vscode.languages.registerCodeLensProvider(TRICK_SELECTOR, this),
      evidence.onDidChange(() => this.#changed.fire()),
      slowFormats.onDidChange(() => this.#changed.fire()),
      indexes.onDidChange(() => this.#changed.fire()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#changed.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('bagOfTricks.lenses')) this.#changed.fire();
      }),
    ];
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const { enabled, hidden } = readLensSettings(document.uri);
    if (!enabled) return [];
    const lastRun = this.library.runsOf(document.uri.fsPath)[0];
    const surroundings: LensSurroundings = {
      obstacle: obstacleTo(document.uri),
      lastRun: lastRun ? { id: lastRun.id, folder: lastRun.folder, how: howItEnded(lastRun) } : null,
      runs: this.evidence.index,
      studies: this.evidence.studies,
      slowFormats: this.slowFormats.all,
      hidden,
    };
    return lensesOf(document, surroundings).map((lens) => new PendingLens(lens, document.uri));
  }

  resolveCodeLens(pending: vscode.CodeLens): vscode.CodeLens {
    if (!(pending instanceof PendingLens)) return pending;
    const { icon, title, tooltip, action } = pending.lens.face();
    // VS Code drops a plain space between a CodeLens icon and its title.
    pending.command = {
      title: `$(${icon})\u00a0${plainLabel(title)}`,
      tooltip,
      ...commandOf(action, pending.uri),
    };
    return pending;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function lensesOf(document: vscode.TextDocument, surroundings: LensSurroundings): ExperimentLens[] {
  if (isExperiment(document.uri)) {
    const command = commandExperimentOf(document);
    const fits = commandFitsOf(document);
    return command && fits
      ? commandLenses(command, fits, surroundings)
      : experimentLenses(parsedOf(document), surroundings);
  }
  if (isStudy(document.uri)) return studyLenses(studyOf(document), surroundings);
  const foreign = foreignOf(document);
  return foreign ? foreignLenses(foreign, surroundings) : [];
}

function howItEnded({ manifest: { state, recipe } }: ReadableRun): string {
  return state.status === 'done'
    ? formatAccuracy(state.result.validationAccuracy, recipeFacts(recipe).validationImages)
    : stateName(state);
}

/** The reason why no file with this scheme can run. An untitled file is saved first. */
function obstacleTo({ scheme }: vscode.Uri): LensSurroundings['obstacle'] {
  if (scheme !== 'file' && scheme !== 'untitled') return 'no_disk';
  return vscode.workspace.isTrusted ? null : 'untrusted';
}

function commandOf(action: LensAction, uri: vscode.Uri): { command: string; arguments: unknown[] } {
  switch (action.type) {
    case 'run':
    case 'showRecipe':
    case 'indexData':
    case 'showData':
    case 'showSamples':
    case 'proposeStudy':
    case 'runHere':
    case 'runStudy':
    case 'findRate':
      return { command: `bagOfTricks.${action.type}`, arguments: [uri] };
    case 'manageTrust':
      return { command: 'workbench.trust.manage', arguments: [] };
    case 'save':
      return { command: 'workbench.action.files.saveAs', arguments: [uri] };
    case 'openRun':
      return { command: 'bagOfTricks.openDashboard', arguments: [action.folder] };
    case 'showProblem': {
      const selection = editorRange(action.range);
      return { command: 'vscode.open', arguments: [uri, { selection }] };
    }
    case 'insertTrick':
    case 'removeTrick':
    case 'compareTrick':
      return { command: `bagOfTricks.${action.type}`, arguments: [uri, action.trick] };
    case 'configureTrick':
      return { command: 'bagOfTricks.configureTrick', arguments: [uri, action.tricks] };
    case 'pickTrick':
      return {
        command: 'bagOfTricks.pickTrick',
        arguments: [uri, { tricks: action.tricks, configurable: action.configurable }],
      };
    default:
      return assertNever(action);
  }
}
