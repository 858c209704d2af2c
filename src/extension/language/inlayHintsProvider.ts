import * as vscode from 'vscode';
import { inlayHints } from '../../insight/derived';
import { EXPERIMENT_SELECTOR } from './experimentFiles';
import { parsedOf } from './parsing';

/** Shows behind the numbers of experiment files what follows from them. */
export function registerInlayHints(): vscode.Disposable {
  return vscode.languages.registerInlayHintsProvider(EXPERIMENT_SELECTOR, {
    provideInlayHints: (document, range) =>
      inlayHints(parsedOf(document)).flatMap(({ position, text }) => {
        const at = new vscode.Position(position.line, position.character);
        if (!range.contains(at)) return [];
        const hint = new vscode.InlayHint(at, text);
        hint.paddingLeft = true;
        return [hint];
      }),
  });
}
