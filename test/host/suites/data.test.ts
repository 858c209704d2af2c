import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { networkRun } from '../../../src/runs/networkRun';
import { allowedFoldersPath, readAllowedFolders, revokeFolder } from '../../../src/system/allowedFolders';
import {
  clickLens,
  completionsAt,
  discard,
  eventually,
  extension,
  labelOf,
  lensesOf,
  openNew,
  placeOf,
  runIn,
  stopLiveRuns,
  workspaceFile,
} from './support';

/** Copies some of the drawings that ship with the examples, from three classes. */
async function copyDrawings(folder: string): Promise<void> {
  const { extensionUri } = await extension();
  for (const name of ['animals', 'flags', 'food']) {
    const from = vscode.Uri.joinPath(extensionUri, 'examples', 'clipart', name).fsPath;
    await mkdir(join(folder, name), { recursive: true });
    const drawings = (await readdir(from)).sort().slice(0, 12);
    for (const drawing of drawings) await cp(join(from, drawing), join(folder, name, drawing));
  }
}

const experimentText = (path: string) => `name: drawings
data:
  dataset: image_folder
  path: ${path}
  split: { validation: 0.3 }
  image_size: 16
  batch_size: 8
model: { name: resnet8, width: 2 }
optimizer: { base_lr: 0.01 }
schedule: { epochs: 2 }
tricks:
  warmup: { epochs: 1 }
engine: wasm
`;

const workspaceRoot = () => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';

const textsOf = async (uri: vscode.Uri) => (await lensesOf(uri)).map(({ text }) => text);

async function hintsOf(document: vscode.TextDocument): Promise<string[]> {
  const range = new vscode.Range(0, 0, document.lineCount, 0);
  const hints = await vscode.commands.executeCommand<vscode.InlayHint[]>(
    'vscode.executeInlayHintProvider',
    document.uri,
    range,
  );
  return hints.map(({ label, position }) => `${position.line + 1} ${label}`);
}

suite("A person's own images", () => {
  const made: vscode.Uri[] = [];
  let drawings: vscode.Uri;
  let outside: string;
  let count = 0;
  suiteSetup(extension);
  setup(async () => {
    await rm(allowedFoldersPath(), { force: true });
    count += 1;
    drawings = workspaceFile(`drawings-${count}`);
    await copyDrawings(drawings.fsPath);
    outside = await mkdtemp(join(tmpdir(), 'bag-of-tricks-outside-'));
  });
  teardown(async () => {
    await stopLiveRuns();
    await discard(...made.splice(0));
    await vscode.workspace.fs.delete(drawings, { recursive: true });
    await rm(outside, { recursive: true, force: true });
  });

  const open = async (path = `drawings-${count}`) => {
    const document = await openNew('drawings.experiment.yaml', experimentText(path));
    made.push(document.uri);
    return document;
  };

  test('are indexed by a lens, and then have numbers, hints and a report', async () => {
    const document = await open();
    assert.deepEqual((await textsOf(document.uri)).slice(0, 2), ['1 Run', '2 Index the data']);
    assert.deepEqual(vscode.languages.getDiagnostics(document.uri), []);
    assert.deepEqual(await hintsOf(document), []);

    await clickLens(document.uri, 'Index the data');
    assert.deepEqual((await textsOf(document.uri)).slice(0, 5), [
      '1 Run',
      '1 Recipe',
      '1 Find out which tricks pay here',
      '2 Data',
      '2 Augmented samples',
    ]);
    const hints = await hintsOf(document);
    assert.match(hints[0] ?? '', /^4 \d+ \+ \d+ images, 3 classes, short edge 64/);
    assert.ok(
      hints.some((hint) => /^7 = \d steps per epoch$/.test(hint)),
      hints.join('\n'),
    );

    await clickLens(document.uri, 'Data');
    const report = await eventually('the report', () =>
      vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'bag-of-tricks-data'),
    );
    assert.match(report.getText(), /36 images in 3 classes\.\n/);
    assert.match(report.getText(), /\| flags \| \d+ \| \d+ \|/);
  });

  test('have samples drawn as a picture', async () => {
    const document = await open();
    await clickLens(document.uri, 'Index the data');
    await clickLens(document.uri, 'Augmented samples');
    await eventually('the picture', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .some(
          ({ input, label }) => input instanceof vscode.TabInputCustom && label.endsWith('-augmented.png'),
        ),
    );
  });

  test('are indexed by Run, which then trains on them', async () => {
    const document = await open();
    await clickLens(document.uri, 'Run');
    const { run, state } = await runIn(document.uri, 'done');
    assert.equal(state.result.epochs, 2);
    assert.equal(networkRun(run).manifest.recipe.data.dataset.classes, 3);
    assert.equal(networkRun(run).manifest.recipe.data.dataset.trainCounts?.length, 3);

    const image = vscode.Uri.joinPath(drawings, 'flags', '001.jpg');
    await vscode.commands.executeCommand('bagOfTricks.classifyImage', run.folder, [image]);
    await eventually('its classes', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .some(
          ({ input, label }) =>
            input instanceof vscode.TabInputWebview && label === 'drawings: classified images',
        ),
    );
  });

  test('are indexed again by Run after they changed', async () => {
    const document = await open();
    await clickLens(document.uri, 'Index the data');
    const before = (await hintsOf(document))[0];
    await rm(join(drawings.fsPath, 'food'), { recursive: true });
    await clickLens(document.uri, 'Run');
    const { run } = await runIn(document.uri, 'done');
    assert.equal(networkRun(run).manifest.recipe.data.dataset.classes, 2);
    await eventually('the hints of the images as they are now', async () => {
      const [now] = await hintsOf(document);
      return now !== undefined && now !== before;
    });
  });

  test('are known at once after another program indexed them', async () => {
    const document = await open();
    assert.ok((await textsOf(document.uri)).includes('2 Index the data'));
    const { extensionUri } = await extension();
    const tricks = vscode.Uri.joinPath(extensionUri, 'dist', 'tricks.js').fsPath;
    const args = [tricks, 'data', document.uri.fsPath, '--folder', workspaceRoot()];
    await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    await eventually('the lens', async () => (await textsOf(document.uri)).includes('2 Data'));
  });

  test('that cannot be used are reported in the file with a fix, and are not trained on', async () => {
    await writeFile(join(drawings.fsPath, 'food', 'bad.jpg'), '');
    const document = await open();
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { library } = await extension();
    await library.refresh();
    assert.deepEqual(library.runsOf(document.uri.fsPath), []);
    const unreadable = await eventually('a warning', () =>
      vscode.languages.getDiagnostics(document.uri).find(({ message }) => message.includes('bad.jpg')),
    );
    assert.equal(unreadable.severity, vscode.DiagnosticSeverity.Warning);
    assert.equal(unreadable.range.start.line, 3);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      unreadable.range,
    );
    const fix = actions.find(({ title }) => title === 'Skip unreadable images');
    assert.ok(fix?.edit);
    await vscode.workspace.applyEdit(fix.edit);
    assert.match(document.getText(), /^ {2}on_bad_image: skip$/m);
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    await runIn(document.uri, 'done');
  });

  test('have augmentation steps completed in a list', async () => {
    const document = await open();
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(6, 0), '  augment: [p]\n');
    await vscode.workspace.applyEdit(edit);
    const labels = (await completionsAt(document, placeOf(document, 'p]'))).map(labelOf);
    assert.ok(labels.includes('pca_noise'), labels.join(', '));
  });

  test('become a new experiment that runs as it is', async () => {
    const written = new Promise<vscode.TextDocument>((resolve) => {
      const listening = vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (!editor?.document.uri.path.endsWith(`drawings-${count}.experiment.yaml`)) return;
        listening.dispose();
        resolve(editor.document);
      });
    });
    const command = vscode.commands.executeCommand('bagOfTricks.newFromFolder', drawings);
    let isWritten = false;
    void written.then(() => {
      isWritten = true;
    });
    await eventually('the new file', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return isWritten;
    });
    await command;
    const document = await written;
    made.push(document.uri);
    assert.match(document.getText(), new RegExp(`^ {2}path: drawings-${count}$`, 'm'));
    assert.match(document.getText(), /^# Trains from scratch on \d+ images of 3 classes/);
    const texts = await textsOf(document.uri);
    assert.ok(texts.includes('1 Recipe'), texts.join('\n'));
    assert.ok(!texts.some((text) => text.includes('Index the data')));
  });

  test('outside the open folder are read once allowed, and no longer after that is revoked', async () => {
    await copyDrawings(join(outside, 'pets'));
    const { dataTool } = await extension();
    const root = workspaceRoot();
    const data = {
      request: { dataset: 'image_folder', path: join(outside, 'pets'), split: { validation: 0.1, seed: 0 } },
      root,
      folder: root,
    } as const;
    const { token } = new vscode.CancellationTokenSource();
    const refused = await dataTool.index(data, () => {}, token);
    assert.equal(refused.outcome, 'failed');

    const command = vscode.commands.executeCommand(
      'bagOfTricks.newFromFolder',
      vscode.Uri.file(join(outside, 'pets')),
    );
    const file = workspaceFile('pets.experiment.yaml');
    await eventually('the new file', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return existsSync(file.fsPath);
    });
    await command;
    made.push(file);
    assert.equal((await readAllowedFolders()).length, 1);
    assert.equal((await dataTool.index(data, () => {}, token)).outcome, 'indexed');
    await revokeFolder(join(outside, 'pets'));
    assert.equal((await dataTool.index(data, () => {}, token)).outcome, 'failed');
  });

  test('are not indexed if that is cancelled', async () => {
    const document = await open();
    const { dataTool } = await extension();
    const root = workspaceRoot();
    const cancel = new vscode.CancellationTokenSource();
    const request = {
      dataset: 'image_folder',
      path: `drawings-${count}`,
      split: { validation: 0.3, seed: 0 },
    };
    const indexing = dataTool.index({ request, root, folder: root } as never, () => {}, cancel.token);
    cancel.cancel();
    assert.deepEqual(await indexing, { outcome: 'cancelled' });
    assert.ok((await textsOf(document.uri)).includes('2 Index the data'));
  });
});
