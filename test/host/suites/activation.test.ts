import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually, extension, workspaceFile } from './support';

suite('Activation', () => {
  test('every contributed command is registered, and the extension registers no others', async () => {
    await extension();
    const contributed: { command: string }[] = vscode.extensions.getExtension('bag-of-tricks.bag-of-tricks')
      ?.packageJSON.contributes.commands;
    const views = /^bagOfTricks\.experiments\./;
    const registered = (await vscode.commands.getCommands(true)).filter(
      (id) => id.startsWith('bagOfTricks.') && !views.test(id),
    );
    assert.deepEqual(registered.sort(), contributed.map(({ command }) => command).sort());
  });

  test('the view lists the experiment files of the workspace', async () => {
    const { view } = await extension();
    const labels = view.getChildren().map((node) => view.getTreeItem(node).label);
    assert.ok(labels.includes('small'), `found ${labels.join(', ') || 'nothing'}`);
  });

  test('the view adds a new file and removes a deleted one', async () => {
    const { files } = await extension();
    const uri = workspaceFile('late.experiment.yaml');
    const isListed = () => files.uris.some(({ path }) => path === uri.path);
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode('name: late\n'));
    await eventually('the new file in the view', isListed);
    await vscode.workspace.fs.delete(uri);
    await eventually('the view without the file', () => !isListed());
  });
});
