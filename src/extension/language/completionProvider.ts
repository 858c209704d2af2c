import * as vscode from 'vscode';
import { completionsAt } from '../../insight/completions';
import type { Completion } from '../../insight/wordInPlace';
import { finishedRuns } from '../runs/finishedRuns';
import type { RunLabels } from '../runs/labels';
import type { RunLibrary } from '../runs/runLibrary';
import { markdown } from '../shown';
import { basesOf } from './baseFiles';
import { EXPERIMENT_SELECTOR } from './experimentFiles';
import { factsOf, storeRootOf } from './parsing';
import { hasSchemaHelp } from './schemaHelp';

const KINDS: Record<Completion['kind'], vscode.CompletionItemKind> = {
  key: vscode.CompletionItemKind.Property,
  section: vscode.CompletionItemKind.Module,
  trick: vscode.CompletionItemKind.Snippet,
  value: vscode.CompletionItemKind.EnumMember,
  run: vscode.CompletionItemKind.Reference,
};

/** Completes keys, tricks, values and runs in experiment files. */
export function registerCompletions(library: RunLibrary, labels: RunLabels): vscode.Disposable {
  const provider: vscode.CompletionItemProvider = {
    provideCompletionItems: (document, position) => {
      const completions = completionsAt(document.getText(), document.fileName, document.offsetAt(position), {
        runs: finishedRuns(library, labels, storeRootOf(document.uri)),
        hasSchemaHelp: hasSchemaHelp(document),
        factsOf: factsOf(document.uri),
        readText: basesOf(document),
      });
      if (!completions) return [];
      const { start, end, items } = completions;
      const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
      return items.map((item, index) => editorItem(item, index, range, document.getText(range)));
    },
  };
  return vscode.languages.registerCompletionItemProvider(EXPERIMENT_SELECTOR, provider, ' ', '"', ':');
}

export function editorItem(
  { kind, label, detail, documentation, snippet }: Completion,
  index: number,
  range: vscode.Range,
  typed: string,
): vscode.CompletionItem {
  // The user should read an item's description in the list, before selecting it.
  const item = new vscode.CompletionItem(detail ? { label, description: detail } : label, KINDS[kind]);
  item.range = range;
  item.insertText = new vscode.SnippetString(snippet);
  if (documentation) item.documentation = markdown(documentation);
  // Keep the order of the schema and the registry instead of sorting alphabetically.
  item.sortText = String(index).padStart(3, '0');
  // The editor matches the typed text, including a quote.
  if (/^["']/.test(typed)) item.filterText = `${typed[0]}${label}`;
  return item;
}
