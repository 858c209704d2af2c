import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { ToDashboard } from '../../../src/protocol/dashboard';
import { metricsPath } from '../../../src/runs/store';
import { discard, eventually, experimentText, extension, openNew, runIn } from './support';

suite('Dashboards', () => {
  let document: vscode.TextDocument;
  teardown(() => discard(document.uri));

  const dashboards = () =>
    vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .filter(
        ({ input }) =>
          input instanceof vscode.TabInputWebview && input.viewType.endsWith('bagOfTricks.dashboard'),
      );

  test('Run opens one titled with the run, and opening it again opens no second one', async () => {
    document = await openNew('watched.experiment.yaml', experimentText('watched', 1));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    // VS Code reports its tabs some time after it opened them.
    await eventually('its dashboard', () => dashboards().length === 1);
    assert.equal(dashboards()[0]?.label, 'watched');
    await vscode.commands.executeCommand('bagOfTricks.openDashboard', run.folder);
    assert.equal(dashboards().length, 1);
  });

  test('one that opens late or is restored loads its page and follows the run', async () => {
    document = await openNew('restored.experiment.yaml', experimentText('restored', 1));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await eventually('no dashboard', () => dashboards().length === 0);

    // Does what VS Code does after a reload: creates the panel and hands it over with the state that the page saved.
    const panel = vscode.window.createWebviewPanel('bagOfTricks.dashboard', '', vscode.ViewColumn.One, {});
    const ready = new Promise((resolve) => {
      panel.webview.onDidReceiveMessage((message) => message.type === 'ready' && resolve(message));
    });
    const api = await extension();
    await api.dashboards.deserializeWebviewPanel(panel, { folder: run.folder, showTable: false });
    await ready;
    await eventually('its title', () => panel.title === 'restored');
    await eventually('that it is visible', () => api.dashboards.isVisible(run.folder));
  });

  test('one of a run with a long log shows a sample of its steps, spikes included', async () => {
    document = await openNew('long.experiment.yaml', experimentText('long', 1));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'done');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const losses = Array.from({ length: 150_000 }, (_, step) =>
      step === 4321 ? 99 : step === 54_321 ? 0.001 : 1,
    );
    const rest = { epoch: 0, learningRate: 0.1, accuracy: 0, imagesPerSecond: 1234.567891234 };
    const lines = losses.map((loss, step) =>
      JSON.stringify({ type: 'step', time: 1e12 + step, step, loss, ...rest }),
    );
    await writeFile(metricsPath(run.folder), `${lines.join('\n')}\n`);

    const panel = vscode.window.createWebviewPanel('bagOfTricks.dashboard', '', vscode.ViewColumn.One, {});
    const { webview } = panel;
    const post = webview.postMessage.bind(webview);
    const snapshot = new Promise<Extract<ToDashboard, { type: 'snapshot' }>>((resolve) => {
      webview.postMessage = (message: ToDashboard) => {
        if (message.type === 'snapshot') resolve(message);
        return post(message);
      };
    });
    const api = await extension();
    await api.dashboards.deserializeWebviewPanel(panel, { folder: run.folder, showTable: false });
    const shown = (await snapshot).events.flatMap((event) =>
      event.type === 'step' ? (event.loss ?? []) : [],
    );
    assert.ok(shown.length > 50_000 && shown.length < 100_000, `${shown.length} steps`);
    assert.equal(Math.max(...shown), 99);
    assert.equal(Math.min(...shown), 0.001);
  });

  test('one whose run is deleted closes', async () => {
    document = await openNew('none.experiment.yaml', experimentText('none', 1));
    const panel = vscode.window.createWebviewPanel('bagOfTricks.dashboard', '', vscode.ViewColumn.One, {});
    const closed = new Promise<void>((resolve) => {
      panel.onDidDispose(resolve);
    });
    const api = await extension();
    await api.dashboards.deserializeWebviewPanel(panel, { folder: '/no-such-run', showTable: false });
    await closed;
  });
});
