import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hangLimitsMs } from '../../../scripts/lib/limits.mjs';
import type { Api } from '../../../src/extension';
import { isLive, type ReadableRun } from '../../../src/extension/runs/liveRun';
import type { RunState } from '../../../src/protocol/manifest';
import { deleteRun } from '../../../src/runs/store';
import { experimentText as smallExperimentText } from '../../support/smallTraining';

/** Returns the activated extension. */
export async function extension(): Promise<Api> {
  const found = vscode.extensions.getExtension<Api>('bag-of-tricks.bag-of-tricks');
  assert.ok(found, 'VS Code does not know the extension');
  return found.activate();
}

/** Returns the URI of a file in the workspace. */
export function workspaceFile(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'no folder is open');
  return vscode.Uri.joinPath(folder.uri, name);
}

/** Saves a document. On a busy machine, VS Code's first attempt may end without having saved. */
export async function save(document: vscode.TextDocument): Promise<void> {
  await eventually(`${document.uri.path} is saved`, async () => (await document.save()) && !document.isDirty);
}

let opened = 0;

/** Writes a file into the workspace under a unique name that ends in `name`, and opens it in an editor. */
export async function openNew(name: string, text: string): Promise<vscode.TextDocument> {
  // VS Code remembers a file's text for a while after the file was closed and deleted.
  opened += 1;
  const uri = workspaceFile(`${opened}-${name}`);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document);
  return document;
}

/**
 * Closes every editor without saving, and deletes files and their runs. The editor would take a later file with the
 * same experiment name for a renamed one, and show the runs below it.
 */
export async function discard(...uris: vscode.Uri[]): Promise<void> {
  for (const document of vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty)) {
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  const { library } = await extension();
  await library.refresh();
  for (const uri of uris) {
    const ended = library.runsOf(uri.fsPath).filter((run) => !isLive(run));
    for (const { root, id } of ended) {
      // Its trainer may still be about to exit.
      await eventually(`${id} is deleted`, async () => (await deleteRun(root, id)) === null);
    }
    await vscode.workspace.fs.delete(uri);
  }
  await library.refresh();
}

/** Stops running and queued runs, which would block the next test's runs. */
export async function stopLiveRuns(): Promise<void> {
  const { library, runner } = await extension();
  await library.refresh();
  for (const run of library.runs.filter(isLive)) await runner.stop(run);
  await library.refresh();
}

/** Returns the first value that `look` gives. Set `withinMs` if the test is about how soon that happens. */
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

/** Returns a document's lenses as a person reads them, without icons, each with its line (from 1). */
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

/** Does what a click on the lens that begins with `beginning` does. */
export async function clickLens(uri: vscode.Uri, beginning: string): Promise<void> {
  const lenses = await lensesOf(uri);
  const command = lenses.find(({ text }) => text.replace(/^\d+ /, '').startsWith(beginning))?.command;
  assert.ok(command, `no lens ${beginning} among ${lenses.map(({ text }) => text).join('; ')}`);
  await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
}

/** Returns the newest run of a file as soon as it is in a state. */
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

/** An experiment that trains on synthetic images for `epochs` near-instant epochs. */
export function experimentText(name: string, epochs: number): string {
  const schedule = `{ epochs: ${epochs}, decay: cosine }`;
  return smallExperimentText({ name, schedule, optimizer: undefined, tricks: undefined });
}

/** Returns the position of a word in a document. */
export function placeOf(document: vscode.TextDocument, word: string): vscode.Position {
  return document.positionAt(document.getText().indexOf(word) + 1);
}

/** Returns everything that hovers say about a word, one below the other. */
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

/** Inserts text into a document as an editor edit. */
export async function type(document: vscode.TextDocument, at: vscode.Position, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, at, text);
  await vscode.workspace.applyEdit(edit);
}

/**
 * Clicks the lens that proposes a study, and accepts each of its questions as it stands. One that is accepted before its
 * rows are drawn, of which a program is not told, is answered with no row, and nothing is written.
 */
export async function proposeStudy(file: vscode.Uri): Promise<void> {
  let isDone = false;
  const proposing = clickLens(file, 'Find out which tricks pay here').finally(() => {
    isDone = true;
  });
  proposing.catch(() => {}); // It is awaited below.
  while (!isDone) {
    await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await proposing;
}
