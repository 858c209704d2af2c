import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  clickLens,
  completionsAt,
  discard,
  eventually,
  experimentText,
  extension,
  hoverText,
  labelOf,
  lensesOf,
  openNew,
  placeOf,
  runIn,
  save,
  type,
  workspaceFile,
} from './support';

const YAML = `# kept
name: helped
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
optimizer:
  base_lr: 0.1
tricks:
  no_bias_decay: true
`;
const JSON_TEXT = `{
  // kept
  "name": "helped",
  "data": { "dataset": "fashion-mnist-sample", "batch_size": 1024 },
  "model": { "name": "resnet20" },
  "optimizer": { "base_lr": 0.1 },
  "tricks": { "no_bias_decay": true }
}
`;
const FORMATS = [
  ['help.experiment.yaml', YAML],
  ['help.experiment.jsonc', JSON_TEXT],
] as const;

const { executeCommand } = vscode.commands;

async function actionsAt(document: vscode.TextDocument, word: string): Promise<vscode.CodeAction[]> {
  const at = placeOf(document, word);
  return executeCommand<vscode.CodeAction[]>(
    'vscode.executeCodeActionProvider',
    document.uri,
    new vscode.Range(at, at),
  );
}

suite('Help in an experiment', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  teardown(() => discard(...made.splice(0)));

  const open = async (name: string, text: string) => {
    const document = await openNew(name, text);
    made.push(document.uri);
    return document;
  };

  for (const [name, text] of FORMATS) {
    test(`${name}: a hover explains a trick, with evidence against it, and a key`, async () => {
      const document = await open(name, text);
      const trick = await hoverText(document, 'no_bias_decay');
      assert.match(trick, /76\.37 \/ 92\.96 \| 76\.03 \/ 92\.86 \| −0\.34 \/ −0\.10/);
      assert.match(trick, /43 of 65 tensors/);
      assert.match(trick, /command:bagOfTricks\.compareTrick/);
      const key = await hoverText(document, 'batch_size');
      // Exactly once: from the schema where the editor shows it, else from this extension.
      assert.equal(key.match(/Images per batch/g)?.length, 1, key);
      assert.match(key, /11 steps per epoch/);
    });

    test(`${name}: inlay hints show the numbers derived from the file`, async () => {
      const document = await open(name, text);
      const whole = new vscode.Range(0, 0, document.lineCount, 0);
      const hints = await eventually('the hints', async () => {
        const found = await executeCommand<vscode.InlayHint[]>(
          'vscode.executeInlayHintProvider',
          document.uri,
          whole,
        );
        return found.length > 0 ? found : null;
      });
      assert.deepEqual(
        hints.map(({ label }) => label),
        ['= 11 steps per epoch'],
      );
    });

    test(`${name}: advice is a hint; one quick fix applies all of it, and one undo reverts that`, async () => {
      const document = await open(name, text);
      const hints = await eventually('the advice', () => {
        const found = vscode.languages
          .getDiagnostics(document.uri)
          .filter(({ severity }) => severity === vscode.DiagnosticSeverity.Hint);
        return found.length > 0 ? found : null;
      });
      assert.deepEqual(
        hints.map(({ code, range }) => [code, document.getText(range)]),
        [
          ['linear_scaling', '1024'],
          ['warmup', '1024'],
        ],
      );
      const actions = await actionsAt(document, '1024');
      const titles = actions.map(({ title }) => title);
      for (const title of ['Insert linear scaling', 'Insert warmup', 'Apply all advised tricks']) {
        assert.ok(titles.includes(title), titles.join('; '));
      }
      const all = actions.find(({ title }) => title === 'Apply all advised tricks');
      assert.ok(all?.edit);
      await vscode.workspace.applyEdit(all.edit);
      assert.match(document.getText(), /linear_scaling"?: \{ "?base_batch_size"?: 256 \}/);
      assert.match(document.getText(), /warmup"?: \{ "?epochs"?: 5 \}/);
      await eventually('no advice left', () =>
        vscode.languages
          .getDiagnostics(document.uri)
          .every(({ severity }) => severity !== vscode.DiagnosticSeverity.Hint),
      );
      await executeCommand('undo');
      assert.equal(document.getText(), text);
    });

    test(`${name}: a misspelled key is fixed by its quick fix`, async () => {
      const document = await open(name, text.replace('optimizer', 'optimiser'));
      await eventually('the problem', () => vscode.languages.getDiagnostics(document.uri).length > 0);
      const fix = (await actionsAt(document, 'optimiser')).find(({ title }) => title === 'Write optimizer');
      assert.ok(fix?.edit);
      await vscode.workspace.applyEdit(fix.edit);
      assert.equal(document.getText(), text);
    });

    test(`${name}: the changes of a trick are shown as a diff of two recipes`, async () => {
      const document = await open(name, text);
      await executeCommand('bagOfTricks.compareTrick', document.uri, 'linear_scaling');
      const tab = await eventually('the diff', () => {
        const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return input instanceof vscode.TabInputTextDiff ? input : null;
      });
      const [before, after] = await Promise.all(
        [tab.original, tab.modified].map(async (uri) =>
          JSON.parse((await vscode.workspace.openTextDocument(uri)).getText()),
        ),
      );
      assert.deepEqual([before.schedule.peakLearningRate, after.schedule.peakLearningRate], [0.1, 0.4]);
      assert.deepEqual(after.tricks, ['linear_scaling', 'no_bias_decay']);
      assert.equal(document.isDirty, false);
    });
  }

  test('YAML: keys, values and tricks are completed, each once, without another extension for YAML', async () => {
    assert.equal(vscode.extensions.getExtension('redhat.vscode-yaml'), undefined);
    const document = await open('completed.experiment.yaml', YAML);
    await type(document, new vscode.Position(document.lineCount - 1, 0), '  \nengine: \n');
    const tricks = (await completionsAt(document, new vscode.Position(8, 2))).map(labelOf);
    assert.equal(tricks.filter((label) => label === 'warmup').length, 1, tricks.join(', '));
    assert.ok(!tricks.includes('no_bias_decay'));
    const engines = (await completionsAt(document, new vscode.Position(9, 8))).map(labelOf);
    assert.equal(engines.filter((label) => label === 'wasm').length, 1, engines.join(', '));
  });

  test('JSON: keys, values and tricks are completed, each once', async () => {
    const text = `{
  "name": "completed",
  "data": { "dataset": "synthetic" },
  "model": { "name": "resnet8" },
  "tricks": {  },
  "engine": ""
}
`;
    const document = await open('completed.experiment.json', text);
    const offered = async (line: number, character: number) =>
      (await completionsAt(document, new vscode.Position(line, character))).map((item) =>
        labelOf(item).replaceAll('"', ''),
      );
    await eventually('the tricks', async () => (await offered(4, 14)).includes('warmup'));
    const tricks = await offered(4, 14);
    assert.equal(tricks.filter((label) => label === 'warmup').length, 1, tricks.join(', '));
    const engines = await offered(5, 13);
    assert.equal(engines.filter((label) => label === 'wasm').length, 1, engines.join(', '));
  });

  test('lenses, hovers and insertions work in a file that was never saved', async () => {
    const document = await vscode.workspace.openTextDocument(
      vscode.Uri.from({ scheme: 'untitled', path: 'unsaved.experiment.yaml' }),
    );
    await vscode.window.showTextDocument(document);
    await type(document, new vscode.Position(0, 0), YAML);
    await clickLens(document.uri, 'Linear scaling');
    assert.match(document.getText(), /linear_scaling: \{ base_batch_size: 256 \}/);
    assert.match(await hoverText(document, 'linear_scaling'), /0\.1 at 256 gives 0\.4 at 1024/);
    await executeCommand('undo');
    assert.equal(document.getText(), YAML);
  });

  test('after runs with and without a trick, its lens shows the effect, and one of them can be the teacher', async () => {
    const document = await open('measured.experiment.yaml', experimentText('measured', 1));
    const runToEnd = async () => {
      await executeCommand('bagOfTricks.run', document.uri);
      const { run } = await runIn(document.uri, 'done');
      await vscode.window.showTextDocument(document);
      return run.id;
    };
    const first = await runToEnd();
    await executeCommand('bagOfTricks.insertTrick', document.uri, 'zero_gamma');
    await save(document);
    const { library } = await extension();
    await runToEnd();
    await eventually('two runs', () => library.runsOf(document.uri.fsPath).length === 2);
    await eventually('what the two runs have shown', async () =>
      (await lensesOf(document.uri)).some(
        ({ text, command }) =>
          text === '3 Remove zero gamma' && command?.tooltip?.includes('one seed: no evidence yet'),
      ),
    );

    const inserting = executeCommand('bagOfTricks.insertTrick', document.uri, 'distillation');
    await eventually('the teacher in the file', async () => {
      await executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return document.isDirty;
    });
    await inserting;
    const { id: newest } = library.runsOf(document.uri.fsPath)[0] ?? {};
    assert.match(document.getText(), new RegExp(`distillation: \\{ teacher: "?${newest}"? \\}`));
    assert.notEqual(newest, first);
  });

  test('a setting hides the lens of one trick, or of all', async () => {
    const document = await open('quiet.experiment.yaml', YAML);
    const settings = vscode.workspace.getConfiguration('bagOfTricks.lenses');
    const texts = async () => (await lensesOf(document.uri)).map(({ text }) => text);
    assert.ok((await texts()).some((text) => text.startsWith('5 Linear scaling')));
    try {
      await settings.update('hiddenTricks', ['linear_scaling'], vscode.ConfigurationTarget.Global);
      assert.ok(!(await texts()).some((text) => text.startsWith('5 Linear scaling')));
      assert.ok((await texts()).includes('1 Run'));
      await settings.update('enabled', false, vscode.ConfigurationTarget.Global);
      assert.deepEqual(await texts(), []);
    } finally {
      await settings.update('hiddenTricks', undefined, vscode.ConfigurationTarget.Global);
      await settings.update('enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});

suite('Files of other systems', () => {
  let document: vscode.TextDocument;
  suiteSetup(extension);
  teardown(() => discard(document.uri));

  for (const [name, text, lens, inserted] of [
    [
      'args.yaml',
      'model: resnet50\nopt: sgd\nlr: 0.1\nepochs: 90\nbatch_size: 1024\nsched: step\nmixup: 0.0\n',
      '7 Mixup alpha 0.2',
      'mixup: 0.2\n',
    ],
    [
      'train.sh',
      'torchrun --nproc_per_node=8 train.py \\\n  --lr-step-size 30 --lr-gamma 0.1 \\\n  --lr 0.5\n',
      '1 More tricks...',
      '',
    ],
    [
      'resnet50_8xb32_in1k.py',
      "default_scope = 'mmpretrain'\nmodel = dict(backbone=dict(type='ResNet', depth=50))\n",
      '2 Remove zero gamma',
      'depth=50, zero_init_residual=False)',
    ],
  ] as const) {
    test(`${name} has lenses, and tricks are inserted in its own syntax`, async () => {
      document = await openNew(name, text);
      const found = (await lensesOf(document.uri)).find((each) => each.text === lens);
      assert.ok(found?.command, (await lensesOf(document.uri)).map((each) => each.text).join('\n'));
      if (inserted === '') return;
      await executeCommand(found.command.command, ...(found.command.arguments ?? []));
      assert.ok(document.getText().includes(inserted), document.getText());
      await executeCommand('undo');
      assert.equal(document.getText(), text);
    });
  }

  test('inherited settings of a config have lenses, which follow the base on disk and in the editor', async () => {
    const base = workspaceFile('smooth_base.py');
    const write = (text: string) => vscode.workspace.fs.writeFile(base, new TextEncoder().encode(text));
    const smooth = "model = dict(head=dict(loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1)))\n";
    const plain = smooth.replace("'LabelSmoothLoss', label_smooth_val=0.1", "'CrossEntropyLoss'");
    await write(smooth);
    // The first line has the lenses of the file, so the trick's is above a line of its own.
    const text =
      "_base_ = './smooth_base.py'\ndefault_scope = 'mmpretrain'\nmodel = dict(head=dict(loss=dict()))\n";
    document = await openNew('inherits.py', text);
    const isIn = async () =>
      (await lensesOf(document.uri)).some(({ text }) => text === '3 Remove label smoothing');
    const texts = async () => (await lensesOf(document.uri)).map(({ text }) => text).join('\n');
    try {
      assert.ok(await isIn(), await texts());
      await write(plain);
      await eventually('no such trick', async () => !(await isIn()));

      const opened = await vscode.workspace.openTextDocument(base);
      await type(opened, new vscode.Position(0, 0), `${smooth}#`);
      await eventually('the trick of the text that is not saved', isIn);
      await eventually('the base without its changes', async () => {
        // The command applies to the editor that has the focus.
        await vscode.window.showTextDocument(opened);
        await executeCommand('workbench.action.files.revert');
        return !opened.isDirty;
      });
      await eventually('the file as it is on the disk', async () => !(await isIn()));
    } finally {
      await vscode.workspace.fs.delete(base);
    }
  });
});

suite('A file that is not on the local disk', () => {
  const files = new Map<string, Uint8Array>();
  let registration: vscode.Disposable;
  suiteSetup(async () => {
    await extension();
    const changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
    const held = (uri: vscode.Uri) => {
      const content = files.get(uri.path);
      if (!content) throw vscode.FileSystemError.FileNotFound(uri);
      return content;
    };
    registration = vscode.workspace.registerFileSystemProvider('held', {
      onDidChangeFile: changed.event,
      watch: () => new vscode.Disposable(() => {}),
      stat: (uri) => ({ type: vscode.FileType.File, ctime: 0, mtime: 0, size: held(uri).length }),
      readFile: held,
      writeFile: (uri, content) => void files.set(uri.path, content),
      readDirectory: () => [],
      createDirectory: () => {},
      delete: (uri) => void files.delete(uri.path),
      rename: () => {},
    });
  });
  suiteTeardown(() => registration.dispose());
  teardown(() => discard());

  test('has everything but Run, which says why', async () => {
    files.set('/held.experiment.yaml', new TextEncoder().encode(YAML));
    const uri = vscode.Uri.from({ scheme: 'held', path: '/held.experiment.yaml' });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const texts = (await lensesOf(uri)).map(({ text }) => text);
    assert.ok(texts.includes('1 Cannot run: not on the local disk'), texts.join('\n'));
    assert.match(await hoverText(document, 'no_bias_decay'), /43 of 65 tensors/);
    await clickLens(uri, 'Linear scaling');
    await save(document);
    assert.match(new TextDecoder().decode(files.get('/held.experiment.yaml')), /linear_scaling/);
  });
});
