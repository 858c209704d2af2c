import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { extension, workspaceFile } from './support';

suite('Engines', () => {
  suiteSetup(extension);
  teardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  test('are diagnosed by the Node that trains, in a document to read', async () => {
    await vscode.commands.executeCommand('bagOfTricks.diagnoseEngines');
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.scheme, 'bag-of-tricks-engines');
    const text = document.getText();
    assert.match(text, new RegExp(`^Node ${process.versions.node}, ABI ${process.versions.modules}`));
    assert.match(text, /^wasm: works\./m);
    assert.match(text, /^auto uses \w/m);
  });

  test('that cannot be diagnosed produce a message and no document', async () => {
    const settings = vscode.workspace.getConfiguration('bagOfTricks');
    const nowhere = workspaceFile('no-node-here').fsPath;
    await settings.update('nodePath', nowhere, vscode.ConfigurationTarget.Global);
    try {
      await vscode.commands.executeCommand('bagOfTricks.diagnoseEngines');
      assert.equal(vscode.window.activeTextEditor, undefined);
    } finally {
      await settings.update('nodePath', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
