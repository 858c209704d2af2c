import * as vscode from 'vscode';
import type { EditResult } from '../../experiment/text/textEdits';
import { dataAdvice } from '../../insight/dataAdvice';
import {
  adviceFix,
  commandQuickFixes,
  type QuickFix as QuickFixOfFile,
  quickFixes,
} from '../../insight/quickFixes';
import { finishedRuns } from '../runs/finishedRuns';
import type { RunLabels } from '../runs/labels';
import type { RunLibrary } from '../runs/runLibrary';
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
    for (const fix of this.#fixesOf(document)) {
      const at = editorRange(fix.range);
      if (!at.intersection(range)) continue;
      add(fix.title, QuickFix, fix.edits(), {
        isPreferred: fix.isPreferred,
        diagnostics: ours.filter((each) => each.range.isEqual(at)),
      });
    }
    const all = adviceFix(parsed);
    if (all) {
      add(all.title, FIX_ALL, all.edits(), {});
      if (actions.some(({ kind }) => kind?.contains(QuickFix))) add(all.title, QuickFix, all.edits(), {});
    }
    return actions;
  }

  #fixesOf(document: vscode.TextDocument): QuickFixOfFile[] {
    const command = commandExperimentOf(document);
    if (command) return commandQuickFixes(command);
    const parsed = parsedOf(document);
    return [
      ...quickFixes(parsed, finishedRuns(this.library, this.labels, storeRootOf(document.uri))),
      ...dataAdvice(parsed, findingsOf(document)).flatMap(({ fixes }) => fixes),
    ];
  }
}
