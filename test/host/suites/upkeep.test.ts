import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { KnownRun } from '../../../src/extension/runs/liveRun';
import { readLease } from '../../../src/runs/lease/lease';
import {
  discard,
  eventually,
  experimentText,
  extension,
  openNew,
  runIn,
  save,
  stopLiveRuns,
  workspaceFile,
} from './support';

/** Chooses `choice` in every message that is shown while `act` runs, and returns the messages. */
async function choosing(choice: string, act: () => Thenable<unknown>): Promise<string[]> {
  const messages: string[] = [];
  const { showInformationMessage, showWarningMessage } = vscode.window;
  const choose = async (message: string, ...choices: unknown[]) => {
    messages.push(message);
    return choices.find((each) => each === choice);
  };
  Object.assign(vscode.window, { showInformationMessage: choose, showWarningMessage: choose });
  try {
    await act();
  } finally {
    Object.assign(vscode.window, { showInformationMessage, showWarningMessage });
  }
  return messages;
}

const replaceAll = (document: vscode.TextDocument, text: string) => {
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  return vscode.workspace.applyEdit(edit);
};

const rowOf = (run: KnownRun) => ({ kind: 'run', run }) as const;

suite('Managing runs', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  teardown(async () => {
    await stopLiveRuns();
    await discard(...made.splice(0));
  });

  const openFile = async (name: string, epochs = 1) => {
    const document = await openNew(`${name}.experiment.yaml`, experimentText(name, epochs));
    made.push(document.uri);
    return document;
  };

  test("'Run again' repeats the run's own recipe, and 'Run the file' runs the file as it is now", async () => {
    const { library } = await extension();
    const document = await openFile('repeated');
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await replaceAll(document, `${experimentText('repeated', 2)}seed: 5\n`);
    await save(document);

    await vscode.commands.executeCommand('bagOfTricks.runAgain', rowOf(run));
    const again = await eventually(
      'the repeated run',
      () => library.runsOf(document.uri.fsPath)[1] && library.runsOf(document.uri.fsPath)[0],
    );
    assert.notEqual(again.folder, run.folder);
    assert.deepEqual(again.manifest.recipe, run.manifest.recipe);
    assert.deepEqual(again.manifest.experiment, run.manifest.experiment);
    await eventually('it is done', () => {
      const found = library.find(again.folder);
      return found?.kind === 'run' && found.manifest.state.status === 'done';
    });

    await vscode.commands.executeCommand('bagOfTricks.runFile', rowOf(run));
    const ofFile = await eventually('the run of the file', () =>
      library.runsOf(document.uri.fsPath).find(({ manifest }) => manifest.recipe.seed === 5),
    );
    assert.equal(ofFile.manifest.recipe.epochs, 2);
  });

  test('Delete moves all selected runs to the trash, and undo restores them', async () => {
    const { library, view } = await extension();
    const document = await openFile('deleted');
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('bagOfTricks.runAgain', run.folder);
    await eventually('both are done', () => {
      const runs = library.runsOf(document.uri.fsPath);
      return runs.length === 2 && runs.every(({ manifest }) => manifest.state.status === 'done');
    });
    const rows = library.runsOf(document.uri.fsPath).map(rowOf);
    for (const each of rows) {
      await eventually('its trainer has left', async () => !(await readLease(each.run.folder)));
    }
    const trashRow = () => view.getChildren().find(({ kind }) => kind === 'trash');
    assert.equal(trashRow(), undefined);

    const messages = await choosing('Undo', async () => {
      await vscode.commands.executeCommand('bagOfTricks.deleteRun', rows[0], rows);
      await eventually(
        'both are back',
        () => library.trash.length === 0 && library.runsOf(document.uri.fsPath).length === 2,
      );
    });
    assert.deepEqual(messages, ['Deleted 2 runs. The trash keeps them for 30 days.']);

    await choosing('none', () => vscode.commands.executeCommand('bagOfTricks.deleteRun', rows[0], rows));
    assert.equal(library.runsOf(document.uri.fsPath).length, 0);
    const row = trashRow();
    assert.ok(row);
    assert.equal(view.getChildren().at(-1)?.kind, 'trash');
    assert.match(String(view.getTreeItem(row).description), /^2 runs, \d[\d.]* [KM]iB$/);
    const [first] = view.getChildren(row);
    await vscode.commands.executeCommand('bagOfTricks.restoreRun', first);
    assert.equal(library.runsOf(document.uri.fsPath).length, 1);
    const asked = await choosing('Empty trash', () =>
      vscode.commands.executeCommand('bagOfTricks.emptyTrash'),
    );
    assert.match(String(asked[0]), /^Empty the trash \(1 run, \d[\d.]* [KM]iB\)\?$/);
    assert.deepEqual(library.trash, []);
    assert.equal(trashRow(), undefined);
  });

  test('a running run is not deleted, with the reason, and the others are', async () => {
    const { library } = await extension();
    const document = await openFile('mixed', 100_000);
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'running');
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const waiting = await eventually('one that waits', () => library.queue[0]);
    const { showErrorMessage } = vscode.window;
    const errors: string[] = [];
    Object.assign(vscode.window, { showErrorMessage: async (message: string) => void errors.push(message) });
    try {
      const rows = [rowOf(run), rowOf(waiting)];
      await vscode.commands.executeCommand('bagOfTricks.deleteRun', rows[0], rows);
    } finally {
      Object.assign(vscode.window, { showErrorMessage });
    }
    assert.deepEqual(errors, [`${run.id} is running. Stop it, then delete it.`]);
    assert.deepEqual(
      library.runsOf(document.uri.fsPath).map(({ folder }) => folder),
      [run.folder],
    );
    await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    await runIn(document.uri, 'stopped');
  });

  test('a run is renamed, in the view and on its dashboard', async () => {
    const { library, view } = await extension();
    const document = await openFile('plain');
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('bagOfTricks.openDashboard', run.folder);
    await vscode.commands.executeCommand('bagOfTricks.renameRun', rowOf(run), undefined, 'my best');
    const renamed = await eventually('its new name', () => {
      const found = library.find(run.folder);
      return found?.kind === 'run' && found.manifest.name === 'my best' && found;
    });
    assert.match(JSON.stringify(view.getTreeItem(rowOf(renamed)).label), /my best/);
    await eventually('the title of its dashboard', () =>
      vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label === 'my best')),
    );
  });

  test('several runs started at once open one dashboard, and no row can be moved above the queue', async () => {
    const { library, view } = await extension();
    const documents = [
      await openFile('one', 100_000),
      await openFile('two', 100_000),
      await openFile('three'),
    ];
    const rows = documents.map(({ uri }) => ({ kind: 'experiment', uri }) as const);
    await vscode.commands.executeCommand('bagOfTricks.run', rows[0], rows);
    await eventually('two that wait', () => library.queue.length === 2);
    const dashboards = () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .filter(({ input }) => input instanceof vscode.TabInputWebview);
    // VS Code reports its tabs some time after it opened or closed them.
    const labels = () => dashboards().map(({ label }) => label);
    await eventually('one dashboard', () => labels().join() === 'one');
    const kinds = view.getChildren().map(({ kind }) => kind);
    assert.ok(kinds.indexOf('queue') > kinds.lastIndexOf('experiment'), kinds.join());

    const queue = () => view.getChildren({ kind: 'queue' });
    const ids = library.queue.map(({ id }) => id);
    await choosing('Undo', async () => {
      await vscode.commands.executeCommand('bagOfTricks.cancelQueued', queue()[0]);
      await eventually(
        'it waits at its place again',
        () => library.queue.map(({ id }) => id).join() === ids.join(),
      );
    });

    // A row that now belongs to a running run cancels nothing.
    const [document] = documents;
    assert.ok(document);
    const { run: training } = await runIn(document.uri, 'running');
    await choosing('none', () =>
      vscode.commands.executeCommand('bagOfTricks.cancelQueued', { kind: 'queued', run: training }),
    );
    await library.refresh();
    const after = library.find(training.folder);
    assert.equal(after?.kind === 'run' && after.manifest.state.status, 'running');
  });

  test('runs follow a file that is renamed in the editor, with its folder, or outside the editor', async () => {
    const { library, files } = await extension();
    const document = await openFile('moved');
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    const folder = workspaceFile('before');
    const inFolder = vscode.Uri.joinPath(folder, 'x.experiment.yaml');
    const move = async (from: vscode.Uri, to: vscode.Uri) => {
      const edit = new vscode.WorkspaceEdit();
      edit.renameFile(from, to);
      assert.ok(await vscode.workspace.applyEdit(edit));
    };
    const isBelow = (uri: vscode.Uri) =>
      eventually(`the run is below ${uri.path}`, () => library.runsOf(uri.fsPath)[0]?.folder === run.folder);
    await vscode.workspace.fs.createDirectory(folder);
    await move(document.uri, inFolder);
    await isBelow(inFolder);
    const after = workspaceFile('after');
    await move(folder, after);
    const inAfter = vscode.Uri.joinPath(after, 'x.experiment.yaml');
    await isBelow(inAfter);

    const outside = workspaceFile('outside.experiment.yaml');
    await rename(inAfter.fsPath, outside.fsPath);
    await files.refresh();
    await isBelow(outside);
    made.splice(0, made.length, outside);
    await vscode.workspace.fs.delete(after, { recursive: true });
  });

  test("a run's file is restored only after a comparison, and undo reverts that", async () => {
    const document = await openFile('restored');
    const before = document.getText();
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    const later = before.replace('restored', 'later');
    await replaceAll(document, later);
    await save(document);

    await choosing('none', () => vscode.commands.executeCommand('bagOfTricks.restoreFile', rowOf(run)));
    const tab = await eventually('the comparison', () => {
      const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
      return input instanceof vscode.TabInputTextDiff ? input : undefined;
    });
    assert.equal(tab.original.toString(), document.uri.toString());
    const shown = await vscode.workspace.openTextDocument(tab.modified);
    assert.equal(shown.getText(), before);
    assert.equal(document.getText(), later);

    await vscode.commands.executeCommand('bagOfTricks.writeRunFile', tab.modified);
    assert.equal(document.getText(), before);
    await eventually('it is saved', () => !document.isDirty);
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), later);
    await save(document);
  });
});
