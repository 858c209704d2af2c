import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { readLease } from '../../../src/runs/lease/lease';
import { manifestPath, runFolder } from '../../../src/runs/store';
import { discard, eventually, experimentText, extension, openNew, runIn, stopLiveRuns } from './support';

/** Enough epochs that the run never ends by itself here. */
const ENDLESS = 100_000;

const statusOf = async (folder: string): Promise<string> =>
  JSON.parse(await readFile(manifestPath(folder), 'utf8')).state.status;

/** Gives `answer` to every question that is asked while `act` runs, and returns the questions. */
async function answering(answer: string, act: () => Thenable<unknown>): Promise<string[]> {
  const questions: string[] = [];
  const { showWarningMessage } = vscode.window;
  const answers = async (question: string, _: unknown, ...choices: string[]) => {
    questions.push(question);
    return choices.find((choice) => choice === answer);
  };
  Object.assign(vscode.window, { showWarningMessage: answers });
  try {
    await act();
  } finally {
    Object.assign(vscode.window, { showWarningMessage });
  }
  return questions;
}

suite('A project and its copy, open at the same time', () => {
  let document: vscode.TextDocument;
  let copy: string;
  suiteSetup(extension);
  teardown(async () => {
    await stopLiveRuns();
    await discard(document.uri);
    await rm(copy, { recursive: true, force: true, maxRetries: 5 });
  });

  test('have runs with the same id, and a command acts on the one that was clicked', async () => {
    document = await openNew('twin.experiment.yaml', experimentText('twin', ENDLESS));
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { run } = await runIn(document.uri, 'running');
    await vscode.commands.executeCommand('bagOfTricks.pause', run.folder);
    await runIn(document.uri, 'paused');
    assert.equal(await eventually('the lease is given up', async () => !(await readLease(run.folder))), true);

    copy = await mkdtemp(join(tmpdir(), 'bag-of-tricks-copy-'));
    const twin = runFolder(copy, run.id);
    await cp(run.folder, twin, { recursive: true });
    const file = vscode.Uri.file(join(copy, basename(document.uri.fsPath)));
    await vscode.workspace.fs.copy(document.uri, file);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file));
    const { library, dashboards, view } = await extension();
    await library.refresh();
    assert.deepEqual(
      library.runs.filter(({ id }) => id === run.id).map(({ folder }) => folder),
      [run.folder, twin],
    );

    for (const [clicked, other] of [
      [twin, run.folder],
      [run.folder, twin],
    ] as const) {
      const before = await readFile(manifestPath(other), 'utf8');
      const node = () => {
        const found = library.find(clicked);
        assert.ok(found, `${clicked} is unknown`);
        return { kind: 'run', run: found } as const;
      };
      await vscode.commands.executeCommand('bagOfTricks.openDashboard', node());
      await eventually('its dashboard', () => dashboards.isVisible(clicked));
      const questions = await answering(vscode.l10n.t('Train it'), () =>
        vscode.commands.executeCommand('bagOfTricks.resume', node()),
      );
      // The copy was not created here.
      assert.equal(questions.length, clicked === twin ? 1 : 0);
      await eventually('the clicked run trains', async () => (await statusOf(clicked)) === 'running');
      await eventually('the library says so', () => {
        const found = library.find(clicked);
        return found?.kind === 'run' && found.manifest.state.status === 'running';
      });
      assert.equal(view.getTreeItem(node()).contextValue, 'run.running');
      await vscode.commands.executeCommand('bagOfTricks.pause', clicked);
      await eventually('the clicked run is paused', async () => (await statusOf(clicked)) === 'paused');
      await vscode.commands.executeCommand('bagOfTricks.resume', clicked);
      await eventually('the clicked run trains again', async () => (await statusOf(clicked)) === 'running');
      await eventually('the library says so', () => {
        const found = library.find(clicked);
        return found?.kind === 'run' && found.manifest.state.status === 'running';
      });
      await vscode.commands.executeCommand('bagOfTricks.stop', node());
      await eventually('the clicked run is stopped', async () => (await statusOf(clicked)) === 'stopped');
      assert.equal(await readFile(manifestPath(other), 'utf8'), before);
    }

    await eventually('its trainer has left', async () => !(await readLease(twin)));
    const clicked = library.find(twin);
    assert.ok(clicked);
    await vscode.commands.executeCommand('bagOfTricks.deleteRun', { kind: 'run', run: clicked });
    assert.equal(existsSync(twin), false);
    assert.equal(existsSync(manifestPath(run.folder)), true);
    assert.equal(library.find(twin), undefined);
    assert.ok(library.find(run.folder));
  });
});
