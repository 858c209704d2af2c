/** Completions, hovers, quick fixes and links for study files. */
import { dirname, relative } from 'node:path';
import * as vscode from 'vscode';
import { studyCompletionsAt } from '../../insight/study/completions';
import { studyHoverAt } from '../../insight/study/hovers';
import { studyQuickFixes } from '../../insight/study/quickFixes';
import { experimentPathOf } from '../../study/file/parse';
import type { RunEvidence } from '../runs/runEvidence';
import { markdown } from '../shown';
import { editorItem } from './completionProvider';
import { DIAGNOSTIC_SOURCE } from './diagnostics';
import { workspaceEdit } from './edits';
import type { ExperimentFiles } from './experimentFiles';
import { editorRange } from './parsing';
import { hasSchemaHelp } from './schemaHelp';
import { baselineOf, experimentUri, STUDY_SELECTOR, studyOf, studyProblemsOf } from './studyFiles';

/** Registers the language features of study files, except diagnostics and CodeLenses. */
export function registerStudyFeatures(files: ExperimentFiles, evidence: RunEvidence): vscode.Disposable {
  const { languages } = vscode;
  return vscode.Disposable.from(
    languages.registerCompletionItemProvider(STUDY_SELECTOR, completions(files), ' ', '"', ':', '-', '.'),
    languages.registerHoverProvider(STUDY_SELECTOR, hovers(evidence)),
    languages.registerCodeActionsProvider(STUDY_SELECTOR, codeActions, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    languages.registerDocumentLinkProvider(STUDY_SELECTOR, links),
  );
}

function completions(files: ExperimentFiles): vscode.CompletionItemProvider {
  return {
    provideCompletionItems: (document, position) => {
      const found = studyCompletionsAt(document.getText(), document.fileName, document.offsetAt(position), {
        baseline: baselineHere(document),
        experiments: experimentsBeside(files, document.uri),
        hasSchemaHelp: hasSchemaHelp(document),
      });
      if (!found) return [];
      const range = new vscode.Range(document.positionAt(found.start), document.positionAt(found.end));
      const typed = document.getText(range);
      return found.items.map((item, index) => editorItem(item, index, range, typed));
    },
  };
}

/** The experiments in a study's workspace folder, as paths relative to the study's folder. */
function experimentsBeside({ uris }: ExperimentFiles, study: vscode.Uri): string[] {
  const folder = vscode.workspace.getWorkspaceFolder(study);
  return uris
    .filter((uri) => vscode.workspace.getWorkspaceFolder(uri) === folder)
    .map((uri) => relative(dirname(study.fsPath), uri.fsPath).replaceAll('\\', '/'));
}

function hovers(evidence: RunEvidence): vscode.HoverProvider {
  return {
    provideHover: (document, position) => {
      const offset = document.offsetAt(position);
      const hover = studyHoverAt(
        studyOf(document),
        baselineHere(document),
        offset,
        evidence.index,
        hasSchemaHelp(document),
      );
      return hover && new vscode.Hover(markdown(hover.parts.join('\n\n')), editorRange(hover.range));
    },
  };
}

const codeActions: vscode.CodeActionProvider = {
  provideCodeActions: (document, range, { diagnostics }) => {
    const ours = diagnostics.filter(({ source }) => source === DIAGNOSTIC_SOURCE);
    return studyQuickFixes(studyOf(document), studyProblemsOf(document)).flatMap((fix) => {
      const at = editorRange(fix.range);
      const result = at.intersection(range) ? fix.edits() : null;
      // Do not offer fixes that cannot be edited in safely.
      if (!result?.ok) return [];
      const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
      action.edit = workspaceEdit(document, result.edits);
      action.isPreferred = fix.isPreferred;
      action.diagnostics = ours.filter((each) => each.range.isEqual(at));
      return [action];
    });
  },
};

/** Makes the experiment's path a link. */
const links: vscode.DocumentLinkProvider = {
  provideDocumentLinks: (document) => {
    const { document: read } = studyOf(document);
    const path = experimentPathOf(read);
    if (path === null) return [];
    const link = new vscode.DocumentLink(
      editorRange(read.rangeOf(['experiment'])),
      experimentUri(document.uri, path),
    );
    link.tooltip = vscode.l10n.t('Open the experiment');
    return [link];
  },
};

function baselineHere(document: vscode.TextDocument) {
  return baselineOf(document, experimentPathOf(studyOf(document).document));
}
