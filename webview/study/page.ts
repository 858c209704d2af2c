import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import type { RunState } from '../../src/protocol/manifest';
import type { FromStudyPage, ToStudyPage } from '../../src/protocol/studyPage';
import type { StudyAction, StudyState, StudyStep, StudyView } from '../../src/protocol/studyView';
import { assertNever } from '../../src/shared/assertNever';
import { stateIcon } from '../icons';
import { problemPanel } from '../problem';
import { effectTable } from './effectTable';
import { interactionSection } from './interactionPlot';
import { runTable } from './runTable';

/** A study and the state of its panel. */
export interface PageView {
  readonly view: StudyView;
  /** Whether each effect shows its further estimates, cost and source. */
  readonly showDetails: boolean;
  /** Label of the pair whose interaction is drawn. Null for the first. */
  readonly pair: string | null;
  readonly isStopping: boolean;
}

/** The actions of a person on the page. */
export interface PageActions {
  /** Sends a request about the displayed study. */
  request(type: Exclude<FromStudyPage['type'], 'ready' | 'openRun'>): void;
  openRun(folder: string): void;
  toggleDetails(): void;
  choosePair(label: string): void;
}

/** The panel without a study. */
export function emptyPage(reason: string): TemplateResult {
  return html`<main class="empty">
    <h1>${l10n.t('No study to show')}</h1>
    <p role="status">${reason}</p>
  </main>`;
}

/** The panel for a folder that cannot be read. */
export function damagedPage({ id, failure }: Extract<ToStudyPage, { type: 'damaged' }>): TemplateResult {
  return html`<main>
    <header>
      <div class="title">
        <h1>${id}</h1>
        <p class="state">${stateIcon('failed')}<span>${l10n.t('Cannot be read')}</span></p>
      </div>
    </header>
    ${problemPanel(failure)}
  </main>`;
}

/** The panel with a study. Text is inserted as text, never as markup. */
export function studyPage(page: PageView, actions: PageActions): TemplateResult {
  const { view, showDetails, pair } = page;
  return html`<main>
    ${header(page, actions)} ${view.state.failure ? problemPanel(view.state.failure) : nothing} ${progress(view)}
    ${notices(view)} ${effectTable(view, showDetails, actions.toggleDetails)}
    <div class="columns">${bestSet(view)} ${nextSteps(view, actions)}</div>
    ${interactionSection(view.interactions, pair, actions.choosePair)}
    <div class="columns">${noise(view)} ${divergences(view)}</div>
    ${runTable(view, actions.openRun)}
    <p class="unseen" role="status">${[view.state.text, view.progress.text].join(', ')}</p>
  </main>`;
}

function header({ view, isStopping }: PageView, actions: PageActions): TemplateResult {
  const { status, text } = view.state;
  return html`<header>
    <div class="title">
      <h1>${view.name}</h1>
      <p class="state">
        ${stateIcon(iconOf(status))}<span>${isStopping ? l10n.t('Stopping...') : text}</span>
        <span class="about">${view.experiment}</span>
      </p>
      <p class="design">${view.design}</p>
    </div>
    <div class="actions">
      ${stateButton(status, isStopping, actions)} ${button(l10n.t('Open experiment'), 'openExperiment', actions, true)}
      ${view.hasStudyFile ? button(l10n.t('Open study file'), 'openStudyFile', actions, true) : nothing}
    </div>
  </header>`;
}

/** The button that changes a study's state. A finished study can only be extended through its file. */
function stateButton(
  status: StudyState['status'],
  isStopping: boolean,
  actions: PageActions,
): TemplateResult | typeof nothing {
  switch (status) {
    case 'waiting':
    case 'running':
      return isStopping
        ? html`<vscode-button disabled aria-disabled="true">${l10n.t('Stopping...')}</vscode-button>`
        : button(l10n.t('Stop'), 'stop', actions);
    case 'stopped':
    case 'interrupted':
    case 'failed':
      return button(l10n.t('Resume'), 'resume', actions);
    case 'done':
      return nothing;
    default:
      return assertNever(status);
  }
}

function iconOf(status: StudyState['status']): RunState['status'] {
  return status === 'waiting' ? 'queued' : status;
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

function progress({ progress: { share, text, time }, state }: StudyView): TemplateResult {
  return html`<section class="progress" aria-label=${l10n.t('Progress')}>
    ${
      state.status === 'done'
        ? nothing
        : html`<vscode-progress-bar
            aria-label=${l10n.t('Runs')}
            .value=${Math.round(share * 100)}
          ></vscode-progress-bar>`
    }
    <div class="figures"><span>${text}</span><span>${time}</span></div>
  </section>`;
}

function notices({ notices: all }: StudyView): TemplateResult | typeof nothing {
  if (all.length === 0) return nothing;
  return html`<ul class="notices" aria-label=${l10n.t('Notes')}>
    ${all.map(({ tone, text }) => html`<li class=${tone}>${text}</li>`)}
  </ul>`;
}

function bestSet({ chosen, confirmation }: StudyView): TemplateResult | typeof nothing {
  if (!chosen && confirmation === null) return nothing;
  return html`<section class="best-set">
    <h2>${l10n.t('Best set')}</h2>
    ${
      chosen
        ? html`<p class="chosen">${chosen.text}</p>
            ${chosen.gain === '' ? nothing : html`<p class="gain">${chosen.gain}</p>`}
            ${chosen.caution === '' ? nothing : html`<p class="quiet">${chosen.caution}</p>`}`
        : nothing
    }
    ${confirmation === null ? nothing : html`<p>${confirmation}</p>`}
  </section>`;
}

function nextSteps({ steps }: StudyView, actions: PageActions): TemplateResult | typeof nothing {
  if (steps.length === 0) return nothing;
  return html`<section class="steps">
    <h2>${l10n.t('What to do next')}</h2>
    <ol>
      ${steps.map((step, index) => html`<li><span class="step-text">${step.text}</span> ${stepButton(step, index === 0, actions)}</li>`)}
    </ol>
  </section>`;
}

/** Stop and resume have buttons in the header. */
function stepButton(
  { action }: StudyStep,
  isFirst: boolean,
  actions: PageActions,
): TemplateResult | typeof nothing {
  if (action === null || action === 'stop' || action === 'resume') return nothing;
  return button(actionText(action), action, actions, !isFirst);
}

function actionText(action: Exclude<StudyAction, 'stop' | 'resume'>): string {
  switch (action) {
    case 'confirm':
      return l10n.t('Confirm');
    case 'keep':
      return l10n.t('Keep what helps');
    case 'report':
      return l10n.t('Open report');
    default:
      return assertNever(action);
  }
}

function noise({ noise: text, outliers, logErrors }: StudyView): TemplateResult {
  return html`<section class="noise">
    <h2>${l10n.t('Noise')}</h2>
    <p>${text}</p>
    ${
      outliers.length === 0
        ? nothing
        : html`<h3>${l10n.t('Outliers')}</h3>
            <ul>
              ${outliers.map((outlier) => html`<li>${outlier}</li>`)}
            </ul>`
    }
    ${
      logErrors.length === 0
        ? nothing
        : html`<h3>${l10n.t('On the error scale')}</h3>
            <ul>
              ${logErrors.map(({ label, text: ratio }) => html`<li>${label}: ${ratio}</li>`)}
            </ul>`
    }
  </section>`;
}

function divergences({ divergences: rows }: StudyView): TemplateResult | typeof nothing {
  if (rows.length === 0) return nothing;
  return html`<section class="divergences">
    <h2 id="divergences">${l10n.t('Runs that diverged')}</h2>
    <div class="scrolled" tabindex="0" role="region" aria-labelledby="divergences">
      <table>
        <thead>
          <tr>
            <th scope="col">${l10n.t('Trick')}</th>
            <th scope="col">${l10n.t('With')}</th>
            <th scope="col">${l10n.t('Without')}</th>
            <th scope="col">${l10n.t("Fisher's exact test")}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`<tr>
              <th scope="row">${row.label}</th>
              <td>${row.with}</td>
              <td>${row.without}</td>
              <td>${row.p}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
