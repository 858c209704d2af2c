import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import {
  type FromDashboard,
  isDashboardState,
  isFromDashboard,
  type ToDashboard,
} from '../../protocol/dashboard';
import { feeds } from '../../runs/feed/feed';
import type { FeedSubscription, RunUpdate } from '../../runs/feed/feedSubscription';
import { CHART_POINTS } from '../../runs/log';
import type { RunLabels } from '../runs/labels';
import type { ReadableRun } from '../runs/liveRun';
import type { RunLibrary } from '../runs/runLibrary';
import { fillPanel, pageOptions } from './panelPage';

const VIEW_TYPE = 'bagOfTricks.dashboard';

/** A request from a dashboard to the extension. */
export type DashboardRequest = Exclude<FromDashboard, { type: 'ready' }>;

/** The dashboards, one panel per run. */
export class DashboardPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Map<string, DashboardPanel>();
  readonly #serializer = vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);
  readonly #naming: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly library: RunLibrary,
    private readonly labels: RunLabels,
    private readonly onRequest: (request: DashboardRequest) => void,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#naming = labels.onDidChange(() => this.#nameTabs());
  }

  /** Shows a run in its existing panel, or in a new one next to the editor. */
  open(run: ReadableRun): void {
    const shown = this.#panels.get(run.folder);
    if (shown) {
      shown.reveal();
      return;
    }
    const besides = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
    const panel = vscode.window.createWebviewPanel(
      VIEW_TYPE,
      this.labels.of(run).full,
      { viewColumn: besides, preserveFocus: true },
      pageOptions(this.extensionUri),
    );
    this.#attach(panel, run);
  }

  isVisible(folder: string): boolean {
    return this.#panels.get(folder)?.visible ?? false;
  }

  /** Fills a panel that VS Code restored after a reload. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    await this.library.refresh();
    const run = isDashboardState(state) ? this.library.find(state.folder) : undefined;
    panel.webview.options = pageOptions(this.extensionUri);
    if (run?.kind === 'run' && !this.#panels.has(run.folder)) this.#attach(panel, run);
    else panel.dispose();
  }

  /** Leaves the panels open. VS Code restores them after a reload. */
  dispose(): void {
    this.#naming.dispose();
    this.#serializer.dispose();
    for (const panel of this.#panels.values()) panel.dispose();
  }

  /** A run that appears, disappears or is renamed may change the labels of the others. */
  #nameTabs(): void {
    for (const [folder, panel] of this.#panels) {
      const run = this.library.find(folder);
      if (run) panel.title = this.labels.of(run).full;
    }
  }

  #attach(panel: vscode.WebviewPanel, run: ReadableRun): void {
    this.#panels.set(run.folder, new DashboardPanel(panel, run, this.onRequest, this.log));
    panel.onDidDispose(() => this.#panels.delete(run.folder));
    fillPanel(panel, this.extensionUri, { name: 'dashboard', title: this.labels.of(run).full });
  }
}

/**
 * The panel of one run. Each time its page reports that it is ready, it receives the whole run: VS Code drops the page
 * of a hidden panel and reloads it later.
 */
class DashboardPanel {
  readonly #subscription: FeedSubscription;
  readonly #listening: vscode.Disposable;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    run: ReadableRun,
    onRequest: (request: DashboardRequest) => void,
    log: vscode.LogOutputChannel,
  ) {
    this.#subscription = feeds.subscribe(
      run.folder,
      { points: CHART_POINTS },
      async (update) => {
        // Resolves when the page has received the update, so that a slow page is not flooded.
        await panel.webview.postMessage(messageOf(run.folder, update));
      },
      (error) => log.error(`The run in ${run.folder} could not be read:`, error),
    );
    this.#subscription.pause();
    this.#listening = vscode.Disposable.from(
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (!isFromDashboard(message)) log.warn('A dashboard sent what is no message:', message);
        else if (message.type === 'ready') this.#subscription.resume();
        else onRequest(message);
      }),
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.#subscription.pause();
      }),
      panel.onDidDispose(() => this.dispose()),
    );
  }

  get visible(): boolean {
    return this.panel.visible;
  }

  set title(title: string) {
    this.panel.title = title;
  }

  reveal(): void {
    this.panel.reveal(undefined, true);
  }

  /** Stops following the run. */
  dispose(): void {
    this.#subscription.close();
    this.#listening.dispose();
  }
}

function messageOf(folder: string, { type, run, events }: RunUpdate): ToDashboard {
  if (run.kind === 'broken') {
    return { type: 'clear', reason: existsSync(folder) ? run.reason : vscode.l10n.t('The run was deleted.') };
  }
  const { name, state, createdAt, recipe, python, gpus } = run.manifest;
  return type === 'snapshot'
    ? { type, run: { folder, name, state, createdAt, recipe, gpus, ...(python && { python }) }, events }
    : { type, folder, name, state, gpus, ...(python && { python }), events };
}
