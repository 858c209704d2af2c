import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  discard,
  eventually,
  experimentText,
  extension,
  lensesOf,
  openNew,
  runIn,
  workspaceFile,
} from './support';

suite('Commands', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  teardown(() => discard(...made.splice(0)));

  test('a new experiment file copies an example that can run, under a free name', async () => {
    const names: string[] = [];
    for (let round = 0; round < 2; round++) {
      const opened = new Promise<vscode.TextEditor>((resolve) => {
        const listening = vscode.window.onDidChangeActiveTextEditor((editor) => {
          if (!editor) return;
          listening.dispose();
          resolve(editor);
        });
      });
      await vscode.commands.executeCommand('bagOfTricks.newExperiment', 'first-steps');
      const { document } = await opened;
      made.push(document.uri);
      names.push(document.uri.path);
      assert.ok((await lensesOf(document.uri)).some(({ text }) => text === '1 Run'));
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    }
    assert.equal(new Set(names).size, 2);
  });

  test('a new experiment starts from a small example, under the name that a person types', async () => {
    const command = vscode.commands.executeCommand('bagOfTricks.newExperiment');
    const file = workspaceFile('first-steps.experiment.yaml');
    await eventually('the new file', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return vscode.window.activeTextEditor?.document.uri.path === file.path;
    });
    await command;
    made.push(file);
    assert.match(vscode.window.activeTextEditor?.document.getText() ?? '', /^name: first-steps$/m);
  });

  test('the resolved recipe opens read-only, for a file and for its run', async () => {
    const document = await openNew('recipe.experiment.yaml', experimentText('recipe', 1));
    made.push(document.uri);
    await vscode.commands.executeCommand('bagOfTricks.showRecipe', document.uri);
    const ofFile = vscode.window.activeTextEditor?.document;
    assert.ok(ofFile && ofFile.uri.scheme === 'bag-of-tricks-recipe', ofFile?.uri.toString());
    assert.equal(JSON.parse(ofFile.getText()).schedule.totalSteps, 4);

    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('bagOfTricks.showRecipe', run.folder);
    const ofRun = await eventually('the recipe of the run', () =>
      vscode.workspace.textDocuments.find(({ uri }) => uri.query === run.folder),
    );
    assert.deepEqual(JSON.parse(ofRun.getText()), JSON.parse(ofFile.getText()));
  });

  test("a run's path can be copied, and its manifest and log opened", async () => {
    const document = await openNew('paths.experiment.yaml', experimentText('paths', 1));
    made.push(document.uri);
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('bagOfTricks.openManifest', run.folder);
    await eventually('the manifest', () =>
      vscode.window.activeTextEditor?.document.uri.path.endsWith(`${run.id}/run.json`),
    );
    await vscode.commands.executeCommand('bagOfTricks.openRunLog', run.folder);
    await eventually('the log', () =>
      vscode.window.activeTextEditor?.document.uri.path.endsWith(`${run.id}/trainer.log`),
    );
    await vscode.commands.executeCommand('bagOfTricks.openExperiment', run.folder);
    await eventually(
      'the file',
      () => vscode.window.activeTextEditor?.document.uri.path === document.uri.path,
    );
  });
});
