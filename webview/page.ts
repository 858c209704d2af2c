import { type AnyRecipe, isCommandRecipe, networkRecipe, recipeFacts } from '../src/recipe/anyRecipe';
import type { CommandRecipe } from '../src/recipe/commandRecipe';
import type { Recipe } from '../src/recipe/recipe';
import { gpuText, UNKNOWN } from '../src/shared/format';
import '@vscode-elements/elements/dist/vscode-badge/index.js';
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { modelText } from '../src/models/modelText';
import type { FromDashboard } from '../src/protocol/dashboard';
import { dataWaitText } from '../src/protocol/dataWait';
import { lossText } from '../src/protocol/lossText';
import type { PythonReport, RunState } from '../src/protocol/manifest';
import { runPrecisionText } from '../src/protocol/precisionText';
import type { StartedEvent, StepEvent } from '../src/protocol/standing';
import { stateName } from '../src/protocol/stateName';
import type { EndRequest } from '../src/protocol/trainer';
import { assertNever } from '../src/shared/assertNever';
import type { Failure } from '../src/shared/failure';
import {
  formatAccuracy,
  formatCount,
  formatDuration,
  formatProgress,
  formatSpeed,
  LOCALE,
} from '../src/shared/format';
import { formatLearningRate, formatLoss } from './format';
import { stateIcon } from './icons';
import { isLive, phaseOf, progressOf, type ShownRun } from './model';
import { problemPanel } from './problem';

/** A run and the state of the panel. */
export interface PageView {
  readonly shown: ShownRun;
  /** The requested end, until the run has ended. */
  readonly ending: EndRequest | null;
  readonly showTable: boolean;
  readonly isZoomed: boolean;
  /** The charts' elements, which draw themselves. */
  readonly charts: readonly HTMLElement[];
}

/** The actions of a person on the page. */
export interface PageActions {
  /** Sends a request about the displayed run. */
  request(type: Exclude<FromDashboard['type'], 'ready'>): void;
  toggleTable(): void;
  resetZoom(): void;
}

/** The panel without a run. */
export function emptyPage(reason: string): TemplateResult {
  return html`<main class="empty">
    <h1>${l10n.t('No run to show')}</h1>
    <p role="status">${reason}</p>
  </main>`;
}

/** The panel with a run. Text is inserted as text, never as markup. */
export function runPage(view: PageView, actions: PageActions): TemplateResult {
  return html`<main>
    ${header(view, actions)} ${problem(view, actions)} ${progress(view, actions)} ${facts(view)}
    ${toolbar(view, actions)}
    <section class="charts" aria-label=${l10n.t('Charts')}>${view.charts}</section>
    ${view.showTable ? epochTable(view) : nothing}
    <p class="unseen" role="status">${announcement(view)}</p>
  </main>`;
}

function header({ shown, ending }: PageView, actions: PageActions): TemplateResult {
  const state = shown.run.state;
  const engine = shown.history.started?.engine;
  return html`<header>
    <div class="title">
      <h1>${shown.run.name}</h1>
      <p class="state">
        ${stateIcon(state.status)}<span>${ending ? endingWord(ending) : stateWord(state)}</span>
        ${
          engine
            ? html`<span class="engine" title=${engine.because?.join(' ') ?? nothing}>${engine.description}</span>`
            : nothing
        }
        ${shown.run.gpus && !engine ? html`<span class="engine">${gpuText(shown.run.gpus)}</span>` : nothing}
      </p>
    </div>
    <div class="actions">
      ${isLive(state) ? liveButtons(state, ending, actions) : endedButtons(state, actions)}
      ${button(l10n.t('Open experiment'), 'openExperiment', actions, true)}
      ${button(l10n.t('Open log'), 'openLog', actions, true)}
    </div>
  </header>`;
}

/** Buttons for an ended run. One that ended before its training was complete can be resumed. */
function endedButtons({ status }: RunState, actions: PageActions): TemplateResult {
  const isOver = status === 'done';
  return html`${isOver ? nothing : button(l10n.t('Resume'), 'resume', actions)}
  ${button(l10n.t('Run again'), 'runAgain', actions, !isOver)}
  ${button(l10n.t('Run the file'), 'runFile', actions, true)}
  ${button(l10n.t("Restore this run's file"), 'restoreFile', actions, true)}`;
}

/** Buttons that end a run. After a click, they show that the request is pending. */
function liveButtons({ status }: RunState, ending: EndRequest | null, actions: PageActions): TemplateResult {
  if (ending) return html`<vscode-button disabled aria-disabled="true">${endingWord(ending)}</vscode-button>`;
  return html`${button(l10n.t('Stop'), 'stop', actions)}
  ${status === 'running' ? button(l10n.t('Pause'), 'pause', actions, true) : nothing}`;
}

function endingWord(request: EndRequest): string {
  return request === 'pause' ? l10n.t('Pausing...') : l10n.t('Stopping...');
}

function button(
  label: string,
  request: Parameters<PageActions['request']>[0],
  actions: PageActions,
  secondary = false,
): TemplateResult {
  return html`<vscode-button ?secondary=${secondary} @click=${() => actions.request(request)}
    >${label}</vscode-button
  >`;
}

/** Shows why a run ended early, and what to do about it. */
function problem({ shown }: PageView, actions: PageActions): TemplateResult | typeof nothing {
  const failure = failureOf(shown.run.state);
  if (!failure) return nothing;
  return problemPanel(
    failure,
    html`<a href="#" role="button" @click=${followed(() => actions.request('openLog'))}>${l10n.t('Open log')}</a>`,
  );
}

function failureOf(state: RunState): Failure | null {
  switch (state.status) {
    case 'failed':
      return state.failure;
    case 'interrupted':
      return {
        what: l10n.t('The trainer exited before the run was done.'),
        remedy: l10n.t('Resume it from its last checkpoint. The log may show why the trainer exited.'),
      };
    case 'queued':
    case 'running':
    case 'done':
    case 'stopped':
    case 'paused':
      return null;
    default:
      return assertNever(state);
  }
}

function followed(action: () => void): (event: Event) => void {
  return (event) => {
    event.preventDefault();
    action();
  };
}

/** The progress bar with its label at the left, and speed and time at the right. */
function progress({ shown }: PageView, actions: PageActions): TemplateResult {
  const phase = phaseOf(shown);
  const { share } = progressOf(shown);
  const known = phase.name === 'preparing' ? phase.share : share;
  const indeterminate = phase.name === 'waiting' || (known === null && phase.name !== 'ended');
  return html`<section class="progress" aria-label=${l10n.t('Progress')}>
    <vscode-progress-bar
      aria-label=${phase.name === 'preparing' ? phase.what : l10n.t('Training')}
      .value=${Math.round((known ?? unknownShare(shown)) * 100)}
      ?indeterminate=${indeterminate}
    ></vscode-progress-bar>
    <div class="figures"><span>${whereabouts(shown)}</span><span>${pace(shown)}</span></div>
    ${dataHint(shown)} ${notes(shown, actions)}
  </section>`;
}

/** The progress of a run that does not say how long it is. */
function unknownShare({ run: { state } }: ShownRun): number {
  return state.status === 'done' ? 1 : 0;
}

/** Notes of the trainer on how the run ended, and the output of a command that has no metrics. */
function notes({ run: { state } }: ShownRun, actions: PageActions): TemplateResult | typeof nothing {
  const { notes = [], output } = state.status === 'done' ? state.result : {};
  if (notes.length === 0) return nothing;
  return html`<p class="hint" role="note">${notes.join(' ')}</p>
    ${
      output === undefined
        ? nothing
        : html`<pre class="output" tabindex="0" aria-label=${l10n.t('Last lines of the log')}>${output}</pre>
            <a href="#" role="button" @click=${followed(() => actions.request('openLog'))}
              >${l10n.t('Open log')}</a
            >`
    }`;
}

/** Suggests what to change if the last epoch waited for its images. */
function dataHint({ run, history }: ShownRun): TemplateResult | typeof nothing {
  const last = history.epochs.at(-1);
  const data = networkRecipe(run.recipe)?.data;
  const hint = last && data && dataWaitText(last, data);
  return hint ? html`<p class="hint" role="note">${hint}</p>` : nothing;
}

function whereabouts(shown: ShownRun): string {
  const phase = phaseOf(shown);
  switch (phase.name) {
    case 'queued':
      return l10n.t('Waiting in the queue');
    case 'preparing':
      return phase.share === null ? phase.what : `${phase.what} · ${formatProgress(phase.share)}`;
    case 'waiting':
      return l10n.t('Waiting for the first step');
    case 'training':
    case 'ended': {
      const { epoch, epochs, step, steps } = progressOf(shown);
      if (step === 0 && shown.history.epochs.length === 0) {
        return shown.run.state.status === 'done' ? '' : l10n.t('No step completed');
      }
      return joined(
        epoch !== null &&
          (epochs === null ? l10n.t('Epoch {0}', epoch) : l10n.t('Epoch {0} of {1}', epoch, epochs)),
        steps === null
          ? l10n.t('step {0}', formatCount(step))
          : l10n.t('step {0} of {1}', formatCount(step), formatCount(steps)),
      );
    }
    default:
      return assertNever(phase);
  }
}

function pace(shown: ShownRun): string {
  const state = shown.run.state;
  const { lastStep } = shown.history;
  const { leftMs } = progressOf(shown);
  if (state.status === 'done') return l10n.t('Duration: {0}', formatDuration(state.result.seconds));
  if (!isLive(state) || !lastStep) return '';
  return joined(
    lastStep.imagesPerSecond !== undefined && formatSpeed(lastStep.imagesPerSecond),
    leftMs !== null && l10n.t('{0} left', formatDuration(leftMs / 1000)),
  );
}

/** Key numbers of the recipe, the best result, and the tricks. */
function facts({ shown }: PageView): TemplateResult {
  const { recipe } = shown.run;
  const { started, best, lastStep, epochs } = shown.history;
  const { validationImages } = recipeFacts(recipe);
  const averaged = epochs.at(-1)?.averagedAccuracy;
  const fact = (name: string, value: string) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<dl class="facts">
    <div class="best">
      <dt>${l10n.t('Best validation accuracy')}</dt>
      <dd>
        ${best ? formatAccuracy(best.validationAccuracy, validationImages) : '–'}
        ${best ? html`<small>${l10n.t('epoch {0}', best.epoch + 1)}</small>` : nothing}
      </dd>
    </div>
    ${isCommandRecipe(recipe) ? commandFacts(recipe, fact) : networkFacts(recipe, fact)}
    ${fact(l10n.t('Seed'), String(recipe.seed))} ${precisionFact(recipe, started, fact)}
    ${lastStep?.lossScale === undefined ? nothing : fact(l10n.t('Loss scale'), lossScaleText(lastStep))}
    ${
      averaged === undefined
        ? nothing
        : fact(l10n.t('Validation accuracy (EMA)'), formatAccuracy(averaged, validationImages))
    }
    ${pythonFact(shown.run.python)}
    <div class="tricks">
      <dt>${l10n.t('Tricks')}</dt>
      <dd>
        ${
          recipe.tricks.length === 0
            ? l10n.t('none')
            : recipe.tricks.map((trick) => html`<vscode-badge>${trick}</vscode-badge>`)
        }
      </dd>
    </div>
  </dl>`;
}

type Fact = (name: string, value: string) => TemplateResult;

function commandFacts({ system, model, dataset, epochs }: CommandRecipe, fact: Fact): TemplateResult {
  const known = (name: string, value: string | null) => (value === null ? nothing : fact(name, value));
  return html`${known(l10n.t('Model'), model)} ${known(l10n.t('Data'), dataset)}
  ${fact(l10n.t('System'), system)}
  ${known(l10n.t('Epochs'), epochs === null ? null : formatCount(epochs))}`;
}

/** The Python of a command, as a path with the reason below it. */
function pythonFact(python: PythonReport | undefined): TemplateResult | typeof nothing {
  if (!python) return nothing;
  return html`<div class="python">
    <dt>Python</dt>
    <dd>${python.path === null ? nothing : html`<span>${python.path}</span>`} <small>${python.because}</small></dd>
  </div>`;
}

function networkFacts({ model, data, schedule, epochs }: Recipe, fact: Fact): TemplateResult {
  return html`${fact(l10n.t('Model'), modelText(model))} ${fact(l10n.t('Data'), data.dataset.name)}
  ${fact(l10n.t('Batch'), formatCount(data.batchSize))}
  ${fact(l10n.t('Peak LR'), formatLearningRate(schedule.peakLearningRate))}
  ${fact(l10n.t('Epochs'), formatCount(epochs))}`;
}

function precisionFact(
  recipe: AnyRecipe,
  started: StartedEvent | null,
  fact: Fact,
): TemplateResult | typeof nothing {
  if (isCommandRecipe(recipe) || recipe.precision.compute === 'float32') return nothing;
  return fact(l10n.t('Precision'), runPrecisionText(recipe.precision, started?.precision ?? undefined));
}

/** Formats the loss scale and the number of skipped steps, such as '32,768, 2 steps skipped'. */
function lossScaleText({ lossScale = 1, overflows = 0 }: StepEvent): string {
  const scale = formatCount(lossScale);
  if (overflows === 0) return scale;
  return overflows === 1
    ? l10n.t('{0}, 1 step skipped', scale)
    : l10n.t('{0}, {1} steps skipped', scale, formatCount(overflows));
}

function toolbar({ showTable, isZoomed }: PageView, actions: PageActions): TemplateResult {
  return html`<div class="toolbar">
    <p id="chart-keys">
      ${l10n.t('Drag to zoom, Shift+drag to pan, Ctrl+wheel or + and - to zoom, arrow keys to pan, 0 to reset.')}
    </p>
    <vscode-button secondary ?hidden=${!isZoomed} @click=${actions.resetZoom}
      >${l10n.t('Reset zoom')}</vscode-button
    >
    <vscode-button secondary aria-expanded=${showTable} @click=${actions.toggleTable}
      >${showTable ? l10n.t('Hide epoch table') : l10n.t('Show epoch table')}</vscode-button
    >
  </div>`;
}

/** The charts' values per epoch as a table, for readers who prefer numbers. */
function epochTable({ shown }: PageView): TemplateResult {
  const { epochs, best } = shown.history;
  const { trainImages, validationImages } = recipeFacts(shown.run.recipe);
  const columns = [
    l10n.t('Epoch'),
    l10n.t('Training loss'),
    l10n.t('Validation loss'),
    l10n.t('Training accuracy'),
    l10n.t('Validation accuracy'),
    l10n.t('Time'),
  ];
  return html`<section class="scrolled" tabindex="0" aria-label=${l10n.t('Epochs')}>
    <table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${epochs.map(
          (epoch) => html`<tr class=${epoch === best ? 'best' : ''}>
            <th scope="row">
              ${epoch.epoch + 1} ${epoch === best ? html`<small>${l10n.t('best')}</small>` : nothing}
            </th>
            <td>${lossText(epoch.trainLoss, epoch.trainLabelsLoss, formatLoss)}</td>
            <td>${epoch.validationLoss === undefined ? UNKNOWN : formatLoss(epoch.validationLoss)}</td>
            <td>${formatAccuracy(epoch.trainAccuracy, trainImages)}</td>
            <td>${formatAccuracy(epoch.validationAccuracy, validationImages)}</td>
            <td>${formatDuration(epoch.seconds)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${epochs.length === 0 ? html`<p>${l10n.t('No epoch has completed yet.')}</p>` : nothing}
  </section>`;
}

/** Text for screen readers: state changes and ends of epochs, not every step. */
function announcement({ shown }: PageView): string {
  const { validationImages, epochs } = recipeFacts(shown.run.recipe);
  const last = shown.history.epochs.at(-1);
  return joined(
    stateWord(shown.run.state),
    last &&
      (epochs === null
        ? l10n.t('epoch {0} done', last.epoch + 1)
        : l10n.t('epoch {0} of {1} done', last.epoch + 1, epochs)),
    last?.validationAccuracy !== undefined &&
      l10n.t('validation accuracy {0}', formatAccuracy(last.validationAccuracy, validationImages)),
  );
}

/** Names a run's state at the start of a line. */
function stateWord(state: RunState): string {
  const name = stateName(state);
  return name.charAt(0).toLocaleUpperCase(LOCALE) + name.slice(1);
}

function joined(...parts: readonly (string | null | undefined | false)[]): string {
  return parts.filter(Boolean).join(' · ');
}
