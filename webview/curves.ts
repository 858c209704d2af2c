import * as l10n from '@vscode/l10n';
import type { EpochEvent } from '../src/protocol/standing';
import { learningRateAt, type Schedule } from '../src/recipe/schedule';
import { formatCount, formatPercent } from '../src/shared/format';
import { formatLearningRate, formatLoss } from './format';
import type { Point, ShownRun } from './model';

/** How a curve is drawn: faint points, a line, a faint dashed line, a line with a mark at each epoch, a ring. */
export type Look = 'raw' | 'line' | 'plan' | 'epochs' | 'best';

/** Names of colours that the stylesheet defines as `--curve-<name>`. */
export type CurveColour = 'training' | 'validation' | 'rate' | 'best';

export interface Curve {
  readonly label: string;
  readonly look: Look;
  readonly colour: CurveColour;
  readonly points: readonly Point[];
  /** The latest value as text for the legend; a curve without one is not in the legend. */
  readonly latest: string | null;
}

/** One chart, ready to be drawn. Its curves are the same in number and kind at every moment of a run. */
export interface ChartContent {
  readonly id: 'loss' | 'learning-rate' | 'accuracy';
  readonly title: string;
  readonly curves: readonly Curve[];
  /** What the chart shows, in words. */
  readonly summary: string;
  formatValue(value: number): string;
  /** How the axis writes its ticks. */
  readonly ticks: Intl.NumberFormatOptions;
  /** What a value can be at all: no axis reaches further. */
  readonly limits: { readonly min: number; readonly max: number };
}

/** The three charts of a run. */
export function chartsOf(shown: ShownRun): ChartContent[] {
  return [lossChart(shown), learningRateChart(shown), accuracyChart(shown)];
}

function lossChart({ history }: ShownRun): ChartContent {
  const { loss, smoothedLoss, epochs } = history;
  const training = latest(smoothedLoss, formatLoss);
  const validation = byEpoch(epochs, ({ validationLoss }) => validationLoss);
  const last = epochs.at(-1);
  return {
    id: 'loss',
    title: l10n.t('Loss'),
    curves: [
      { label: l10n.t('Training, each step'), look: 'raw', colour: 'training', points: loss, latest: null },
      {
        label: l10n.t('Training, smoothed'),
        look: 'line',
        colour: 'training',
        points: smoothedLoss,
        latest: training ?? '',
      },
      {
        label: l10n.t('Validation'),
        look: 'epochs',
        colour: 'validation',
        points: validation,
        latest: latest(validation, formatLoss) ?? '',
      },
    ],
    summary: sentences(
      l10n.t('Loss over {0} steps', formatCount(loss.length)),
      training && l10n.t('training {0} (smoothed)', training),
      last && l10n.t('validation {0} at epoch {1}', formatLoss(last.validationLoss), last.epoch + 1),
    ),
    formatValue: formatLoss,
    ticks: {},
    limits: { min: 0, max: Number.POSITIVE_INFINITY },
  };
}

function learningRateChart({ run, history }: ShownRun): ChartContent {
  const { learningRate } = history;
  const rate = latest(learningRate, formatLearningRate);
  const peak = formatLearningRate(run.recipe.schedule.peakLearningRate);
  return {
    id: 'learning-rate',
    title: l10n.t('Learning rate'),
    curves: [
      {
        label: l10n.t('Planned'),
        look: 'plan',
        colour: 'rate',
        points: plannedRate(run.recipe.schedule),
        latest: '',
      },
      { label: l10n.t('Used'), look: 'line', colour: 'rate', points: learningRate, latest: rate ?? '' },
    ],
    summary: sentences(
      l10n.t('Learning rate over {0} steps', formatCount(learningRate.length)),
      rate && l10n.t('now {0}', rate),
      l10n.t('peak {0}', peak),
    ),
    formatValue: formatLearningRate,
    ticks: {},
    limits: { min: 0, max: Number.POSITIVE_INFINITY },
  };
}

function accuracyChart({ history }: ShownRun): ChartContent {
  const { epochs, best } = history;
  const training = byEpoch(epochs, ({ trainAccuracy }) => trainAccuracy);
  const validation = byEpoch(epochs, ({ validationAccuracy }) => validationAccuracy);
  const last = epochs.at(-1);
  return {
    id: 'accuracy',
    title: l10n.t('Accuracy'),
    curves: [
      {
        label: l10n.t('Training'),
        look: 'epochs',
        colour: 'training',
        points: training,
        latest: latest(training, formatPercent) ?? '',
      },
      {
        label: l10n.t('Validation'),
        look: 'epochs',
        colour: 'validation',
        points: validation,
        latest: latest(validation, formatPercent) ?? '',
      },
      {
        label: l10n.t('Best'),
        look: 'best',
        colour: 'best',
        points: best ? [{ x: best.step, y: best.validationAccuracy }] : [],
        latest: best ? formatPercent(best.validationAccuracy) : '',
      },
    ],
    summary: sentences(
      l10n.t('Accuracy over {0} epochs', epochs.length),
      last && l10n.t('training {0}', formatPercent(last.trainAccuracy)),
      last && l10n.t('validation {0}', formatPercent(last.validationAccuracy)),
      best && l10n.t('best {0} at epoch {1}', formatPercent(best.validationAccuracy), best.epoch + 1),
    ),
    formatValue: formatPercent,
    ticks: { style: 'percent', minimumFractionDigits: 0, maximumFractionDigits: 1 },
    limits: { min: 0, max: 1 },
  };
}

/** A plan of more points than this looks no different. */
const MAX_PLAN_POINTS = 2000;
const plans = new WeakMap<Schedule, Point[]>();

/** The rate the recipe asks for over the whole training. */
function plannedRate(schedule: Schedule): Point[] {
  const known = plans.get(schedule);
  if (known) return known;
  const every = Math.max(1, Math.ceil(schedule.totalSteps / MAX_PLAN_POINTS));
  const plan = Array.from({ length: Math.ceil(schedule.totalSteps / every) }, (_, index) => {
    const step = index * every;
    return { x: step, y: learningRateAt(schedule, step) };
  });
  plans.set(schedule, plan);
  return plan;
}

function byEpoch(epochs: readonly EpochEvent[], value: (epoch: EpochEvent) => number): Point[] {
  return epochs.map((epoch) => ({ x: epoch.step, y: value(epoch) }));
}

function latest(points: readonly Point[], format: (value: number) => string): string | null {
  const last = points.at(-1);
  return last ? format(last.y) : null;
}

/** Parts that are there, as one text. */
function sentences(...parts: readonly (string | null | undefined | false)[]): string {
  return `${parts.filter(Boolean).join('; ')}.`;
}
