import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import type { RunState } from '../../src/protocol/manifest';
import type { RunRow, StudyView } from '../../src/protocol/studyView';
import { assertNever } from '../../src/shared/assertNever';
import { stateIcon } from '../icons';
import { breakable } from './breakable';

/** The runs of a study in run order, each with its level of every factor. */
export function runTable(
  { runs, factors }: Pick<StudyView, 'runs' | 'factors'>,
  openRun: (folder: string) => void,
): TemplateResult | typeof nothing {
  if (runs.length === 0) return nothing;
  const hasFolds = runs.some(({ fold }) => fold !== null);
  return html`<section class="runs">
    <h2 id="runs">${l10n.t('Runs')}</h2>
    <div class="scrolled" tabindex="0" role="region" aria-labelledby="runs">
      <table>
        <thead>
          <tr>
            <th scope="col">${l10n.t('Run')}</th>
            <th scope="col">${l10n.t('Block')}</th>
            <th scope="col">${l10n.t('Seed')}</th>
            ${hasFolds ? html`<th scope="col">${l10n.t('Fold')}</th>` : nothing}
            ${factors.map((factor) => html`<th scope="col" class="level">${breakable(factor)}</th>`)}
            <th scope="col">${l10n.t('Result')}</th>
            <th scope="col">${l10n.t('Time')}</th>
            <th scope="col" class="state-head">${l10n.t('State')}</th>
          </tr>
        </thead>
        <tbody>
          ${runs.map((run, index) => runRow(run, runs[index - 1], hasFolds, openRun))}
        </tbody>
      </table>
    </div>
  </section>`;
}

function runRow(
  run: RunRow,
  before: RunRow | undefined,
  hasFolds: boolean,
  openRun: (folder: string) => void,
): TemplateResult {
  const { folder, name } = run;
  const isFirstOfBlock = before !== undefined && before.block !== run.block;
  return html`<tr class=${isFirstOfBlock ? 'first-of-block' : ''}>
    <th scope="row">
      ${folder === null ? html`<span class="quiet">${name}</span>` : runLink(name, () => openRun(folder))}
    </th>
    <td>${run.block}</td>
    <td>${run.seed}</td>
    ${hasFolds ? html`<td>${run.fold}</td>` : nothing}
    ${run.levels.map(({ text, isFirst }) => html`<td class=${isFirst ? 'level first' : 'level'}>${text}</td>`)}
    <td>${run.value}</td>
    <td>${run.time}</td>
    <td class="state-cell">
      ${stateIcon(iconOf(run.status))}<span>${run.statusText}</span>${
        run.isOutlier ? html` <span class="outlier">${l10n.t('outlier')}</span>` : nothing
      }
    </td>
  </tr>`;
}

function runLink(name: string, open: () => void): TemplateResult {
  return html`<a
    href="#"
    @click=${(event: Event) => {
      event.preventDefault();
      open();
    }}
    >${name}</a
  >`;
}

function iconOf(status: RunRow['status']): RunState['status'] {
  switch (status) {
    case 'planned':
    case 'queued':
      return 'queued';
    case 'finished':
      return 'done';
    case 'diverged':
      return 'interrupted';
    case 'running':
    case 'failed':
    case 'stopped':
      return status;
    default:
      return assertNever(status);
  }
}
