import * as l10n from '@vscode/l10n';
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { InteractionPlot, StudyView } from '../../src/protocol/studyView';

/** Size of the drawing, which scales to the available width. */
const [WIDTH, HEIGHT] = [420, 220];
const PLOT = { left: 56, right: 250, top: 14, bottom: 184 };

/** The interactions in words, and the plot of the selected pair. */
export function interactionSection(
  { text, shown, pairs }: StudyView['interactions'],
  chosen: string | null,
  choose: (label: string) => void,
): TemplateResult | typeof nothing {
  if (text === '') return nothing;
  const pair = pairs.find(({ label }) => label === chosen) ?? pairs[0];
  return html`<section class="interactions">
    <h2>${l10n.t('Interactions')}</h2>
    <p>${text}</p>
    ${shown.length === 0 ? nothing : html`<ul class="found">${shown.map((words) => html`<li class="found-one">${words}</li>`)}</ul>`}
    ${pair ? plotOf(pair, pairs, choose) : nothing}
  </section>`;
}

function plotOf(
  pair: InteractionPlot,
  pairs: readonly InteractionPlot[],
  choose: (label: string) => void,
): TemplateResult {
  return html`<div class="pair">
    <label for="pair">${l10n.t('Pair')}</label>
    <select id="pair" @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
      ${pairs.map(
        ({ label, isShown }) => html`<option value=${label} .selected=${label === pair.label}>
          ${isShown ? l10n.t('{0} (interaction)', label) : label}
        </option>`,
      )}
    </select>
    <p class="quiet">${l10n.t('Interaction {0}', pair.estimate)}</p>
    <div class="plot-and-table">${drawing(pair)} ${valueTable(pair)}</div>
  </div>`;
}

function drawing(pair: InteractionPlot): TemplateResult {
  const { ticks, first, second, values, text } = pair;
  const [low, high] = [ticks[0]!.value, ticks.at(-1)!.value];
  const y = (value: number) =>
    Number((PLOT.bottom - ((value - low) / (high - low)) * (PLOT.bottom - PLOT.top)).toFixed(2));
  const x = [PLOT.left + 40, PLOT.right - 20] as const;
  const ends = labelPlaces(values.map(([, end]) => y(end)));
  return html`<svg
    class="interaction"
    role="img"
    aria-label=${l10n.t('Interaction of {0}: {1}', pair.label, text)}
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
  >
    ${ticks.map(
      (
        tick,
      ) => svg`<line class=${tick.value === 0 ? 'zero' : 'grid'} x1=${PLOT.left} x2=${PLOT.right} y1=${y(tick.value)} y2=${y(tick.value)}></line>
        <text x=${PLOT.left - 8} y=${y(tick.value) + 4} text-anchor="end">${tick.text}</text>`,
    )}
    ${first.map((name, side) => svg`<text x=${x[side]!} y=${PLOT.bottom + 22} text-anchor="middle">${name}</text>`)}
    ${values.map(
      ([start, end], line) => svg`<g class="line-${line}">
        <line x1=${x[0]} x2=${x[1]} y1=${y(start)} y2=${y(end)}></line>
        ${[start, end].map((value, side) => marker(line, x[side]!, y(value)))}
        <text class="line-name" x=${x[1] + 30} y=${ends[line]! + 4}>${second[line]}</text>
        <line class="leader" x1=${x[1] + 8} x2=${x[1] + 26} y1=${y(end)} y2=${ends[line]!}></line>
      </g>`,
    )}
  </svg>`;
}

/** The two lines differ in marks and dashes, not only in color. */
function marker(line: number, x: number, y: number): TemplateResult<2> {
  return line === 0
    ? svg`<circle cx=${x} cy=${y} r="4.5"></circle>`
    : svg`<path d="M${x} ${y - 6}l6 6-6 6-6-6z"></path>`;
}

/** Returns the vertical positions of the line labels, separated if the lines end close together. */
function labelPlaces(ends: readonly number[]): number[] {
  const [one = 0, other = 0] = ends;
  const missing = 18 - Math.abs(one - other);
  if (missing <= 0) return [one, other];
  const push = missing / 2;
  return one <= other ? [one - push, other + push] : [one + push, other - push];
}

/** The plot's values as a table, for readers who prefer numbers. */
function valueTable({ first, second, texts }: InteractionPlot): TemplateResult {
  return html`<table class="pair-values">
    <caption>
      ${l10n.t('Gain over having neither')}
    </caption>
    <thead>
      <tr>
        <td></td>
        ${first.map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${texts.map(
        (row, line) => html`<tr>
          <th scope="row">${second[line as 0 | 1]}</th>
          ${row.map((value) => html`<td>${value}</td>`)}
        </tr>`,
      )}
    </tbody>
  </table>`;
}
