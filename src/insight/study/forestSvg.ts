// A forest plot as a picture of its own, for documents.
import * as l10n from '@vscode/l10n';
import type { EffectRow, ForestAxis, StudyView } from '../../protocol/studyView';

const ROW = 30;
const TOP = 56;
const LABEL = 190;
const PLOT = 400;
const TEXT = 330;
const PADDING = 16;
const WIDTH = PADDING + LABEL + PLOT + TEXT + PADDING;

/** Greys and hues that are legible on white and on black; the medium decides by its own scheme where it can. */
const STYLE = `
  text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #57606a; font-variant-numeric: tabular-nums; }
  .label { fill: #24292f; font-weight: 600; }
  .small { font-size: 11px; }
  .band { fill: #8c959f; fill-opacity: 0.18; }
  .grid { stroke: #8c959f; stroke-opacity: 0.3; }
  .zero { stroke: #8c959f; }
  .good { stroke: #2da44e; fill: #2da44e; }
  .bad { stroke: #cf222e; fill: #cf222e; }
  .small-effect, .open { stroke: #6e7781; fill: #6e7781; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .label { fill: #f0f6fc; }
    .good { stroke: #3fb950; fill: #3fb950; }
    .bad { stroke: #f85149; fill: #f85149; }
    .small-effect, .open { stroke: #9198a1; fill: #9198a1; }
  }`;

/** The forest plot of a study with its numbers, as a whole SVG document; empty without any estimate. */
export function forestSvg(view: Pick<StudyView, 'name' | 'effects' | 'axis' | 'headings'>): string {
  const { name, effects, axis, headings } = view;
  if (!axis) return '';
  const bottom = TOP + ROW * effects.length;
  const height = bottom + 64;
  const title = l10n.t('Forest plot of {0}', name);
  const marks = effects.flatMap(({ plot }) => (plot ? [plot.text] : []));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="description">${escapeXml(marks.join('; '))}</desc>`,
    `<style>${STYLE}\n</style>`,
    rect(
      'band',
      x(-axis.smallest, axis),
      TOP,
      x(axis.smallest, axis) - x(-axis.smallest, axis),
      bottom - TOP,
    ),
    ...axis.ticks.map(({ value }) => {
      return line(value === 0 ? 'zero' : 'grid', x(value, axis), TOP, x(value, axis), bottom);
    }),
    ...directionTexts(axis),
    text('small', PADDING + LABEL + PLOT + 24, TOP - 12, 'start', headings.effect),
    ...effects.flatMap((row, index) => rowParts(row, axis, TOP + ROW * (index + 0.5))),
    ...axis.ticks.map((tick) => text('small', x(tick.value, axis), bottom + 16, 'middle', tick.text)),
    text('small', x((axis.low + axis.high) / 2, axis), bottom + 34, 'middle', axis.unit),
    text(
      'small',
      x((axis.low + axis.high) / 2, axis),
      bottom + 52,
      'middle',
      l10n.t('Grey band: {0}', axis.smallestText),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function rowParts(row: EffectRow, axis: ForestAxis, y: number): string[] {
  const { label, effect, verdictText, tone, plot } = row;
  const side = PADDING + LABEL + PLOT + 24;
  return [
    text('label', PADDING, y + 4, 'start', label),
    ...(plot
      ? [
          line(`${toneClass(tone)}" stroke-width="2`, x(plot.low, axis), y, x(plot.high, axis), y),
          ...(plot.inner
            ? [
                line(
                  `${toneClass(tone)}" stroke-width="6`,
                  x(plot.inner.low, axis),
                  y,
                  x(plot.inner.high, axis),
                  y,
                ),
              ]
            : []),
          `<circle class="${toneClass(tone)}" cx="${round(x(plot.value, axis))}" cy="${round(y)}" r="5"/>`,
        ]
      : []),
    text('', side, y + 4, 'start', effect),
    text('', side + 116, y + 4, 'start', verdictText),
  ];
}

function directionTexts(axis: ForestAxis): string[] {
  const [left, right] = axis.higherIsBetter
    ? [l10n.t('hurts'), l10n.t('helps')]
    : [l10n.t('helps'), l10n.t('hurts')];
  return [
    text('small', x(0, axis) - 10, TOP - 12, 'end', `← ${left}`),
    text('small', x(0, axis) + 10, TOP - 12, 'start', `${right} →`),
  ];
}

function toneClass(tone: EffectRow['tone']): string {
  return tone === 'small' ? 'small-effect' : tone;
}

function x(value: number, { low, high }: ForestAxis): number {
  return PADDING + LABEL + ((value - low) / (high - low)) * PLOT;
}

function rect(name: string, left: number, top: number, width: number, height: number): string {
  return `<rect class="${name}" x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}"/>`;
}

function line(attributes: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${attributes}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(
  name: string,
  left: number,
  top: number,
  anchor: 'start' | 'middle' | 'end',
  content: string,
): string {
  const given = name === '' ? '' : ` class="${name}"`;
  return `<text${given} x="${round(left)}" y="${round(top)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
