import * as vscode from 'vscode';
import { inlayHints } from '../../insight/derived';
import type { DataIndexes } from './dataIndexes';
import { EXPERIMENT_SELECTOR } from './experimentFiles';
import { findingsOf, parsedOf } from './parsing';

/** Shows derived values after the numbers in experiment files. */
export function registerInlayHints(indexes: DataIndexes): vscode.Disposable {
  return vscode.languages.registerInlayHintsProvider(EXPERIMENT_SELECTOR, {
    onDidChangeInlayHints: indexes.onDidChange,
    provideInlayHints: (document, range) =>
      inlayHints(parsedOf(document), findingsOf(document).length).flatMap(({ position, text }) => {
        const at = new vscode.Position(position.line, position.character);
        if (!range.contains(at)) return [];
        const hint = new vscode.InlayHint(at, text);
        hint.paddingLeft = true;
        return [hint];
      }),
  });
}
