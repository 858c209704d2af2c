import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { StandIn } from '../pythonExtension/extension';
import {
  clickLens,
  discard,
  eventually,
  extension,
  openNew,
  runIn,
  stopLiveRuns,
  workspaceFile,
} from './support';

const ID = 'ms-python.python';

/** Trains nothing, and prints which Python it runs in. */
const SCRIPT = `import json, os, sys
print(json.dumps({"epoch": 0, "validation_accuracy": 0.5}))
print("prefix " + sys.prefix)
`;

const EXPERIMENT = `name: python
trainer:
  command: python3 train.py --seed \${seed}
  system: generic
`;

/** The Python extension itself is not available here, so test/host/pythonExtension stands in for it. */
suite('The Python of a command', () => {
  const made: vscode.Uri[] = [];
  let python: StandIn;
  let folder = '';
  let program = '';

  suiteSetup(async function () {
    await extension();
    folder = await realpath(await mkdtemp(join(tmpdir(), 'bag-of-tricks-venv-')));
    try {
      execFileSync('python3', ['-m', 'venv', '--without-pip', folder], { stdio: 'ignore' });
    } catch {
      this.skip();
    }
    program = join(folder, 'bin/python');
    const vsix = vscode.Uri.file(join(__dirname, '../pythonExtension.vsix'));
    await vscode.commands.executeCommand('workbench.extensions.installExtension', vsix);
    const other = await eventually('the Python extension', () => vscode.extensions.getExtension<StandIn>(ID));
    python = await other.activate();
  });
  suiteTeardown(async () => {
    await vscode.commands.executeCommand('workbench.extensions.uninstallExtension', ID);
    await rm(folder, { recursive: true, force: true });
  });
  setup(() => writeFile(workspaceFile('train.py').fsPath, SCRIPT));
  teardown(async () => {
    python.select(null);
    await select(undefined);
    await stopLiveRuns();
    await discard(...made.splice(0));
    await rm(workspaceFile('train.py').fsPath);
  });

  const select = (path: string | undefined) =>
    vscode.workspace
      .getConfiguration('bagOfTricks')
      .update('python', path, vscode.ConfigurationTarget.Workspace);

  const start = async () => {
    const document = await openNew('python.experiment.yaml', EXPERIMENT);
    made.push(document.uri);
    await clickLens(document.uri, 'Run');
    return document.uri;
  };

  test('is the interpreter that is selected in the Python extension', async () => {
    python.select(program, workspaceFile('').fsPath);
    const { run } = await runIn(await start(), 'done');
    assert.deepEqual(run.manifest.python, { path: program, because: 'selected in the Python extension' });
    const log = await vscode.workspace.fs.readFile(vscode.Uri.file(join(run.folder, 'trainer.log')));
    assert.match(new TextDecoder().decode(log), new RegExp(`^prefix ${folder}$`, 'm'));
  });

  test('is that of the setting, whatever is selected', async () => {
    python.select('/no/such/python');
    await select(folder);
    const { run } = await runIn(await start(), 'done');
    assert.deepEqual(run.manifest.python, { path: program, because: 'from the setting bagOfTricks.python' });
  });

  test('is not one that is selected for another folder', async () => {
    python.select('/no/such/python', '/elsewhere');
    const { run } = await runIn(await start(), 'done');
    assert.doesNotMatch(run.manifest.python?.because ?? '', /selected/);
    python.select('/no/such/python', workspaceFile('').fsPath);
    const { state } = await runIn(await start(), 'failed');
    assert.match(state.failure.what, /selected in the Python extension is \/no\/such\/python/);
  });

  test('must exist if it is that of the setting', async () => {
    python.select(program);
    await select('/no/such/environment');
    const { state } = await runIn(await start(), 'failed');
    assert.match(state.failure.what, /bagOfTricks\.python is \/no\/such\/environment, which does not exist/);
  });
});
