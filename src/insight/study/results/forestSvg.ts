// A forest plot as a standalone SVG, for documents.
import * as l10n from '@vscode/l10n';
import type { EffectRow, ForestAxis, StudyView } from '../../../protocol/studyView';

const ROW = 30;
const TOP = 56;
const PLOT = 400;
const PADDING = 16;
const GAP = 24;
/**
 * Estimated width of a character at 13 pixels, bold letters included. The actual font depends on the document that
 * shows the SVG.
 */
const CHARACTER = 7.6;

/** Grays and hues that are legible on white and on black. Viewers that support color schemes use their own. */
const STYLE = `
  text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #57606a; font-variant-numeric: tabular-nums; }
  .label { fill: #24292f; font-weight: 600; }
  .small { font-size: 11px; }
  .band { fill: #8c959f; fill-opacity: 0.18; }
  .grid { stroke: #8c959f; stroke-opacity: 0.3; }
  .zero { stroke: #8c959f; }
  .outer { stroke-width: 2; }
  .inner { stroke-width: 6; }
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

/** Start of each column of a plot, computed from its texts. */
interface Columns {
  readonly plot: number;
  readonly effect: number;
  readonly verdict: number;
  readonly width: number;
}

function columnsOf(effects: readonly EffectRow[], heading: string): Columns {
  const widest = (texts: readonly string[]) => CHARACTER * Math.max(...texts.map((words) => words.length));
  const plot = PADDING + widest(effects.map(({ label }) => label)) + GAP;
  const effect = plot + PLOT + GAP;
  const verdict = effect + widest(effects.map((row) => row.effect)) + GAP;
  const right = verdict + widest(effects.map(({ verdictText }) => verdictText));
  return { plot, effect, verdict, width: Math.max(right, effect + widest([heading])) + PADDING };
}

/** Returns the forest plot of a study with its numbers, as a complete SVG document. Empty without estimates. */
export function forestSvg(view: Pick<StudyView, 'name' | 'effects' | 'axis' | 'headings'>): string {
  const { name, effects, axis, headings } = view;
  if (!axis) return '';
  const columns = columnsOf(effects, headings.effect);
  const x = (value: number) => columns.plot + ((value - axis.low) / (axis.high - axis.low)) * PLOT;
  const bottom = TOP + ROW * effects.length;
  const notes = [
    axis.unit,
    l10n.t('Gray band: {0}', axis.smallestText),
    ...(effects.some(({ plot }) => plot?.inner)
      ? [l10n.t('Thin: 95% interval on new images like these; thick: on these images')]
      : []),
  ];
  const [width, height] = [round(columns.width), bottom + 28 + 18 * notes.length];
  const marks = effects.flatMap(({ plot }) => (plot ? [plot.text] : []));
  const middle = columns.plot + PLOT / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeXml(l10n.t('Forest plot of {0}', name))}</title>`,
    `<desc id="description">${escapeXml(marks.join('; '))}</desc>`,
    `<style>${STYLE}\n</style>`,
    rect('band', x(-axis.smallest), TOP, x(axis.smallest) - x(-axis.smallest), bottom - TOP),
    ...axis.ticks.map(({ value }) => line(value === 0 ? 'zero' : 'grid', x(value), TOP, x(value), bottom)),
    ...directionTexts(axis, x(0)),
    text('small', columns.effect, TOP - 12, 'start', headings.effect),
    ...effects.flatMap((row, index) => rowParts(row, columns, x, TOP + ROW * (index + 0.5))),
    ...axis.ticks.map((tick) => text('small', x(tick.value), bottom + 16, 'middle', tick.text)),
    ...notes.map((note, index) => text('small', middle, bottom + 34 + 18 * index, 'middle', note)),
    '</svg>',
    '',
  ].join('\n');
}

function rowParts(row: EffectRow, columns: Columns, x: (value: number) => number, y: number): string[] {
  const { label, effect, verdictText, tone, plot } = row;
  const name = toneClass(tone);
  return [
    text('label', PADDING, y + 4, 'start', label),
    ...(plot
      ? [
          line(`${name} outer`, x(plot.low), y, x(plot.high), y),
          ...(plot.inner ? [line(`${name} inner`, x(plot.inner.low), y, x(plot.inner.high), y)] : []),
          `<circle class="${name}" cx="${round(x(plot.value))}" cy="${round(y)}" r="5"/>`,
        ]
      : []),
    text('', columns.effect, y + 4, 'start', effect),
    text('', columns.verdict, y + 4, 'start', verdictText),
  ];
}

function directionTexts({ higherIsBetter }: ForestAxis, zero: number): string[] {
  const [left, right] = higherIsBetter
    ? [l10n.t('hurts'), l10n.t('helps')]
    : [l10n.t('helps'), l10n.t('hurts')];
  return [
    text('small', zero - 10, TOP - 12, 'end', `← ${left}`),
    text('small', zero + 10, TOP - 12, 'start', `${right} →`),
  ];
}

function toneClass(tone: EffectRow['tone']): string {
  return tone === 'small' ? 'small-effect' : tone;
}

function rect(name: string, left: number, top: number, width: number, height: number): string {
  return `<rect class="${name}" x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}"/>`;
}

function line(name: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${name}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
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
