import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ReadableStudy } from '../../../src/extension/studySource';
import type { StudyFacts } from '../../../src/protocol/studyView';
import {
  clickLens,
  discard,
  eventually,
  extension,
  lensesOf,
  openNew,
  stopLiveRuns,
  workspaceFile,
} from './support';

/** A one-second experiment on a few synthetic images. */
const experimentText = (epochs: number) => `name: studied
data: { dataset: synthetic, train_images: 128, validation_images: 60, height: 8, width: 8, classes: 3, batch_size: 16 }
model: { name: resnet8, width: 2 }
optimizer: { name: sgd, base_lr: 0.1 }
schedule: { epochs: ${epochs}, decay: cosine }
engine: wasm
`;

suite('Running studies', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  teardown(async () => {
    const { studies } = await extension();
    for (const each of studies.studies) {
      if (each.kind === 'study') await studies.stop(each.facts.folder);
    }
    await stopLiveRuns();
    await discard(...made.splice(0));
  });

  /** Opens a study of two tricks, with eight runs in total, of an experiment that trains for `epochs` epochs. */
  const open = async (epochs: number) => {
    const experiment = await openNew('studied.experiment.yaml', experimentText(epochs));
    const document = await openNew(
      'studied.study.yaml',
      [
        `name: which-${epochs}`,
        `experiment: ${basename(experiment.uri.path)}`,
        'factors: [zero_gamma, label_smoothing]',
        'budget: { runs: 8 }',
        'at_once: 1',
        // Eight runs can detect effects of this many points, so nothing is asked before they start.
        'smallest_effect: 5',
        'stop: never',
        '',
      ].join('\n'),
    );
    made.push(experiment.uri, document.uri);
    return { experiment, document };
  };

  /** Returns the newest study of a file as soon as `isSo` holds. */
  const studyOf = async (
    { uri }: vscode.TextDocument,
    what: string,
    isSo: (facts: StudyFacts) => boolean,
  ): Promise<StudyFacts> => {
    const { studies } = await extension();
    const last = () =>
      studies.studies.find(
        (each): each is ReadableStudy => each.kind === 'study' && each.facts.studyFile === uri.fsPath,
      )?.facts;
    try {
      return await eventually(what, () => {
        const facts = last();
        return facts && isSo(facts) ? facts : null;
      });
    } catch (error) {
      const facts = last();
      throw new Error(JSON.stringify(facts && { state: facts.state, runs: facts.runs }), { cause: error });
    }
  };

  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs.map(({ label }) => label));

  test('run to the end by the lens of their file: in a tab, with verdicts, and kept in the experiment', async () => {
    const { document, experiment } = await open(2);
    await clickLens(document.uri, 'Run study');
    await eventually('the tab', () => tabs().includes('which-2'));
    const facts = await studyOf(document, 'the end of the study', ({ state }) => state.status === 'done');
    assert.deepEqual(facts.state, { status: 'done', because: 'full' });
    assert.equal(facts.runs.length, 8);
    for (const { status, value, folder } of facts.runs) {
      assert.ok(status === 'diverged' || (status === 'finished' && value !== null), status);
      assert.ok(folder);
    }
    assert.deepEqual(
      facts.analysis?.effects.map(({ factor, level }) => [factor, level]),
      [
        [0, 1],
        [1, 1],
      ],
    );
    assert.deepEqual(facts.levelValues, [
      [false, true],
      [false, true],
    ]);
    // The runs are in a row of the sidebar.
    const { view } = await extension();
    const file = view
      .getChildren()
      .find((node) => node.kind === 'experiment' && node.uri.path === experiment.uri.path);
    assert.ok(file);
    const [row, ...others] = view.getChildren(file);
    assert.equal(row?.kind, 'study');
    assert.equal(others.length, 0);
    assert.equal(view.getChildren(row).length, 8);

    // The trick's lens uses it if the runs that did not diverge show an effect.
    const [first] = facts.analysis?.effects ?? [];
    const isTold = facts.analysis?.withheld === null && Boolean(first?.estimates);
    await eventually(`a lens with the study: ${isTold}`, async () => {
      const lenses = await lensesOf(experiment.uri);
      return lenses.some(({ command }) => command?.tooltip?.includes('here, study which-2: ')) === isTold;
    });

    const chosen = facts.analysis?.chosen?.setting;
    assert.ok(chosen, 'a set is chosen');
    await vscode.commands.executeCommand('bagOfTricks.keepStudy', facts.folder);
    const text = (await vscode.workspace.openTextDocument(experiment.uri)).getText();
    assert.equal(text.includes('zero_gamma'), chosen[0] === 1);
    assert.equal(text.includes('label_smoothing'), chosen[1] === 1);
  });

  test('stop with their runs, resume, and show as interrupted if their process is gone', async () => {
    // A run that never ends by itself here.
    const { document } = await open(100_000);
    await clickLens(document.uri, 'Run study');
    const running = await studyOf(document, 'a run that trains', ({ runs }) =>
      runs.some(({ status }) => status === 'running'),
    );
    assert.equal(running.state.status, 'running');
    await vscode.commands.executeCommand('bagOfTricks.stopStudy', running.folder);
    const stopped = await studyOf(document, 'the stopped study', ({ state }) => state.status === 'stopped');
    assert.ok(stopped.runs.every(({ status }) => status !== 'running' && status !== 'queued'));
    assert.equal(stopped.runs[0]?.status, 'stopped');

    await vscode.commands.executeCommand('bagOfTricks.resumeStudy', running.folder);
    const resumed = await studyOf(document, 'the run that goes on', ({ runs }) =>
      runs.some(({ status }) => status === 'running'),
    );
    assert.equal(resumed.folder, running.folder);
    assert.equal(resumed.runs[0]?.id, stopped.runs[0]?.id);
    await vscode.commands.executeCommand('bagOfTricks.stopStudy', running.folder);
    await studyOf(document, 'the study that is stopped again', ({ state }) => state.status === 'stopped');

    // The state that a killed process leaves behind.
    const path = join(running.folder, 'study.json');
    const record = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...record, state: { status: 'running' } }));
    await studyOf(document, 'the interrupted study', ({ state }) => state.status === 'interrupted');
  });

  test('that are damaged show what to do, and can be deleted', async () => {
    const { studies } = await extension();
    const folder = join(workspaceFile('.bag-of-tricks').fsPath, 'studies', '20260101-000000-damaged');
    await mkdir(folder, { recursive: true });
    try {
      await writeFile(join(folder, 'study.json'), '{ "version": 1, "id"');
      const damaged = await eventually('the damaged study', () => studies.facts(folder));
      assert.equal(damaged.kind, 'damaged');
      assert.match(damaged.kind === 'damaged' ? damaged.failure.what : '', /20260101-000000-damaged/);
      assert.equal(await studies.resume(folder).then((failure) => failure !== null), true);
      assert.equal(await studies.delete(folder), null);
      await eventually('no such study', () => studies.facts(folder) === undefined);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
