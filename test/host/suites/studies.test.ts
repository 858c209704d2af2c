import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { keepStudy, reportStudy } from '../../../src/extension/commands/studyCommands';
import type { StudyControl, StudySource } from '../../../src/extension/studySource';
import { studyRow } from '../../../src/extension/views/studyItem';
import { StudyPanels, type StudyRequest } from '../../../src/extension/views/studyPanel';
import type { ToStudyPage } from '../../../src/protocol/studyPage';
import type { KnownStudy, StudyFacts } from '../../../src/protocol/studyView';
import { runningStudy, studyFacts } from '../../support/studies';
import { discard, eventually, extension, openNew } from './support';

/** Studies in the state that a test sets. */
class GivenStudies implements StudySource, StudyControl {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly asked: string[] = [];

  constructor(public studies: readonly KnownStudy[]) {}

  facts(folder: string): KnownStudy | undefined {
    return this.studies.find((study) => (study.kind === 'study' ? study.facts : study).folder === folder);
  }

  give(...studies: KnownStudy[]): void {
    this.studies = studies;
    this.#changed.fire();
  }

  async refresh(): Promise<void> {}
  readonly stop = (folder: string) => this.#ask('stop', folder);
  readonly resume = (folder: string) => this.#ask('resume', folder);
  readonly confirm = (folder: string) => this.#ask('confirm', folder);
  readonly delete = (folder: string) => this.#ask('delete', folder);

  async #ask(what: string, folder: string): Promise<null> {
    this.asked.push(`${what} ${folder}`);
    return null;
  }
}

const known = (facts: StudyFacts): KnownStudy => ({ kind: 'study', facts });
const { folder } = studyFacts();

suite('Studies', () => {
  const tabs = () =>
    vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .filter(
        ({ input }) =>
          input instanceof vscode.TabInputWebview && input.viewType.endsWith('bagOfTricks.study'),
      );

  // A tab that is still closing would take the next test's tab with it.
  teardown(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await eventually('no tab of a study', () => tabs().length === 0);
  });

  async function panelsOf(source: StudySource, onRequest: (request: StudyRequest) => void = () => {}) {
    const { extensionUri, log } = await extension();
    return new StudyPanels(extensionUri, source, onRequest, log);
  }

  test('one opens in its own tab, titled with its name, and only once', async () => {
    const study = known(runningStudy());
    const panels = await panelsOf(new GivenStudies([study]));
    panels.open(study);
    await eventually('its tab', () => tabs().length === 1);
    assert.equal(tabs()[0]?.label, 'which-tricks-pay');
    panels.open(study);
    assert.equal(tabs().length, 1);
    panels.dispose();
  });

  test('a restored tab receives the study, then every change until the study is deleted', async () => {
    const source = new GivenStudies([known(runningStudy())]);
    const panels = await panelsOf(source);
    const panel = vscode.window.createWebviewPanel('bagOfTricks.study', '', vscode.ViewColumn.One, {});
    const sent: ToStudyPage[] = [];
    const { webview } = panel;
    const post = webview.postMessage.bind(webview);
    webview.postMessage = (message: ToStudyPage) => {
      sent.push(message);
      return post(message);
    };
    await panels.deserializeWebviewPanel(panel, { folder, showDetails: false, pair: null });
    await eventually('the study in its page', () => sent.length === 1);
    const statuses = () =>
      sent.map((message) => (message.type === 'snapshot' ? message.view.state.status : message.type));
    source.give(known(runningStudy()));
    source.give(known(studyFacts()));
    await eventually('the study that is done', () => statuses().includes('done'));
    source.give({ kind: 'damaged', folder, id: 'old', failure: { what: 'Damaged.', remedy: 'Delete it.' } });
    await eventually('the damaged study', () => statuses().includes('damaged'));
    source.give();
    await eventually('that it is gone', () => statuses().includes('clear'));
    // Unchanged data was not sent again.
    assert.deepEqual(statuses(), ['running', 'done', 'damaged', 'clear']);
    panels.dispose();
  });

  test('the tab of a deleted study closes', async () => {
    const panels = await panelsOf(new GivenStudies([]));
    const panel = vscode.window.createWebviewPanel('bagOfTricks.study', '', vscode.ViewColumn.One, {});
    const closed = new Promise<void>((resolve) => {
      panel.onDidDispose(resolve);
    });
    await panels.deserializeWebviewPanel(panel, { folder, showDetails: false, pair: null });
    await closed;
    panels.dispose();
  });

  test('tricks that help are kept in one edit, and one undo reverts that', async () => {
    const text = 'model: { name: resnet20 } # ours\ntricks:\n  mixup: true\n';
    const document = await openNew('kept.experiment.yaml', text);
    const source = new GivenStudies([known(studyFacts({ experimentFile: document.uri.fsPath }))]);
    await keepStudy({ ...(await extension()), studies: source }, folder);
    const kept = document.getText();
    assert.match(kept, /warmup:/);
    assert.match(kept, /weight_decay: 0\.0005/);
    assert.doesNotMatch(kept, /mixup/);
    assert.match(kept, /# ours/);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), text);
    await discard(document.uri);
  });

  test('the report opens as Markdown', async () => {
    const source = new GivenStudies([known(studyFacts())]);
    await reportStudy({ ...(await extension()), studies: source }, folder);
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.languageId, 'markdown');
    assert.match(document?.getText() ?? '', /^# which-tricks-pay/);
  });

  test("a row shows a study's progress, or why it is damaged", () => {
    const running = studyRow(known(runningStudy()));
    assert.equal(running.context, 'study.running');
    assert.match(running.description, /20 of 32 runs/);
    const failure = { what: 'Its study.json is damaged.', remedy: 'Delete it.' };
    const damaged = studyRow({ kind: 'damaged', folder, id: 'old', failure });
    assert.equal(damaged.context, 'study.damaged');
    assert.equal(damaged.label, 'old');
    assert.equal(damaged.description, failure.what);
  });
});
