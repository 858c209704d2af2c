import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { finishedRuns } from '../../../src/extension/runs/finishedRuns';
import { isRunning } from '../../../src/extension/runs/liveRun';
import { STOP_WITH_PARENT } from '../../../src/protocol/trainer';
import { recipeFacts } from '../../../src/recipe/anyRecipe';
import { lastCheckpointPath } from '../../../src/runs/checkpoint';
import { readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { metricsPath } from '../../../src/runs/store';
import { formatAccuracy } from '../../../src/shared/format';
import {
  clickLens,
  discard,
  eventually,
  experimentText,
  extension,
  lensesOf,
  openNew,
  runIn,
  save,
  stopLiveRuns,
} from './support';

/** Enough epochs that the run never ends by itself here. */
const ENDLESS = 100_000;

/** Waits until a trainer other than `before` has trained a step of the run, kills it, and returns its process id. */
async function killTrainer(folder: string, before = 0): Promise<number> {
  const { pid, attempt } = await eventually(`a trainer other than ${before}`, async () => {
    const lease = await readLease(folder);
    // While a state change holds the lease, the holder is this very process.
    if (lease?.holder?.purpose !== 'training' || lease.holder.pid === before) return null;
    return { pid: lease.holder.pid, attempt: lease.attempt };
  });
  await eventually(`a step of attempt ${attempt}`, async () => {
    const { events } = await readAllEvents(metricsPath(folder));
    return events.some((event) => event.type === 'step' && event.attempt === attempt);
  });
  process.kill(pid, 'SIGKILL');
  return pid;
}

/**
 * Runs a file, stops the run, and copies it without its checkpoints. Returns the copy's folder, with `changes` applied
 * to its manifest.
 */
async function copyOfRun(uri: vscode.Uri, name: string, changes: object): Promise<string> {
  await vscode.commands.executeCommand('bagOfTricks.run', uri);
  const { run } = await runIn(uri, 'running');
  await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
  await runIn(uri, 'stopped');
  const copy = `${run.folder}-${name}`;
  const manifest = JSON.parse(await readFile(join(run.folder, 'run.json'), 'utf8'));
  await mkdir(copy);
  // Makes the copy its file's newest run.
  const createdAt = manifest.createdAt + 1;
  await writeFile(
    join(copy, 'run.json'),
    JSON.stringify({ ...manifest, id: basename(copy), createdAt, ...changes }),
  );
  return copy;
}

function untilTrained(folder: string): Promise<true> {
  return eventually('a checkpoint', () => existsSync(lastCheckpointPath(folder)));
}

suite('Running an experiment', () => {
  let document: vscode.TextDocument;
  suiteSetup(extension);
  teardown(async () => {
    await stopLiveRuns();
    await discard(document.uri);
  });

  const treeItems = async (uri: vscode.Uri) => {
    const { view } = await extension();
    const file = view.getChildren().find((node) => node.kind === 'experiment' && node.uri.path === uri.path);
    return file ? view.getChildren(file).map((node) => view.getTreeItem(node)) : [];
  };

  test('Run saves the file, trains to the end, and the view and the lens show the accuracy', async () => {
    document = await openNew('short.experiment.yaml', experimentText('before', 2));
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(0, 0, 1, 0), 'name: short\n');
    await vscode.workspace.applyEdit(edit);
    await clickLens(document.uri, 'Run');
    assert.equal(document.isDirty, false);
    const { run, state } = await runIn(document.uri, 'done');
    assert.equal(run.manifest.name, 'short');
    assert.equal(run.manifest.experiment.text, document.getText());
    assert.equal(state.result.epochs, 2);

    const accuracy = formatAccuracy(
      state.result.validationAccuracy,
      recipeFacts(run.manifest.recipe).validationImages,
    );
    const item = await eventually('the run in the view', async () => (await treeItems(document.uri))[0]);
    assert.equal(item.label, 'short');
    assert.equal(item.description, `${accuracy} · 2 epochs`);
    assert.equal(item.contextValue, 'run.done');
    await eventually('the lens with the accuracy', async () =>
      (await lensesOf(document.uri)).some(({ text }) => text === `1 Open last run (${accuracy})`),
    );
  });

  test('runs of one file are distinguished in the view, the tabs and the list of teachers', async () => {
    const { labels, library } = await extension();
    document = await openNew('twice.experiment.yaml', experimentText('twice', 1));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    await runIn(document.uri, 'done');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(
      document.uri,
      document.positionAt(document.getText().length),
      'tricks: { warmup: { epochs: 0.5 } }\n',
    );
    await vscode.workspace.applyEdit(edit);
    await save(document);
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    await eventually('both done', () => {
      const runs = library.runsOf(document.uri.fsPath);
      return runs.length === 2 && runs.every(({ manifest }) => manifest.state.status === 'done');
    });
    const labeled = async () => (await treeItems(document.uri)).map(({ label }) => label);
    await eventually('labels in the view', async () => {
      const shown = await labeled();
      return shown[0] === '+ warmup' && shown[1] === 'no tricks';
    });
    const tabs = () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
    await eventually('labels of the tabs', () =>
      ['twice (+ warmup)', 'twice (no tricks)'].every((label) => tabs().includes(label)),
    );
    const [root = ''] = library.runs.map((run) => run.root);
    const teachers = finishedRuns(library, labels, root).map(({ description }) => description);
    assert.ok(teachers[0]?.startsWith('twice (+ warmup), resnet8, '), teachers[0]);
  });

  test('a running run is live in the view until it is stopped', async () => {
    document = await openNew('endless.experiment.yaml', experimentText('endless', ENDLESS));
    await clickLens(document.uri, 'Run');
    const { run } = await runIn(document.uri, 'running');
    const live = await eventually('an epoch in the view', async () => {
      const [item] = await treeItems(document.uri);
      return /^epoch [2-9]\d* of 100000 · [\d.]+%$/.test(String(item?.description)) ? item : null;
    });
    assert.equal(live.contextValue, 'run.running');
    await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    const { state } = await runIn(document.uri, 'stopped');
    assert.ok(state.step >= 4, `stopped after ${state.step} steps`);
    const stored = JSON.parse(await readFile(join(run.folder, 'run.json'), 'utf8'));
    assert.equal(stored.state.status, 'stopped');
  });

  test('a setting says whether the training stops when the window closes', async function () {
    if (process.platform !== 'linux') this.skip();
    document = await openNew('closing.experiment.yaml', experimentText('closing', ENDLESS));
    const settings = vscode.workspace.getConfiguration('bagOfTricks');
    for (const [choice, isTold] of [
      ['stop', true],
      [undefined, false],
    ] as const) {
      await settings.update('whenWindowCloses', choice, vscode.ConfigurationTarget.Workspace);
      await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
      const { run } = await runIn(document.uri, 'running');
      const pid = (await readLease(run.folder))?.holder?.pid;
      const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
      assert.equal(environment.includes(`${STOP_WITH_PARENT}=1`), isTold);
      await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
      await runIn(document.uri, 'stopped');
    }
  });

  test('a bad file starts nothing', async () => {
    document = await openNew(
      'bad.experiment.yaml',
      `${experimentText('bad', 1)}optimizer: { base_lr: -1 }\n`,
    );
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { library } = await extension();
    await library.refresh();
    assert.deepEqual(library.runsOf(document.uri.fsPath), []);
  });

  test('a missing file starts nothing', async () => {
    document = await openNew('gone.experiment.yaml', experimentText('gone', 1));
    const missing = document.uri.with({ path: document.uri.path.replace('gone', 'never-there') });
    await vscode.commands.executeCommand('bagOfTricks.run', missing);
    const { library } = await extension();
    await library.refresh();
    assert.deepEqual(library.runsOf(missing.fsPath), []);
  });

  test('a missing Node fails the run with a reason that names it', async () => {
    const settings = vscode.workspace.getConfiguration('bagOfTricks');
    const missing = join(__dirname, 'no-such-node');
    await settings.update('nodePath', missing, vscode.ConfigurationTarget.Workspace);
    try {
      document = await openNew('unstarted.experiment.yaml', experimentText('unstarted', 1));
      await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
      const { state } = await runIn(document.uri, 'failed');
      assert.ok(`${state.failure.what} ${state.failure.remedy}`.includes(missing), state.failure.what);
      const item = await eventually('the run in the view', async () => (await treeItems(document.uri))[0]);
      assert.equal(item.contextValue, 'run.failed');
      assert.equal(item.description, state.failure.what.split('\n')[0]);
    } finally {
      await settings.update('nodePath', undefined, vscode.ConfigurationTarget.Workspace);
    }
  });

  test('a killed trainer is retried, then leaves a failed run with its reason', async () => {
    document = await openNew('killed.experiment.yaml', experimentText('killed', ENDLESS));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'running');
    const first = await killTrainer(run.folder);
    const second = await killTrainer(run.folder, first);
    assert.notEqual(second, first);
    const { state } = await runIn(document.uri, 'failed');
    assert.match(state.failure.what, /SIGKILL/);
    const { library } = await extension();
    await library.refresh();
    assert.equal(library.runsOf(document.uri.fsPath)[0]?.manifest.state.status, 'failed');
  });

  test('a stopped run resumes where it stopped', async () => {
    document = await openNew('resumed.experiment.yaml', experimentText('resumed', ENDLESS));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'running');
    await untilTrained(run.folder);
    await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    const stopped = await runIn(document.uri, 'stopped');
    await vscode.commands.executeCommand('bagOfTricks.resume', run.folder);
    await runIn(document.uri, 'running');
    const { library } = await extension();
    await eventually('a later step', () => {
      const resumed = library.find(run.folder);
      const state = resumed?.kind === 'run' ? resumed.manifest.state : undefined;
      return state?.status === 'running' && state.step > stopped.state.step;
    });
    await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    await runIn(document.uri, 'stopped');
    const { events } = await readAllEvents(metricsPath(run.folder));
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.step] : []));
    assert.deepEqual(
      steps,
      steps.map((_, index) => index),
    );
  });

  test('a paused run stays listed as paused, and continues when it is resumed', async () => {
    document = await openNew('paused.experiment.yaml', experimentText('paused', ENDLESS));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'running');
    await untilTrained(run.folder);
    await vscode.commands.executeCommand('bagOfTricks.pause', run.folder);
    const { state } = await runIn(document.uri, 'paused');
    assert.ok(state.step > 0);
    const item = await eventually(
      'the paused run in the view',
      async () => (await treeItems(document.uri))[0],
    );
    assert.equal(item.contextValue, 'run.paused');
    assert.match(String(item.description), /^paused in epoch \d+$/);
    await vscode.commands.executeCommand('bagOfTricks.resume', run.folder);
    const { library } = await extension();
    await eventually('a later step', () => {
      const resumed = library.find(run.folder);
      const now = resumed?.kind === 'run' ? resumed.manifest.state : undefined;
      return now?.status === 'running' && now.step > state.step;
    });
  });

  test('queued runs wait for their turn, can be reordered by dragging, and can be removed', async () => {
    document = await openNew('waiting.experiment.yaml', experimentText('waiting', ENDLESS));
    const { library, view } = await extension();
    for (let count = 0; count < 4; count++) {
      await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    }
    await eventually('three waiting runs', () => library.queue.length === 3);
    const queue = () => {
      const node = view.getChildren().find(({ kind }) => kind === 'queue');
      return node ? view.getChildren(node) : [];
    };
    const ids = () => library.queue.map(({ id }) => id);
    const [first, second, third] = ids();
    assert.deepEqual(
      queue().map((node) => view.getTreeItem(node).description),
      ['next', '2', '3'],
    );

    const dragged = new vscode.DataTransfer();
    view.handleDrag(queue().slice(2), dragged);
    await view.handleDrop(queue()[0], dragged);
    assert.deepEqual(ids(), [third, first, second]);

    await vscode.commands.executeCommand('bagOfTricks.cancelQueued', queue()[1]);
    await eventually('two waiting runs', () => library.queue.length === 2);
    assert.deepEqual(ids(), [third, second]);
    for (const node of queue()) await vscode.commands.executeCommand('bagOfTricks.cancelQueued', node);
    for (const run of library
      .runsOf(document.uri.fsPath)
      .filter(({ manifest }) => manifest.endedAt === null)) {
      await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    }
    await eventually('no run left', () =>
      library.runsOf(document.uri.fsPath).every(({ manifest }) => manifest.state.status === 'stopped'),
    );
  });

  test('a setting limits how many runs train at once', async () => {
    document = await openNew('several.experiment.yaml', experimentText('several', ENDLESS));
    const { library } = await extension();
    const settings = vscode.workspace.getConfiguration('bagOfTricks');
    const counts = () => [library.runs.filter(isRunning).length, library.queue.length].join(' ');
    try {
      for (let count = 0; count < 3; count++) {
        await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
      }
      await eventually('one that trains', () => counts() === '1 2');
      await settings.update('runsAtOnce', 2, vscode.ConfigurationTarget.Workspace);
      await eventually('two that train', () => counts() === '2 1');
    } finally {
      await settings.update('runsAtOnce', undefined, vscode.ConfigurationTarget.Workspace);
      for (const run of library.queue)
        await vscode.commands.executeCommand('bagOfTricks.cancelQueued', run.folder);
    }
  });

  test('a run started by another program appears live, and can be stopped', async () => {
    document = await openNew('other.experiment.yaml', experimentText('other', ENDLESS));
    const { library, extensionUri } = await extension();
    const folder = await copyOfRun(document.uri, 'other', { state: { status: 'queued' } });
    const trainer = spawn(
      process.execPath,
      [vscode.Uri.joinPath(extensionUri, 'dist', 'trainer.js').fsPath, folder],
      { detached: true, stdio: 'ignore', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } },
    );
    trainer.unref();
    await untilTrained(folder);
    const stateOf = () => {
      const run = library.find(folder);
      return run?.kind === 'run' && run.manifest.state.status === 'running' ? run.manifest.state : undefined;
    };
    const found = await eventually('the run', stateOf);
    await eventually('a later step', () => (stateOf()?.step ?? 0) > found.step + 4);
    await vscode.commands.executeCommand('bagOfTricks.stop', folder);
    await runIn(document.uri, 'stopped');
    assert.equal(await readLease(folder), null);
  });

  test('a run whose trainer died unobserved is found interrupted, and recorded as such', async () => {
    document = await openNew('lost.experiment.yaml', experimentText('lost', ENDLESS));
    // The state that a power loss leaves behind.
    const state = { status: 'running', step: 4, validationAccuracy: null };
    const lost = await copyOfRun(document.uri, 'lost', { state, endedAt: null });
    const path = join(lost, 'run.json');
    const { library } = await extension();
    await library.refresh();
    await eventually('the manifest says so', async () => {
      const { state } = JSON.parse(await readFile(path, 'utf8'));
      return state.status === 'interrupted';
    });
    const shown = library.find(lost);
    assert.equal(shown?.kind === 'run' && shown.manifest.state.status, 'interrupted');
  });

  test('runs with a broken folder, or deleted while shown, do not break the view', async () => {
    document = await openNew('fragile.experiment.yaml', experimentText('fragile', 1));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    const { library, view } = await extension();
    // Until then, the window or the trainer may still replace the manifest.
    await eventually('its trainer has left', async () => !(await readLease(run.folder)));
    await eventually('its end is recorded', async () => {
      const { endedAt } = JSON.parse(await readFile(join(run.folder, 'run.json'), 'utf8'));
      return endedAt !== null;
    });

    await writeFile(join(run.folder, 'run.json'), '{ "half": ');
    await library.refresh();
    assert.deepEqual(await treeItems(document.uri), []);
    const others = view.getChildren().find((node) => node.kind === 'others');
    assert.ok(others, 'there are no other runs');
    const broken = view
      .getChildren(others)
      .map((node) => view.getTreeItem(node))
      .find(({ label }) => label === run.id);
    assert.equal(broken?.contextValue, 'run.broken');
    assert.match(String(broken?.description), /run\.json/);

    // The window may still be writing how the run ended, so a file can appear while the folder is being deleted.
    await rm(run.folder, { recursive: true, maxRetries: 5 });
    await eventually('the run is gone', () => library.find(run.folder) === undefined);
  });
});
