import * as l10n from '@vscode/l10n';
import {
  type CartesianScaleOptions,
  Chart,
  type ChartDataset,
  Decimation,
  Interaction,
  type InteractionItem,
  type InteractionModeFunction,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  type TooltipItem,
} from 'chart.js';
import zoomPlugin from 'chartjs-plugin-zoom';
import { html, render } from 'lit';
import { assertNever } from '../src/shared/assertNever';
import { formatCount, LOCALE } from '../src/shared/format';
import type { ChartContent, Curve } from './curves';
import { formatStepTick } from './format';
import type { Point, ShownRun } from './model';
import { isNarrower, MIN_RANGE_STEPS, type Range } from './range';
import { type ChartTheme, faint } from './theme';
import { type PointedAt, tooltipLabel, tooltipTitle } from './tooltip';

declare module 'chart.js' {
  interface InteractionModeMap {
    nearestOfEach: InteractionModeFunction;
  }
}

/** Selects the nearest point in x of every curve, because the curves have points at different steps. */
const nearestOfEach: InteractionModeFunction = (chart, event) => {
  const { x } = event;
  if (x === null) return [];
  return chart.getSortedVisibleDatasetMetas().flatMap(({ index: datasetIndex, data }) => {
    let nearest: InteractionItem | null = null;
    for (const [index, element] of data.entries()) {
      if (nearest && Math.abs(element.x - x) >= Math.abs(nearest.element.x - x)) continue;
      nearest = { element, datasetIndex, index };
    }
    return nearest ? [nearest] : [];
  });
};

Interaction.modes.nearestOfEach = nearestOfEach;
Chart.register(LineController, LineElement, PointElement, LinearScale, Decimation, Tooltip, zoomPlugin);

/** A curve with more than twice this many visible points is decimated to this number. */
const DRAWN_POINTS = 500;

type LineChart = Chart<'line', Point[]>;
type LineDataset = ChartDataset<'line', Point[]>;

/**
 * One chart with its title and legend. The summary is the accessible name of its canvas. The attribute `data-drawn`
 * holds the number of points drawn for the curves, after decimation.
 */
export class ChartPanel {
  readonly element: HTMLElement;
  private readonly caption: HTMLElement;
  private readonly note: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly chart: LineChart;
  private content: ChartContent;
  private shown: ShownRun;

  /** @param onRange called with the visible steps when a person zooms or pans */
  constructor(shown: ShownRun, content: ChartContent, theme: ChartTheme, onRange: (range: Range) => void) {
    this.shown = shown;
    this.content = content;
    this.caption = document.createElement('figcaption');
    this.canvas = document.createElement('canvas');
    this.canvas.setAttribute('role', 'img');
    const plot = document.createElement('div');
    plot.className = 'plot';
    plot.append(this.canvas);
    this.element = document.createElement('figure');
    this.element.className = `chart ${content.id}`;
    this.element.tabIndex = 0;
    this.element.setAttribute('aria-label', content.title);
    this.element.setAttribute('aria-describedby', 'chart-keys');
    this.note = document.createElement('p');
    this.note.className = 'note';
    this.element.append(this.caption, plot, this.note);
    this.chart = this.createChart(onRange);
    this.applyTheme(theme);
  }

  /** Draws the current state of a run, with `range` of `full` in view. */
  update(shown: ShownRun, content: ChartContent, range: Range, full: Range): void {
    this.shown = shown;
    this.content = content;
    const { options, data } = this.chart;
    const isZoomed = isNarrower(range, full);
    for (const [index, { points }] of content.curves.entries()) {
      Object.assign(data.datasets[index]!, { data: points, clip: isZoomed ? 0 : MARK_CLIP });
    }
    Object.assign(options.scales!.x!, range);
    axisTitle(this.chart).text = this.stepAxisTitle();
    Object.assign(options.plugins!.zoom!.limits!.x!, full);
    this.chart.update('none');
    this.canvas.setAttribute('aria-label', isZoomed ? summaryOf(content, range) : content.summary);
    this.canvas.dataset.drawn = String(drawnPoints(this.chart));
    this.note.textContent = content.note;
    this.note.hidden = content.note === null;
    render(caption(content), this.caption);
  }

  applyTheme(theme: ChartTheme): void {
    const { options, data } = this.chart;
    for (const [index, curve] of this.content.curves.entries()) {
      Object.assign(data.datasets[index]!, appearance(curve, theme));
    }
    const font = { family: theme.fontFamily, size: 11 };
    for (const scale of [options.scales!.x!, options.scales!.y!]) {
      Object.assign(scale.ticks!, { color: theme.text, font });
      Object.assign(scale.grid!, { color: theme.grid });
      Object.assign(scale.border!, { color: theme.grid });
    }
    Object.assign(axisTitle(this.chart), { color: theme.text, font });
    Object.assign(options.plugins!.tooltip!, {
      backgroundColor: theme.tooltipBackground,
      titleColor: theme.tooltipText,
      bodyColor: theme.tooltipText,
      borderColor: theme.tooltipBorder,
      titleFont: { ...font, weight: 'bold' },
      bodyFont: font,
    });
    Object.assign(options.plugins!.zoom!.zoom!.drag!, {
      backgroundColor: faint(theme.curves.training, 0.15),
      borderColor: theme.curves.training,
    });
    // With mode 'none', chart.js would keep drawing points with their old options.
    this.chart.update();
  }

  private createChart(onRange: (range: Range) => void): LineChart {
    const tellRange = ({ chart }: { chart: Chart }) => {
      const { min, max } = chart.scales.x!;
      onRange({ min, max });
    };
    return new Chart<'line', Point[]>(this.canvas, {
      type: 'line',
      data: { datasets: this.content.curves.map(({ label }): LineDataset => ({ label, data: [] })) },
      options: {
        locale: LOCALE,
        animation: false,
        transitions: { zoom: { animation: { duration: 0 } } },
        responsive: true,
        maintainAspectRatio: false,
        parsing: false,
        normalized: true,
        interaction: { mode: 'nearestOfEach', intersect: false },
        scales: {
          x: {
            type: 'linear',
            title: { display: true, text: this.stepAxisTitle() },
            grid: { display: false },
            border: {},
            ticks: {
              maxRotation: 0,
              autoSkipPadding: 16,
              precision: 0,
              includeBounds: false,
              callback: (value) => formatStepTick(Number(value)),
            },
          },
          y: {
            type: 'linear',
            afterDataLimits: (scale) => pad(scale, this.content.limits),
            grid: { drawTicks: false },
            border: { display: false },
            ticks: {
              maxTicksLimit: 6,
              padding: 6,
              format: this.content.ticks,
            },
          },
        },
        plugins: {
          decimation: {
            enabled: true,
            algorithm: 'lttb',
            samples: DRAWN_POINTS,
            threshold: 2 * DRAWN_POINTS,
          },
          tooltip: {
            borderWidth: 1,
            cornerRadius: 3,
            usePointStyle: true,
            boxPadding: 4,
            itemSort: (a, b) => a.datasetIndex - b.datasetIndex,
            filter: ({ datasetIndex }) => {
              const look = this.content.curves[datasetIndex]?.look;
              return look !== 'plan' && look !== 'best';
            },
            callbacks: {
              title: (items) =>
                tooltipTitle(
                  this.shown,
                  items.map((item) => this.pointedAt(item)),
                ),
              label: (item) => tooltipLabel(this.shown, this.content, this.pointedAt(item)),
            },
          },
          zoom: {
            limits: { x: { min: 0, max: 1, minRange: MIN_RANGE_STEPS } },
            zoom: {
              mode: 'x',
              wheel: { enabled: true, modifierKey: 'ctrl' },
              pinch: { enabled: true },
              drag: { enabled: true, borderWidth: 1 },
              onZoom: tellRange,
            },
            pan: { enabled: true, mode: 'x', modifierKey: 'shift', onPan: tellRange },
          },
        },
      },
    });
  }

  private stepAxisTitle(): string {
    const { stepsPerEpoch } = this.shown.history.length;
    return stepsPerEpoch === null
      ? l10n.t('Step')
      : l10n.t('Step ({0} per epoch)', formatCount(stepsPerEpoch));
  }

  private pointedAt({ datasetIndex, parsed }: TooltipItem<'line'>): PointedAt {
    return { curve: this.content.curves[datasetIndex]!, x: parsed.x ?? 0, y: parsed.y ?? 0 };
  }
}

/** Adds room above and below the curves, within the limits of the values. */
function pad(scale: { min: number; max: number }, limits: ChartContent['limits']): void {
  const room = (scale.max - scale.min) / 20;
  scale.min = Math.max(limits.min, scale.min - room);
  scale.max = Math.min(limits.max, scale.max + room);
}

/** Returns the title of the x axis. chart.js's types only have titles on Cartesian scales. */
function axisTitle(chart: LineChart): { text?: string | string[] } {
  return (chart.options.scales!.x as CartesianScaleOptions).title;
}

function drawnPoints(chart: LineChart): number {
  return chart.getSortedVisibleDatasetMetas().reduce((sum, { data }) => sum + data.length, 0);
}

/** Pixels beyond the plot within which marks on its edge are not clipped. */
const MARK_CLIP = 10;

function summaryOf({ summary }: ChartContent, { min, max }: Range): string {
  return l10n.t('{0} Steps {1} to {2} in view.', summary, formatCount(min), formatCount(max));
}

/** Returns chart.js options for a curve. */
function appearance({ look, color }: Curve, theme: ChartTheme): Partial<LineDataset> {
  const full = theme.curves[color];
  const pointStyle = color === 'validation' ? 'rectRot' : 'circle';
  const line = { borderColor: full, backgroundColor: full, borderWidth: 2, pointStyle } as const;
  switch (look) {
    case 'raw': {
      const paint = faint(full, 0.5);
      return {
        showLine: false,
        backgroundColor: paint,
        borderColor: paint,
        pointRadius: 1.5,
        pointBorderWidth: 0,
        pointHoverRadius: 3,
        order: 3,
      };
    }
    case 'line':
      // Interpolation avoids chart.js's fast path, which draws a slope with one point per pixel as stairs.
      return { ...line, cubicInterpolationMode: 'monotone', pointRadius: 0, pointHoverRadius: 4, order: 2 };
    case 'plan':
      return {
        ...line,
        borderColor: faint(full, 0.8),
        borderWidth: 1,
        borderDash: [4, 4],
        pointRadius: 0,
        pointHoverRadius: 0,
        order: 3,
      };
    case 'epochs':
      return { ...line, pointRadius: 4, pointHoverRadius: 6, order: 1 };
    case 'best':
      return {
        borderColor: full,
        backgroundColor: 'transparent',
        pointStyle: 'circle',
        pointRadius: 8,
        pointHoverRadius: 8,
        pointBorderWidth: 2,
        showLine: false,
        order: 0,
      };
    default:
      return assertNever(look);
  }
}

function caption({ title, curves }: ChartContent) {
  return html`
    <h2>${title}</h2>
    <ul class="legend">
      ${curves
        .filter(({ latest }) => latest !== null)
        .map(
          ({ label, look, color, latest }) => html`
            <li><span class="key ${look} ${color}"></span>${label} <strong>${latest}</strong></li>`,
        )}
    </ul>`;
}
