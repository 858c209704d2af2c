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

/** What a study's page asks of the extension. */
export type StudyRequest = Exclude<FromStudyPage, { type: 'ready' }>;

/** The pages of studies, one panel a study. */
export class StudyPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Map<string, StudyPanel>();

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly source: StudySource,
    private readonly onRequest: (request: StudyRequest) => void,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Shows a study: in the panel that has it, or in a new one. */
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

  /** Has VS Code bring the panels back after a reload. */
  restoring(): vscode.Disposable {
    return vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);
  }

  /** Fills a panel that VS Code brought back after a reload. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    await this.source.refresh();
    const study = isStudyPageState(state) ? this.source.facts(state.folder) : undefined;
    panel.webview.options = pageOptions(this.extensionUri);
    if (study && !this.#panels.has(studyFolderOf(study).folder)) this.#attach(panel, study);
    else panel.dispose();
  }

  /** Leaves the panels open: VS Code brings them back after a reload. */
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
 * One study's panel. Its page gets the whole study when it says that it is ready, and at each change after that: the latest
 * alone, where changes come faster than the page takes them.
 */
class StudyPanel {
  readonly #listening: vscode.Disposable;
  /** VS Code drops the page of a hidden panel, and loads it anew. */
  #isReady = false;
  #isSending = false;
  #isStale = false;
  /** What the page was last sent: few changes of a run change what is said of its study. */
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

  /** Follows the study no more. */
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
        // Resolves once the page has it.
        await this.panel.webview.postMessage(message);
      }
    } finally {
      // With the last look at what is stale, so that no change falls between them.
      this.#isSending = false;
    }
  }
}

function messageOf(study: KnownStudy | undefined): ToStudyPage {
  if (!study) return { type: 'clear', reason: vscode.l10n.t('The study was deleted.') };
  if (study.kind === 'study') return { type: 'snapshot', view: studyView(study.facts) };
  return { type: 'damaged', folder: study.folder, id: study.id, failure: study.failure };
}
