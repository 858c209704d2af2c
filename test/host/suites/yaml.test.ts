import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { completionsAt, discard, eventually, extension, hoverText, labelOf, openNew, type } from './support';

const YAML = `name: beside
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
tricks:
  no_bias_decay: true
`;
const ID = 'redhat.vscode-yaml';

/**
 * Red Hat's YAML extension itself is not available here, so test/host/yamlExtension fakes it. An activated extension
 * stays active until the window closes, so this suite's name sorts last.
 */
suite("Beside Red Hat's YAML extension", () => {
  const made: vscode.Uri[] = [];
  suiteSetup(async () => {
    await extension();
    const vsix = vscode.Uri.file(join(__dirname, '../yamlExtension.vsix'));
    await vscode.commands.executeCommand('workbench.extensions.installExtension', vsix);
    const other = await eventually('the other extension', () => vscode.extensions.getExtension(ID));
    await other.activate();
  });
  teardown(() => discard(...made.splice(0)));

  const open = async (text: string) => {
    const document = await openNew('beside.experiment.yaml', text);
    made.push(document.uri);
    return document;
  };

  /** Returns the offered labels and the text that each would insert. */
  const offered = async (document: vscode.TextDocument, line: number, character: number) => {
    const items = await completionsAt(document, new vscode.Position(line, character));
    return items.map((item) => ({
      label: labelOf(item),
      inserts: typeof item.insertText === 'string' ? item.insertText : (item.insertText?.value ?? ''),
    }));
  };
  const counts = (items: readonly { label: string }[], label: string) =>
    items.filter((item) => item.label === label).length;

  test('keys, values and tricks are offered, each once', async () => {
    const document = await open(YAML);
    await type(document, new vscode.Position(5, 0), '  \nengine: w\n\n');
    const tricks = await offered(document, 5, 2);
    assert.equal(counts(tricks, 'warmup'), 1, JSON.stringify(tricks));
    assert.equal(new Set(tricks.map(({ label }) => label)).size, tricks.length, JSON.stringify(tricks));
    const engines = await offered(document, 6, 9);
    assert.equal(counts(engines, 'wasm'), 1, JSON.stringify(engines));
    const keys = await offered(document, 7, 0);
    assert.equal(counts(keys, 'schedule'), 1, JSON.stringify(keys));
  });

  test('a trick is offered with its default options, by the schema', async () => {
    const document = await open(YAML);
    await type(document, new vscode.Position(5, 0), '  \n');
    const tricks = await offered(document, 5, 2);
    const inserts = (name: string) => tricks.find(({ label }) => label === name)?.inserts;
    assert.match(inserts('label_smoothing') ?? '', /^label_smoothing:\n\s+epsilon: 0\.1/);
    assert.equal(inserts('zero_gamma'), 'zero_gamma: true');
  });

  test('a key is explained once, with its value in this file', async () => {
    const document = await open(YAML);
    const text = await hoverText(document, 'batch_size');
    assert.equal(text.match(/Images per batch/g)?.length, 1, text);
    assert.match(text, /11 steps per epoch/);
    assert.match(await hoverText(document, 'no_bias_decay'), /76\.37 \/ 92\.96 \| 76\.03 \/ 92\.86/);
  });
});
