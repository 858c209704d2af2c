import * as vscode from 'vscode';
import { adviceFor, type PlacedAdvice } from '../../experiment/advice';
import type { Problem } from '../../experiment/problem';
import { type DataAdvice, dataAdvice } from '../../insight/dataAdvice';
import type { DataIndexes } from './dataIndexes';
import { isExperiment } from './experimentFiles';
import { commandExperimentOf, editorRange, findingsOf, parsedOf } from './parsing';
import { isStudy, studyProblemsOf } from './studyFiles';

export const DIAGNOSTIC_SOURCE = 'bag-of-tricks';

const LEVELS = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  hint: vscode.DiagnosticSeverity.Hint,
} as const;

/** Debounce time after typing. */
const PAUSE_MS = 200;

/** Updates the diagnostics of open experiment and study files while the user types. */
export class Diagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('bag-of-tricks');
  readonly #pending = new Map<string, NodeJS.Timeout>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(indexes: DataIndexes) {
    this.#subscriptions = [
      this.#collection,
      vscode.workspace.onDidOpenTextDocument((document) => this.#update(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#updateSoon(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document)),
      indexes.onDidChange(() => this.#updateAll()),
    ];
    this.#updateAll();
  }

  dispose(): void {
    for (const timer of this.#pending.values()) clearTimeout(timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #updateAll(): void {
    for (const document of vscode.workspace.textDocuments) this.#update(document);
  }

  #updateSoon(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.#pending.get(key));
    this.#pending.set(
      key,
      setTimeout(() => this.#update(document), PAUSE_MS),
    );
  }

  #update(document: vscode.TextDocument): void {
    this.#pending.delete(document.uri.toString());
    if (document.isClosed) return;
    if (isStudy(document.uri)) {
      this.#collection.set(document.uri, studyProblemsOf(document).map(diagnosticOf));
      return;
    }
    if (!isExperiment(document.uri)) return;
    this.#updateStudies();
    const command = commandExperimentOf(document);
    if (command) {
      const problems = command.ok ? command.warnings : command.problems;
      this.#collection.set(document.uri, problems.map(diagnosticOf));
      return;
    }
    const parsed = parsedOf(document);
    const problems = parsed.ok ? parsed.warnings : parsed.problems;
    const advice = parsed.ok ? adviceFor(parsed.document, parsed.experiment) : [];
    const images = dataAdvice(parsed, findingsOf(document));
    this.#collection.set(document.uri, [
      ...problems.map(diagnosticOf),
      ...advice.map(hintOf),
      ...images.map(diagnosticOf),
    ]);
  }

  /** A study's problem may come from its experiment. */
  #updateStudies(): void {
    for (const document of vscode.workspace.textDocuments) {
      if (isStudy(document.uri)) this.#updateSoon(document);
    }
  }

  #forget(document: vscode.TextDocument): void {
    // After its editor closes, an experiment counts as it is on disk.
    if (isExperiment(document.uri)) this.#updateStudies();
    const key = document.uri.toString();
    clearTimeout(this.#pending.get(key));
    this.#pending.delete(key);
    this.#collection.delete(document.uri);
  }
}

function diagnosticOf({ range, what, remedy, severity }: Problem | DataAdvice): vscode.Diagnostic {
  return said(range, what, remedy, LEVELS[severity]);
}

function hintOf({ range, what, remedy, trick }: PlacedAdvice): vscode.Diagnostic {
  const hint = said(range, what, remedy, vscode.DiagnosticSeverity.Hint);
  hint.code = trick.name;
  return hint;
}

function said(
  range: Problem['range'],
  what: string,
  remedy: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  const diagnostic = new vscode.Diagnostic(editorRange(range), `${what} ${remedy}`, severity);
  diagnostic.source = DIAGNOSTIC_SOURCE;
  return diagnostic;
}
