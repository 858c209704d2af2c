import * as vscode from 'vscode';
import { studyView } from '../../insight/study/results/studyView';
import {
  type FromStudyPage,
  isFromStudyPage,
  isStudyPageState,
  type ToStudyPage,
} from '../../protocol/studyPage';
import type { KnownStudy } from '../../protocol/studyView';
import { type StudySource, studyFolderOf } from '../studySource';
import { fillPanel, pageOptions } from './panelPage';

const VIEW_TYPE = 'bagOfTricks.study';

/** A request from a study's page to the extension. */
export type StudyRequest = Exclude<FromStudyPage, { type: 'ready' }>;

/** The study pages, one panel per study. */
export class StudyPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Map<string, StudyPanel>();

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly source: StudySource,
    private readonly onRequest: (request: StudyRequest) => void,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Shows a study in its existing panel, or in a new one. */
  open(study: KnownStudy): void {
    const { folder } = studyFolderOf(study);
    const shown = this.#panels.get(folder);
    if (shown) {
      shown.reveal();
      return;
    }
    const column = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
    const panel = vscode.window.createWebviewPanel(
      VIEW_TYPE,
      titleOf(study),
      { viewColumn: column, preserveFocus: true },
      pageOptions(this.extensionUri),
    );
    this.#attach(panel, study);
  }

  /** Lets VS Code restore the panels after a reload. */
  restoring(): vscode.Disposable {
    return vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);
  }

  /** Fills a panel that VS Code restored after a reload. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    await this.source.refresh();
    const study = isStudyPageState(state) ? this.source.facts(state.folder) : undefined;
    panel.webview.options = pageOptions(this.extensionUri);
    if (study && !this.#panels.has(studyFolderOf(study).folder)) this.#attach(panel, study);
    else panel.dispose();
  }

  /** Leaves the panels open. VS Code restores them after a reload. */
  dispose(): void {
    for (const panel of this.#panels.values()) panel.dispose();
  }

  #attach(panel: vscode.WebviewPanel, study: KnownStudy): void {
    const { folder } = studyFolderOf(study);
    this.#panels.set(folder, new StudyPanel(panel, folder, this.source, this.onRequest, this.log));
    panel.onDidDispose(() => this.#panels.delete(folder));
    fillPanel(panel, this.extensionUri, { name: 'study', title: titleOf(study) });
  }
}

function titleOf(study: KnownStudy): string {
  return study.kind === 'study' ? study.facts.name : study.id;
}

/**
 * The panel of one study. Its page receives the whole study when it is ready, and again at each change. If changes
 * arrive faster than the page takes them, it receives only the latest.
 */
class StudyPanel {
  readonly #listening: vscode.Disposable;
  /** VS Code drops the page of a hidden panel and reloads it later. */
  #isReady = false;
  #isSending = false;
  #isStale = false;
  /** The last content sent to the page. Few changes to a run affect the text about its study. */
  #sent = '';

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly folder: string,
    private readonly source: StudySource,
    onRequest: (request: StudyRequest) => void,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#listening = vscode.Disposable.from(
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (!isFromStudyPage(message)) log.warn("A study's page sent what is no message:", message);
        else if (message.type !== 'ready') onRequest(message);
        else {
          this.#isReady = true;
          this.#sent = '';
          this.#send();
        }
      }),
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.#isReady = false;
      }),
      source.onDidChange(() => this.#send()),
      panel.onDidDispose(() => this.dispose()),
    );
  }

  reveal(): void {
    this.panel.reveal(undefined, true);
  }

  /** Stops following the study. */
  dispose(): void {
    this.#isReady = false;
    this.#listening.dispose();
  }

  #send(): void {
    this.#isStale = true;
    if (!this.#isReady || this.#isSending) return;
    this.#sendLatest().catch((error) =>
      this.log.error(`The study in ${this.folder} could not be shown:`, error),
    );
  }

  async #sendLatest(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#isStale && this.#isReady) {
        this.#isStale = false;
        const message = messageOf(this.source.facts(this.folder));
        const text = JSON.stringify(message);
        if (text === this.#sent) continue;
        this.#sent = text;
        // Resolves when the page has received the message.
        await this.panel.webview.postMessage(message);
      }
    } finally {
      // No await between the last check for stale content and this reset, so that no change is lost.
      this.#isSending = false;
    }
  }
}

function messageOf(study: KnownStudy | undefined): ToStudyPage {
  if (!study) return { type: 'clear', reason: vscode.l10n.t('The study was deleted.') };
  if (study.kind === 'study') return { type: 'snapshot', view: studyView(study.facts) };
  return { type: 'damaged', folder: study.folder, id: study.id, failure: study.failure };
}
