import * as l10n from '@vscode/l10n';
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { EffectRow, ForestAxis, ForestMark, StudyView } from '../../src/protocol/studyView';
import { breakable } from './breakable';

/**
 * The table in the paper's format, with the forest plot as a column: each row contains its effect's interval. ARIA
 * roles are explicit, because a narrow panel displays rows as blocks.
 */
export function effectTable(
  { effects, axis, headings }: StudyView,
  showDetails: boolean,
  toggleDetails: () => void,
): TemplateResult {
  if (effects.length === 0) {
    return html`<section>
      <h2>${headings.table}</h2>
      <p class="quiet">${l10n.t('No run has completed yet. Effects show up here as runs complete.')}</p>
    </section>`;
  }
  return html`<section class="effects">
    <div class="heading">
      <h2 id="effects">${headings.table}</h2>
      <vscode-button secondary aria-expanded=${showDetails} @click=${toggleDetails}
        >${showDetails ? l10n.t('Hide details') : l10n.t('Show details')}</vscode-button
      >
    </div>
    <p class="quiet">${headings.interval}</p>
    <table role="table" aria-labelledby="effects" class="forest-table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">${l10n.t('Trick')}</th>
          <th role="columnheader" scope="col" class="number">${headings.effect}</th>
          <th role="columnheader" scope="col" class="plot-head">
            <span class="unseen">${l10n.t('Forest plot')}</span>${axis ? directions(axis) : nothing}
          </th>
          <th role="columnheader" scope="col">${l10n.t('Verdict')}</th>
          <th role="columnheader" scope="col">${l10n.t('Cost')}</th>
          <th role="columnheader" scope="col">${l10n.t('Reported on ImageNet')}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${effects.map((row) => effectRow(row, axis, showDetails))}
      </tbody>
      ${axis ? axisRow(axis) : nothing}
    </table>
    ${axis ? legend(axis, effects) : nothing}
  </section>`;
}

function effectRow(row: EffectRow, axis: ForestAxis | null, showDetails: boolean): TemplateResult {
  const { label, against, effect, verdictText, tone, aliases, cost, paper } = row;
  const details = [...row.estimates, ...row.costDetails, ...row.paperDetails];
  return html`<tr role="row" class=${tone}>
      <th role="rowheader" scope="row">
        <span class="name">${breakable(label)}</span>${against === null ? nothing : html` <small>${against}</small>`}
      </th>
      <td role="cell" class="number effect">${effect}</td>
      <td role="cell" class="plot">${axis ? plot(row.plot, axis, label) : nothing}</td>
      <td role="cell" class="verdict">
        <span class="mark" aria-hidden="true">${toneMark(tone)}</span
        ><span>${verdictText}${aliases.map((alias) => html`<small>${alias}</small>`)}</span>
      </td>
      <td role="cell" class="cost"><span class="cell-label">${l10n.t('Cost')}</span>${parts(cost)}</td>
      <td role="cell" class="paper"><span class="cell-label">${l10n.t('ImageNet')}</span>${parts(paper)}</td>
    </tr>
    ${
      showDetails && details.length > 0
        ? html`<tr role="row" class="details">
            <td role="cell" colspan="6">
              <ul>
                ${details.map((detail) => html`<li>${detail}</li>`)}
              </ul>
            </td>
          </tr>`
        : nothing
    }`;
}

/** Splits a list of figures, so that lines break only between them. */
function parts(list: string): TemplateResult[] {
  const all = list.split(', ');
  return all.map(
    (part, index) => html`<span class="part">${part}${index < all.length - 1 ? ',' : ''}</span> `,
  );
}

/** Returns a symbol for a verdict, so that it does not depend on color. */
function toneMark(tone: EffectRow['tone']): string {
  switch (tone) {
    case 'good':
      return '▲';
    case 'bad':
      return '▼';
    case 'small':
      return '≈';
    case 'open':
      return '?';
  }
}

/** A row of the plot. Positions are percentages, so that the plot fills its column. */
function plot(mark: ForestMark | null, axis: ForestAxis, label: string): TemplateResult {
  return html`<svg role="img" aria-label=${mark?.text ?? l10n.t('{0}: no estimate', label)}>
    ${background(axis)} ${mark ? interval(mark, axis) : nothing}
  </svg>`;
}

function background(axis: ForestAxis): TemplateResult<2> {
  const [left, right] = [-axis.smallest, axis.smallest].map((value) => at(value, axis));
  return svg`<rect class="band" x="${left}%" y="0" width="${right! - left!}%" height="100%"></rect>
    ${axis.ticks.map(
      ({ value }) =>
        svg`<line class=${value === 0 ? 'zero' : 'grid'} x1="${at(value, axis)}%" x2="${at(value, axis)}%" y1="0" y2="100%"></line>`,
    )}`;
}

function interval({ value, low, high, inner }: ForestMark, axis: ForestAxis): TemplateResult<2> {
  const cap = (end: number) =>
    svg`<svg class="cap" aria-hidden="true" x="${at(end, axis)}%" y="50%" overflow="visible"><line y1="-4" y2="4"></line></svg>`;
  return svg`
    <line class="outer" x1="${at(low, axis)}%" x2="${at(high, axis)}%" y1="50%" y2="50%"></line>
    ${low < high ? svg`${cap(low)}${cap(high)}` : nothing}
    ${inner ? svg`<line class="inner" x1="${at(inner.low, axis)}%" x2="${at(inner.high, axis)}%" y1="50%" y2="50%"></line>` : nothing}
    <circle class="point" cx="${at(value, axis)}%" cy="50%" r="4.5"></circle>`;
}

/** The axis below the plot. Hidden from screen readers, because the table has its values as numbers. */
function axisRow(axis: ForestAxis): TemplateResult {
  return html`<tbody aria-hidden="true" class="axis">
    <tr>
      <td></td>
      <td></td>
      <td class="plot">
        <svg>
          ${axis.ticks.map(
            ({ value, text }) =>
              svg`<text x="${at(value, axis)}%" y="12" text-anchor="middle">${text}</text>`,
          )}
        </svg>
      </td>
      <td colspan="3"></td>
    </tr>
  </tbody>`;
}

function directions(axis: ForestAxis): TemplateResult {
  const [left, right] = axis.higherIsBetter
    ? [l10n.t('hurts'), l10n.t('helps')]
    : [l10n.t('helps'), l10n.t('hurts')];
  return html`<svg class="directions" aria-hidden="true">
    <svg x="${at(0, axis)}%" overflow="visible">
      <text x="-8" y="12" text-anchor="end">← ${left}</text>
      <text x="8" y="12">${right} →</text>
    </svg>
  </svg>`;
}

function legend(axis: ForestAxis, effects: readonly EffectRow[]): TemplateResult {
  const hasInner = effects.some((row) => row.plot?.inner);
  return html`<ul class="legend">
    <li><i class="key band" aria-hidden="true"></i>${axis.smallestText}</li>
    <li>
      <i class="key outer" aria-hidden="true"></i>${
        hasInner ? l10n.t('95% interval on new images like these') : l10n.t('95% interval')
      }
    </li>
    ${hasInner ? html`<li><i class="key inner" aria-hidden="true"></i>${l10n.t('on these images')}</li>` : nothing}
  </ul>`;
}

/** Returns the position of a value in percent of the plot's width. The ends leave room for the tick labels. */
function at(value: number, { low, high }: ForestAxis): number {
  return Number((5 + (90 * (value - low)) / (high - low)).toFixed(3));
}
