import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  clickLens,
  discard,
  eventually,
  experimentText,
  extension,
  openNew,
  runIn,
  stopLiveRuns,
} from './support';

suite('The range test', () => {
  let document: vscode.TextDocument;
  suiteSetup(extension);
  teardown(async () => {
    await stopLiveRuns();
    await discard(document.uri);
  });

  test('runs from the lens at the optimizer and offers its suggestion as one edit of the file', async () => {
    const text = `${experimentText('rates', 2)}optimizer:\n  base_lr: 0.000123 # too low\n`;
    document = await openNew('rates.experiment.yaml', text);
    const line = text.split('\n').findIndex((each) => each.startsWith('optimizer'));
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      ...(['vscode.executeCodeLensProvider', document.uri, 100] as const),
    );
    const own = lenses.find(({ command }) => command?.command === 'bagOfTricks.findRate');
    assert.equal(own?.range.start.line, line);
    await clickLens(document.uri, 'Range test');
    const { run } = await runIn(document.uri, 'stopped');
    assert.equal(run.manifest.name, 'rates (range test)');
    await eventually('the suggestion in the file', async () => {
      await vscode.commands.executeCommand('notification.acceptPrimaryAction');
      return !document.getText().includes('0.000123');
    });
    assert.match(document.getText(), /^ {2}base_lr: [\d.e-]+ # too low$/m);
    assert.equal(document.getText().replace(/base_lr: \S+/, 'base_lr: 0.000123'), text);
  });
});
