import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as vscode from 'vscode';
import {
  type FromDashboard,
  isDashboardState,
  isFromDashboard,
  type RunView,
  type ToDashboard,
} from '../../protocol/dashboard';
import type { RunEvent } from '../../protocol/events';
import type { Manifest, RunState } from '../../protocol/manifest';
import { LogStanding, stateOfRun } from '../../protocol/standing';
import { RunFollower, thinningStride } from '../../runs/log';
import { LOG_START } from '../../runs/logParser';
import { metricsPath } from '../../runs/store';
import { isLive, type ReadableRun } from '../runs/liveRun';
import type { RunLibrary } from '../runs/runLibrary';
import { dashboardHtml } from './dashboardHtml';

const VIEW_TYPE = 'bagOfTricks.dashboard';

/** What a dashboard asks of the extension. */
export type DashboardRequest = Exclude<FromDashboard, { type: 'ready' }>;

/** The dashboards, one panel a run. */
export class DashboardPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Map<string, DashboardPanel>();
  readonly #serializer = vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly library: RunLibrary,
    private readonly onRequest: (request: DashboardRequest) => void,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Shows a run: in the panel that has it, or in a new one beside the file. */
  open(run: ReadableRun): void {
    const shown = this.#panels.get(run.folder);
    if (shown) {
      shown.reveal();
      return;
    }
    const besides = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
    const panel = vscode.window.createWebviewPanel(
      VIEW_TYPE,
      run.manifest.name,
      { viewColumn: besides, preserveFocus: true },
      this.#webviewOptions,
    );
    this.#attach(panel, run);
  }

  isVisible(folder: string): boolean {
    return this.#panels.get(folder)?.visible ?? false;
  }

  /** Fills a panel that VS Code brought back after a reload. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    await this.library.refresh();
    const run = isDashboardState(state) ? this.library.find(state.folder) : undefined;
    panel.webview.options = this.#webviewOptions;
    if (run?.kind === 'run' && !this.#panels.has(run.folder)) this.#attach(panel, run);
    else panel.dispose();
  }

  /** Leaves the panels open: VS Code brings them back after a reload. */
  dispose(): void {
    this.#serializer.dispose();
    for (const panel of this.#panels.values()) panel.dispose();
  }

  get #webviewOptions(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [this.#resources] };
  }

  get #resources(): vscode.Uri {
    return vscode.Uri.joinPath(this.extensionUri, 'dist', 'webview');
  }

  #attach(panel: vscode.WebviewPanel, run: ReadableRun): void {
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    panel.title = run.manifest.name;
    this.#panels.set(run.folder, new DashboardPanel(panel, run, this.library, this.onRequest, this.log));
    panel.onDidDispose(() => this.#panels.delete(run.folder));
    panel.webview.html = this.#page(panel.webview);
  }

  #page(webview: vscode.Webview): string {
    const uri = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(this.#resources, name)).toString();
    return dashboardHtml({
      scriptUri: uri('dashboard.js'),
      styleUri: uri('dashboard.css'),
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64'),
      language: vscode.env.language,
      translations: vscode.l10n.bundle,
    });
  }
}

/**
 * One run's panel. It keeps the run's events as its log grows, and fills the page with all of them whenever the
 * page says it is ready: VS Code drops the page of a hidden panel and loads it anew.
 */
class DashboardPanel {
  readonly #events: RunEvent[] = [];
  readonly #standing = new LogStanding();
  readonly #follower: RunFollower;
  readonly #subscriptions: vscode.Disposable[];
  #manifest: Manifest;
  #ready = false;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly run: ReadableRun,
    library: RunLibrary,
    onRequest: (request: DashboardRequest) => void,
    log: vscode.LogOutputChannel,
  ) {
    this.#manifest = run.manifest;
    this.#follower = new RunFollower(metricsPath(run.folder), LOG_START, thinningStride);
    this.#follower.on('error', (error) => log.error(`The log of ${run.folder} could not be read:`, error));
    this.#follower.on('events', ({ events }) => {
      const counted = events.filter((event) => this.#standing.take(event));
      for (const event of counted) this.#events.push(event);
      this.#send({ type: 'delta', folder: run.folder, state: this.#state, events: counted });
    });
    this.#subscriptions = [
      library.onDidChange(() => {
        const now = library.find(run.folder);
        if (now?.kind === 'run') this.#update(now);
        else this.#send({ type: 'clear', reason: vscode.l10n.t('The run was deleted.') });
      }),
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (!isFromDashboard(message)) log.warn('A dashboard sent what is no message:', message);
        else if (message.type === 'ready') void this.#fill();
        else onRequest(message);
      }),
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.#ready = false;
      }),
      panel.onDidDispose(() => this.dispose()),
    ];
  }

  get visible(): boolean {
    return this.panel.visible;
  }

  reveal(): void {
    this.panel.reveal(undefined, true);
  }

  /** Follows the run no more. */
  dispose(): void {
    this.#follower.close();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** Sends all of the run, once all of its log was read. */
  async #fill(): Promise<void> {
    this.#ready = false;
    await this.#follower.drain();
    const { name, createdAt, recipe } = this.#manifest;
    const run: RunView = { folder: this.run.folder, name, state: this.#state, createdAt, recipe };
    this.#ready = true;
    this.#send({ type: 'snapshot', run, events: this.#events });
  }

  #update(run: ReadableRun): void {
    const state = this.#state;
    this.#manifest = run.manifest;
    if (!isDeepStrictEqual(kindOf(state), kindOf(this.#state))) {
      this.#send({ type: 'delta', folder: run.folder, state: this.#state, events: [] });
    }
    if (!isLive(run)) void this.#follower.drain();
  }

  get #state(): RunState {
    return stateOfRun(this.#manifest, this.#standing);
  }

  #send(message: ToDashboard): void {
    if (this.#ready) void this.panel.webview.postMessage(message);
  }
}

/** A state without what the events say anyway. */
function kindOf(state: RunState): RunState | 'running' {
  return state.status === 'running' ? 'running' : state;
}
