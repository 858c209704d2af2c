/**
 * The dashboard of one run. Messages from the extension host change the content, which is drawn at most once per
 * animation frame.
 */
import { recipeFacts } from '../src/recipe/anyRecipe';
import './dashboard.css';
import * as l10n from '@vscode/l10n';
import { render } from 'lit';
import { isToDashboard, type ToDashboard } from '../src/protocol/dashboard';
import type { EndRequest } from '../src/protocol/trainer';
import { assertNever } from '../src/shared/assertNever';
import { RunCharts } from './charts';
import { post, savedState, saveState } from './host';
import { isLive, RunHistory, type ShownRun } from './model';
import { emptyPage, type PageActions, runPage } from './page';

l10n.config({ contents: document.body.dataset.translations ?? '{}' });

let shown: ShownRun | null = null;
let reason = '';
/** The run that a person has requested to end, and how. */
let ending: { readonly folder: string; readonly request: EndRequest } | null = null;
let showTable = savedState()?.showTable ?? false;
let charts: RunCharts | null = null;
let isDrawDue = false;

const actions: PageActions = {
  request(type) {
    if (!shown) return;
    const { folder } = shown.run;
    if (type === 'stop' || type === 'pause') ending = { folder, request: type };
    post({ type, folder });
    schedule();
  },
  toggleTable() {
    showTable = !showTable;
    save();
    schedule();
    // In the frame after the next draw, because the table is below the charts and may be out of sight.
    if (showTable) requestAnimationFrame(revealTable);
  },
  resetZoom() {
    charts?.resetZoom();
  },
};

function receive(message: ToDashboard): void {
  switch (message.type) {
    case 'snapshot': {
      const history = new RunHistory(recipeFacts(message.run.recipe));
      history.append(message.events);
      shown = { run: message.run, history };
      save();
      break;
    }
    case 'delta': {
      if (message.folder !== shown?.run.folder) break;
      shown.history.append(message.events);
      const { run } = shown;
      const { name = run.name, state, python = run.python, gpus = run.gpus } = message;
      shown = { ...shown, run: { ...run, name, state, gpus, ...(python && { python }) } };
      break;
    }
    case 'clear':
      shown = null;
      reason = message.reason;
      save();
      break;
    default:
      assertNever(message);
  }
  schedule();
}

function save(): void {
  saveState(shown ? { folder: shown.run.folder, showTable } : undefined);
}

/** Schedules one draw in the next frame, no matter how many messages arrive before it. */
function schedule(): void {
  if (isDrawDue) return;
  isDrawDue = true;
  requestAnimationFrame(() => {
    isDrawDue = false;
    draw();
  });
}

function revealTable(): void {
  document.querySelector('.scrolled')?.scrollIntoView({ block: 'nearest' });
}

function draw(): void {
  if (!shown) {
    render(emptyPage(reason), document.body);
    return;
  }
  if (!isLive(shown.run.state)) ending = null;
  charts ??= new RunCharts(shown, schedule);
  const { elements, isZoomed } = charts;
  const request = ending?.folder === shown.run.folder ? ending.request : null;
  const page = { shown, showTable, isZoomed, charts: elements, ending: request };
  render(runPage(page, actions), document.body);
  charts.update(shown);
}

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (isToDashboard(data)) receive(data);
});
post({ type: 'ready' });
