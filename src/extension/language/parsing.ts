import * as vscode from 'vscode';
import { parseExperiment } from '../../experiment/parse';
import type { Range } from '../../experiment/problem';
import { type ForeignFits, foreignFits } from '../../insight/foreignFits';
import { type TrickFit, trickFits } from '../../insight/trickFit';
import { isExperiment } from './experimentFiles';

/** What an open experiment file says, parsed once a version. */
export const parsedOf = onceAVersion((document) => parseExperiment(document.getText(), document.fileName));

/** The tricks of an open file of another system; null where it is none. Read once a version. */
export const foreignOf: (document: vscode.TextDocument) => ForeignFits | null = onceAVersion((document) =>
  foreignFits(document.getText(), document.fileName),
);

/** The tricks of an open file, of whichever system it is. */
export function fitsOf(document: vscode.TextDocument): readonly TrickFit[] {
  return isExperiment(document.uri) ? trickFits(parsedOf(document)) : (foreignOf(document)?.fits ?? []);
}

function onceAVersion<Result>(
  read: (document: vscode.TextDocument) => Result,
): (document: vscode.TextDocument) => Result {
  const known = new WeakMap<vscode.TextDocument, { version: number; result: Result }>();
  return (document) => {
    const { version } = document;
    const held = known.get(document);
    if (held?.version === version) return held.result;
    const result = read(document);
    known.set(document, { version, result });
    return result;
  };
}

/** A range of the parser's as the editor's: both count lines and UTF-16 units from 0. */
export function editorRange({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
