import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hangLimitsMs } from '../../../scripts/lib/limits.mjs';
import type { Api } from '../../../src/extension';
import { isLive, type ReadableRun } from '../../../src/extension/runs/liveRun';
import type { RunState } from '../../../src/protocol/manifest';
import { experimentText as smallExperimentText } from '../../support/smallTraining';

/** The activated extension. */
export async function extension(): Promise<Api> {
  const found = vscode.extensions.getExtension<Api>('bag-of-tricks.bag-of-tricks');
  assert.ok(found, 'VS Code does not know the extension');
  return found.activate();
}

/** A file in the workspace. */
export function workspaceFile(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'no folder is open');
  return vscode.Uri.joinPath(folder.uri, name);
}

let opened = 0;

/** Writes a file into the workspace, under a name of its own that ends in `name`, and opens it in an editor. */
export async function openNew(name: string, text: string): Promise<vscode.TextDocument> {
  // VS Code remembers the text of a file for a while after it was closed and deleted.
  opened += 1;
  const uri = workspaceFile(`${opened}-${name}`);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document);
  return document;
}

/** Closes every editor without saving and deletes a file. */
export async function discard(...uris: vscode.Uri[]): Promise<void> {
  for (const document of vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty)) {
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  for (const uri of uris) await vscode.workspace.fs.delete(uri);
}

/** Stops what trains or waits: it would keep the next test's runs from their turn. */
export async function stopLiveRuns(): Promise<void> {
  const { library, runner } = await extension();
  await library.refresh();
  for (const run of library.runs.filter(isLive)) await runner.stop(run);
  await library.refresh();
}

/** What `look` gives once it gives something; `withinMs` where how soon that is, is what is tested. */
export async function eventually<Value>(
  what: string,
  look: () => Value | undefined | null | false | Promise<Value | undefined | null | false>,
  withinMs = hangLimitsMs.host.wait,
): Promise<Value> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await look();
    if (value) return value;
    assert.ok(Date.now() < deadline, `never seen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The lenses of a document as a person reads them, without icons, with the line (from 1) they stand above. */
export async function lensesOf(uri: vscode.Uri): Promise<(vscode.CodeLens & { readonly text: string })[]> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    uri,
    100,
  );
  return lenses.map((lens) => {
    const title = lens.command?.title.replace(/^\$\([a-z-]+\)\s/, '') ?? '';
    return Object.assign(lens, { text: `${lens.range.start.line + 1} ${title}` });
  });
}

/** Does what a click on the lens does whose text begins so. */
export async function clickLens(uri: vscode.Uri, beginning: string): Promise<void> {
  const lenses = await lensesOf(uri);
  const command = lenses.find(({ text }) => text.replace(/^\d+ /, '').startsWith(beginning))?.command;
  assert.ok(command, `no lens ${beginning} among ${lenses.map(({ text }) => text).join('; ')}`);
  await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
}

/** The newest run of a file, once it is in a state. */
export async function runIn<Status extends RunState['status']>(
  uri: vscode.Uri,
  status: Status,
): Promise<{ run: ReadableRun; state: Extract<RunState, { status: Status }> }> {
  const { library } = await extension();
  const last = () => library.runsOf(uri.fsPath)[0];
  try {
    return await eventually(`a run of ${uri.path} that is ${status}`, () => {
      const run = last();
      const state = run?.manifest.state;
      return run && state?.status === status
        ? { run, state: state as Extract<RunState, { status: Status }> }
        : undefined;
    });
  } catch (error) {
    throw new Error(`The last run is ${JSON.stringify(last()?.manifest.state)}`, { cause: error });
  }
}

/** A training of synthetic images that takes `epochs` times an instant. */
export function experimentText(name: string, epochs: number): string {
  const schedule = `{ epochs: ${epochs}, decay: cosine }`;
  return smallExperimentText({ name, schedule, optimizer: undefined, tricks: undefined });
}

/** The place of a word in a document. */
export function placeOf(document: vscode.TextDocument, word: string): vscode.Position {
  return document.positionAt(document.getText().indexOf(word) + 1);
}

/** All that hovers say of a word, one below the other. */
export async function hoverText(document: vscode.TextDocument, word: string): Promise<string> {
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    placeOf(document, word),
  );
  return hovers
    .flatMap(({ contents }) => contents)
    .map((content) => (content instanceof vscode.MarkdownString ? content.value : String(content)))
    .join('\n');
}

export async function completionsAt(
  document: vscode.TextDocument,
  position: vscode.Position,
): Promise<vscode.CompletionItem[]> {
  const list = await vscode.commands.executeCommand<vscode.CompletionList>(
    'vscode.executeCompletionItemProvider',
    document.uri,
    position,
  );
  return list.items;
}

export const labelOf = ({ label }: vscode.CompletionItem) =>
  typeof label === 'string' ? label : label.label;

/** Puts text into a document as an edit of the editor. */
export async function type(document: vscode.TextDocument, at: vscode.Position, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, at, text);
  await vscode.workspace.applyEdit(edit);
}
