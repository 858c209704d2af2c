import * as vscode from 'vscode';
import { completionsAt } from '../../insight/completions';
import type { Completion } from '../../insight/wordInPlace';
import { finishedRuns } from '../runs/finishedRuns';
import type { RunLibrary } from '../runs/runLibrary';
import { markdown } from '../shown';
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
export function registerCompletions(library: RunLibrary): vscode.Disposable {
  const provider: vscode.CompletionItemProvider = {
    provideCompletionItems: (document, position) => {
      const completions = completionsAt(document.getText(), document.fileName, document.offsetAt(position), {
        runs: finishedRuns(library, storeRootOf(document.uri)),
        hasSchemaHelp: hasSchemaHelp(document),
        factsOf: factsOf(document.uri),
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
  // What an item stands for is read in the list, before any is chosen.
  const item = new vscode.CompletionItem(detail ? { label, description: detail } : label, KINDS[kind]);
  item.range = range;
  item.insertText = new vscode.SnippetString(snippet);
  if (documentation) item.documentation = markdown(documentation);
  // As the schema and the registry have them, not by the alphabet.
  item.sortText = String(index).padStart(3, '0');
  // The editor matches what is typed, a quote included.
  if (/^["']/.test(typed)) item.filterText = `${typed[0]}${label}`;
  return item;
}
