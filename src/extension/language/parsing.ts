import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { factsLookup, indexLookup } from '../../datasets/index/store';
import { isCommandDocument } from '../../experiment/command/read';
import { datasetRequest } from '../../experiment/dataPlan';
import { type ParseResult, parseExperiment } from '../../experiment/parse';
import type { Range } from '../../experiment/problem';
import type { DataFinding } from '../../insight/dataAdvice';
import { type ForeignFits, foreignFits } from '../../insight/foreignFits';
import { type CommandFits, commandFits } from '../../insight/systems/commandFits';
import { type TrickFit, trickFits } from '../../insight/trickFit';
import { type CommandParseResult, readAnyExperiment } from '../../interop/command/parse';
import { type FactsLookup, isOwnDataset, NO_FACTS } from '../../recipe/datasets';
import { isStudyName } from '../../study/file/parse';
import { basesOf } from './baseFiles';
import { isExperiment } from './experimentFiles';

/** The parsed content of an open experiment file. Parsed once per version, and again after an index changes. */
export const parsedOf = onceAVersion((document) =>
  parseExperiment(document.getText(), document.fileName, [], 'train', factsOf(document.uri)),
);

/** The parsed content of an open experiment file that a command trains, or null if it is not one. */
export const commandExperimentOf: (document: vscode.TextDocument) => CommandParseResult | null = onceAVersion(
  (document) => {
    const parsed = parsedOf(document);
    if (!isCommandDocument(parsed.document)) return null;
    const { fileName } = document;
    const any = readAnyExperiment(parsed.document, [], { fileName, readText: basesOf(document) });
    return any.kind === 'command' ? any : null;
  },
);

/** The tricks of an open experiment file that a command trains, or null if it is not one. */
export const commandFitsOf: (document: vscode.TextDocument) => CommandFits | null = onceAVersion(
  (document) => {
    const command = commandExperimentOf(document);
    const { fileName } = document;
    return command && commandFits(command, { fileName, readText: basesOf(document) });
  },
);

/** The parsed content of an open experiment file, of our own trainer or of a command. */
export function trainingOf(document: vscode.TextDocument): ParseResult | CommandParseResult {
  return commandExperimentOf(document) ?? parsedOf(document);
}

/**
 * The tricks of an open file of another system, or null if it is not one. Read once per version, and again after a base
 * file changes.
 */
export const foreignOf: (document: vscode.TextDocument) => ForeignFits | null = onceAVersion((document) =>
  isStudyName(document.fileName)
    ? null
    : foreignFits(document.getText(), document.fileName, basesOf(document)),
);

/** The tricks of an open file, whichever system it belongs to. */
export function fitsOf(document: vscode.TextDocument): readonly TrickFit[] {
  if (!isExperiment(document.uri)) return foreignOf(document)?.fits ?? [];
  return commandFitsOf(document)?.fits ?? trickFits(parsedOf(document));
}

/** Looks up the facts about the images that a file may name. */
export function factsOf(uri: vscode.Uri): FactsLookup {
  return uri.scheme === 'file' ? factsLookup(storeRootOf(uri), dirname(uri.fsPath)) : NO_FACTS;
}

/** The problems that the index found in a file's images. Empty without an index. */
export function findingsOf(document: vscode.TextDocument): readonly DataFinding[] {
  const parsed = parsedOf(document);
  const request = parsed.ok ? datasetRequest(parsed.experiment) : undefined;
  if (!request || !isOwnDataset(request) || document.uri.scheme !== 'file') return [];
  const index = indexLookup(storeRootOf(document.uri), request, dirname(document.uri.fsPath));
  return index?.report.problems ?? [];
}

/** The folder that contains the store of a file's runs and indexes: its workspace folder, otherwise its own folder. */
export function storeRootOf(uri: vscode.Uri): string {
  return vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath ?? dirname(uri.fsPath);
}

/** Incremented on each index change, which invalidates earlier parses. */
let generation = 0;

/** Invalidates all parses because an index has appeared, changed or disappeared. */
export function dropParses(): void {
  generation += 1;
}

/** Incremented by `dropParses`. A parse from another generation is stale. */
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

/** Converts a parser range to an editor range. Both count lines and UTF-16 code units from 0. */
export function editorRange({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
