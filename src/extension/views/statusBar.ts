import * as vscode from 'vscode';
import { visibleText } from '../../shared/visibleText';
import type { RunLabels } from '../runs/labels';
import { isRunning, type ReadableRun } from '../runs/liveRun';
import type { RunLibrary } from '../runs/runLibrary';
import { plainLabel } from '../shown';
import { runDescription, stateIcon, statusText } from './runText';

/** How long a run's result stays visible. */
const RESULT_MS = 60_000;

/** Shows the newest running run, and its result for a while after it ends. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('bagOfTricks.run', vscode.StatusBarAlignment.Left);
  readonly #subscriptions: vscode.Disposable[];
  #ended: ReadableRun | null = null;
  #forget: NodeJS.Timeout | null = null;

  constructor(
    private readonly library: RunLibrary,
    private readonly labels: RunLabels,
  ) {
    this.#item.name = vscode.l10n.t('Training run');
    this.#subscriptions = [
      this.#item,
      library.onDidChange(() => this.#show()),
      library.onDidEnd((run) => this.#remember(run)),
    ];
  }

  dispose(): void {
    if (this.#forget) clearTimeout(this.#forget);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #remember(run: ReadableRun): void {
    if (this.#forget) clearTimeout(this.#forget);
    this.#ended = run;
    this.#forget = setTimeout(() => {
      this.#ended = null;
      this.#show();
    }, RESULT_MS);
    this.#show();
  }

  #show(): void {
    const running = this.library.runs.find(isRunning);
    const run = running ?? (this.#ended && this.library.find(this.#ended.folder) ? this.#ended : null);
    if (!run) {
      this.#item.hide();
      return;
    }
    this.#item.text = `$(${stateIcon(run.manifest.state).id}) ${plainLabel(statusText(run))}`;
    const about = visibleText(`${this.labels.of(run).full}, ${runDescription(run)}`);
    this.#item.tooltip = vscode.l10n.t('{0}: open the dashboard', about);
    this.#item.command = {
      command: 'bagOfTricks.openDashboard',
      title: vscode.l10n.t('Open dashboard'),
      arguments: [run.folder],
    };
    this.#item.show();
  }
}
