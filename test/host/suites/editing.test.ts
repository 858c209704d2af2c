import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { clickLens, discard, eventually, extension, lensesOf, openNew } from './support';

const YAML = `# kept
name: editing
data: { dataset: fashion-mnist-sample, batch_size: 1024 } # large
model: { name: resnet20 }
optimizer:
  base_lr: 0.1   # for 256
`;
const JSON_TEXT = `{
  // kept
  "name": "editing",
  "data": { "dataset": "fashion-mnist-sample", "batch_size": 1024 },
  "model": { "name": "resnet20" },
  "optimizer": { "base_lr": 0.1 }
}
`;
const SCALING = 'Linear scaling from 256';

/** Errors and warnings. Advice is reported as hints. */
const problemsOf = (uri: vscode.Uri) =>
  vscode.languages.getDiagnostics(uri).filter(({ severity }) => severity !== vscode.DiagnosticSeverity.Hint);

/** Returns what `tricks resolve`, run in the file's folder, says about a file that it refuses. */
async function toldByCommandLine({ fsPath }: vscode.Uri): Promise<string> {
  const { extensionUri } = vscode.extensions.getExtension('bag-of-tricks.bag-of-tricks') ?? {};
  assert.ok(extensionUri);
  const program = vscode.Uri.joinPath(extensionUri, 'dist/tricks.js').fsPath;
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, 'resolve', fsPath],
      { env, cwd: dirname(fsPath) },
      (_error, _stdout, stderr) => resolve(stderr),
    );
  });
}

suite('Editing an experiment', () => {
  let document: vscode.TextDocument;
  suiteSetup(extension);
  teardown(() => discard(document.uri));

  test('YAML has a lens for Run and tricks at their sections', async () => {
    document = await openNew('editing.experiment.yaml', YAML);
    const texts = (await lensesOf(document.uri)).map(({ text }) => text);
    for (const text of ['1 Run', '4 Warmup 5 epochs', '4 More tricks...', '4 Zero gamma', `5 ${SCALING}`]) {
      assert.ok(texts.includes(text), `no ${text} among ${texts.join('\n')}`);
    }
  });

  test('More tricks... lists those of its line, and inserts the chosen one', async () => {
    document = await openNew('editing.experiment.yaml', YAML);
    const more = (await lensesOf(document.uri)).find(({ text }) => text === '5 More tricks...');
    assert.ok(more?.command);
    const choosing = vscode.commands.executeCommand(more.command.command, ...(more.command.arguments ?? []));
    await eventually('the trick in the file', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return document.isDirty;
    });
    await choosing;
    assert.match(document.getText(), /tricks:\n {2}gradient_clipping: true\n/);
  });

  test('titles are computed when a lens becomes visible, not before', async () => {
    document = await openNew('editing.experiment.yaml', YAML);
    const seen = async (count?: number) => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        count,
      );
      return [lenses.length, lenses.filter(({ command }) => command).length];
    };
    const [all = 0] = await seen();
    assert.ok(all > 10);
    assert.deepEqual(await seen(), [all, 0]);
    // VS Code returns only the lenses that it was asked to resolve.
    assert.deepEqual(await seen(2), [2, 2]);
  });

  test('JSON with comments has lenses too', async () => {
    document = await openNew('editing.experiment.jsonc', JSON_TEXT);
    const texts = (await lensesOf(document.uri)).map(({ text }) => text);
    assert.ok(texts.includes('1 Run') && texts.includes(`6 ${SCALING}`), texts.join('\n'));
  });

  for (const [name, text] of [
    ['editing.experiment.yaml', YAML],
    ['editing.experiment.jsonc', JSON_TEXT],
  ] as const) {
    test(`a lens inserts into ${name}, and one undo reverts that`, async () => {
      document = await openNew(name, text);
      await clickLens(document.uri, SCALING);
      const inserted = document.getText();
      assert.match(inserted, /base_batch_size"?: 256/);
      for (const line of text.split('\n').filter((kept) => /kept|for 256|large/.test(kept))) {
        assert.ok(inserted.includes(line), `lost: ${line}`);
      }
      await vscode.commands.executeCommand('undo');
      assert.equal(document.getText(), text);
      assert.equal(document.isDirty, false);
    });
  }

  test('an inserted trick is configured by its lens: an option, then a value, as one edit', async () => {
    document = await openNew('editing.experiment.yaml', `${YAML}tricks:\n  warmup: { epochs: 5 } # kept\n`);
    const before = document.getText();
    const configure = (await lensesOf(document.uri)).find(({ text }) => text === '4 Configure warmup...');
    assert.ok(configure?.command, (await lensesOf(document.uri)).map(({ text }) => text).join('\n'));
    const { command, arguments: args = [] } = configure.command;
    const { executeCommand } = vscode.commands;
    const takeSecond = async () => {
      // There is no event for an open quick pick.
      await new Promise((resolve) => setTimeout(resolve, 400));
      await executeCommand('workbench.action.quickOpenSelectNext');
      await executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    };
    await eventually('the value in the file', async () => {
      const configuring = executeCommand(command, ...args);
      await takeSecond();
      await takeSecond();
      await new Promise((resolve) => setTimeout(resolve, 400));
      await executeCommand('workbench.action.closeQuickOpen');
      await configuring;
      return document.isDirty;
    });
    assert.equal(document.getText(), before.replace('epochs: 5 }', 'epochs: 5, count_from: 1 }'));
    await executeCommand('undo');
    assert.equal(document.getText(), before);
  });

  test('the lens of an inserted trick removes it again', async () => {
    document = await openNew('editing.experiment.yaml', YAML);
    await clickLens(document.uri, SCALING);
    await clickLens(document.uri, 'Remove linear scaling');
    assert.equal(document.getText(), YAML);
  });

  test('an insertion that would break the file changes nothing', async () => {
    const text = `${YAML}tricks: none\nseed: 1\n`;
    document = await openNew('editing.experiment.yaml', text);
    await vscode.commands.executeCommand('bagOfTricks.insertTrick', document.uri, 'linear_scaling');
    const after = document.getText();
    await vscode.commands.executeCommand('bagOfTricks.insertTrick', document.uri, 'zero_gamma');
    assert.equal(after, text);
    assert.equal(document.getText(), text);
  });

  test('problems are shown at their position, follow the typing, and disappear once fixed', async () => {
    document = await openNew('editing.experiment.yaml', YAML.replace('0.1 ', '-1 '));
    const problems = () => problemsOf(document.uri);
    const [problem] = await eventually('a problem', () => (problems().length > 0 ? problems() : null));
    assert.equal(problem?.source, 'bag-of-tricks');
    assert.equal(problem.severity, vscode.DiagnosticSeverity.Error);
    assert.equal(document.getText(problem.range), '-1');
    assert.ok((await lensesOf(document.uri)).some(({ text }) => text === '1 Cannot run: 1 problem'));
    // The command line says the same at the same position.
    const { start } = problem.range;
    assert.equal(
      await toldByCommandLine(document.uri),
      `${basename(document.fileName)}:${start.line + 1}:${start.character + 1}: error: ${problem.message}\n`,
    );

    const fix = new vscode.WorkspaceEdit();
    fix.replace(document.uri, problem.range, '1');
    await vscode.workspace.applyEdit(fix);
    await eventually('no problem', () => problems().length === 0);

    const spoil = new vscode.WorkspaceEdit();
    spoil.insert(document.uri, new vscode.Position(1, 0), 'nmae: typo\n');
    await vscode.workspace.applyEdit(spoil);
    const [typo] = await eventually('the typo', () => (problems().length > 0 ? problems() : null));
    assert.equal(document.getText(typo?.range), 'nmae');
    assert.match(typo?.message ?? '', /Unknown key nmae/);
  });

  test('a file without a problem has none', async () => {
    document = await openNew('editing.experiment.yaml', YAML);
    await lensesOf(document.uri);
    assert.deepEqual(problemsOf(document.uri), []);
  });
});
