import * as vscode from 'vscode';
import type { EditResult } from '../../experiment/text/textEdits';
import { dataAdvice } from '../../insight/dataAdvice';
import { adviceFix, quickFixes } from '../../insight/quickFixes';
import { commandFixes } from '../../insight/systems/commandFixes';
import { finishedRuns } from '../runs/finishedRuns';
import type { RunLabels } from '../runs/labels';
import type { RunLibrary } from '../runs/runLibrary';
import { basesOf } from './baseFiles';
import { DIAGNOSTIC_SOURCE } from './diagnostics';
import { workspaceEdit } from './edits';
import { EXPERIMENT_SELECTOR } from './experimentFiles';
import { commandExperimentOf, editorRange, findingsOf, parsedOf, storeRootOf } from './parsing';

const { QuickFix, SourceFixAll } = vscode.CodeActionKind;
const FIX_ALL = SourceFixAll.append('bagOfTricks');

/** Offers fixes for the problems of experiment files, and edits that follow their advice. */
export class CodeActions implements vscode.CodeActionProvider {
  constructor(
    private readonly library: RunLibrary,
    private readonly labels: RunLabels,
  ) {}

  register(): vscode.Disposable {
    const metadata = { providedCodeActionKinds: [QuickFix, FIX_ALL] };
    return vscode.languages.registerCodeActionsProvider(EXPERIMENT_SELECTOR, this, metadata);
  }

  provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const parsed = parsedOf(document);
    const command = commandExperimentOf(document);
    const runs = finishedRuns(this.library, this.labels, storeRootOf(document.uri));
    const place = { fileName: document.fileName, readText: basesOf(document) };
    const ours = diagnostics.filter(({ source }) => source === DIAGNOSTIC_SOURCE);
    const actions: vscode.CodeAction[] = [];
    const add = (
      title: string,
      kind: vscode.CodeActionKind,
      result: EditResult,
      more: Partial<vscode.CodeAction>,
    ) => {
      // Do not offer fixes that cannot be edited in safely.
      if (!result.ok) return;
      const edit = workspaceEdit(document, result.edits);
      actions.push(Object.assign(new vscode.CodeAction(title, kind), { edit, ...more }));
    };
    const images = () => dataAdvice(parsed, findingsOf(document)).flatMap(({ fixes }) => fixes);
    const fixes = command ? commandFixes(command, place, runs) : [...quickFixes(parsed, runs), ...images()];
    for (const fix of fixes) {
      const at = editorRange(fix.range);
      if (!at.intersection(range)) continue;
      add(fix.title, QuickFix, fix.edits(), {
        isPreferred: fix.isPreferred,
        diagnostics: ours.filter((each) => each.range.isEqual(at)),
      });
    }
    const all = command ? null : adviceFix(parsed);
    if (all) {
      add(all.title, FIX_ALL, all.edits(), {});
      if (actions.some(({ kind }) => kind?.contains(QuickFix))) add(all.title, QuickFix, all.edits(), {});
    }
    return actions;
  }
}
