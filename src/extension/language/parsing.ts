import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { factsLookup, indexLookup } from '../../datasets/index/store';
import { datasetRequest } from '../../experiment/dataPlan';
import { parseExperiment } from '../../experiment/parse';
import type { Range } from '../../experiment/problem';
import type { DataFinding } from '../../insight/dataAdvice';
import { type ForeignFits, foreignFits } from '../../insight/foreignFits';
import { type TrickFit, trickFits } from '../../insight/trickFit';
import { type FactsLookup, isOwnDataset, NO_FACTS } from '../../recipe/datasets';
import { isStudyName } from '../../study/file/parse';
import { isExperiment } from './experimentFiles';

/** What an open experiment file says, parsed once a version, and anew when an index changes. */
export const parsedOf = onceAVersion((document) =>
  parseExperiment(document.getText(), document.fileName, [], 'train', factsOf(document.uri)),
);

/** The tricks of an open file of another system; null where it is none. Read once a version. */
export const foreignOf: (document: vscode.TextDocument) => ForeignFits | null = onceAVersion((document) =>
  isStudyName(document.fileName) ? null : foreignFits(document.getText(), document.fileName),
);

/** The tricks of an open file, of whichever system it is. */
export function fitsOf(document: vscode.TextDocument): readonly TrickFit[] {
  return isExperiment(document.uri) ? trickFits(parsedOf(document)) : (foreignOf(document)?.fits ?? []);
}

/** What is known of the images that a file may name. */
export function factsOf(uri: vscode.Uri): FactsLookup {
  return uri.scheme === 'file' ? factsLookup(storeRootOf(uri), dirname(uri.fsPath)) : NO_FACTS;
}

/** What the index of a file's images found wrong with them; nothing without one. */
export function findingsOf(document: vscode.TextDocument): readonly DataFinding[] {
  const parsed = parsedOf(document);
  const request = parsed.ok ? datasetRequest(parsed.experiment) : undefined;
  if (!request || !isOwnDataset(request) || document.uri.scheme !== 'file') return [];
  const index = indexLookup(storeRootOf(document.uri), request, dirname(document.uri.fsPath));
  return index?.report.problems ?? [];
}

/** The folder whose store a file's runs and indexes are in: its workspace folder, else its own. */
export function storeRootOf(uri: vscode.Uri): string {
  return vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath ?? dirname(uri.fsPath);
}

/** Counts the changes of indexes, each of which makes the parses before it stale. */
let generation = 0;

/** Has every file parsed anew when it is next asked for: an index has come, changed or gone. */
export function dropParses(): void {
  generation += 1;
}

/** Changes with `dropParses`: what was parsed at another count is stale. */
export function parseGeneration(): number {
  return generation;
}

function onceAVersion<Result>(
  read: (document: vscode.TextDocument) => Result,
): (document: vscode.TextDocument) => Result {
  const known = new WeakMap<
    vscode.TextDocument,
    { readonly version: number; readonly generation: number; readonly result: Result }
  >();
  return (document) => {
    const { version } = document;
    const held = known.get(document);
    if (held?.version === version && held.generation === generation) return held.result;
    const result = read(document);
    known.set(document, { version, generation, result });
    return result;
  };
}

/** A range of the parser's as the editor's: both count lines and UTF-16 units from 0. */
export function editorRange({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
