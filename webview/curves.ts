import * as l10n from '@vscode/l10n';
import type { EpochEvent } from '../src/protocol/standing';
import { isCommandRecipe, networkRecipe, recipeFacts } from '../src/recipe/anyRecipe';
import { learningRateAt, type Schedule } from '../src/recipe/schedule';
import { trainingAccuracyNote, trainingLossNote } from '../src/recipe/trainingConditions';
import { counted } from '../src/shared/counted';
import { formatAccuracy } from '../src/shared/format';
import { formatLearningRate, formatLoss } from './format';
import type { Point, ShownRun } from './model';

/** Style of a curve: faint points, a line, a faint dashed line, a line with a mark at each epoch, a ring. */
export type Look = 'raw' | 'line' | 'plan' | 'epochs' | 'best';

/** Names of colors that the stylesheet defines as `--curve-<name>`. */
export type CurveColor = 'training' | 'validation' | 'rate' | 'best';

export interface Curve {
  readonly label: string;
  readonly look: Look;
  readonly color: CurveColor;
  readonly points: readonly Point[];
  /** The latest value as text for the legend. A curve without one is not in the legend. */
  readonly latest: string | null;
}

/** One chart, ready to draw. The number and kinds of its curves do not change during a run. */
export interface ChartContent {
  readonly id: 'loss' | 'learning-rate' | 'accuracy';
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Description of the chart in words. */
  readonly summary: string;
  /** A hint needed to compare the curves, null if there is none. */
  readonly note: string | null;
  formatValue(value: number): string;
  /** Format of the axis ticks. */
  readonly ticks: Intl.NumberFormatOptions;
  /** Limits of the possible values. The axis does not extend beyond them. */
  readonly limits: { readonly min: number; readonly max: number };
}

/** Returns the three charts of a run, the most important first. */
export function chartsOf(shown: ShownRun): ChartContent[] {
  return [accuracyChart(shown), lossChart(shown), learningRateChart(shown)];
}

function lossChart({ run, history }: ShownRun): ChartContent {
  const { loss, smoothedLoss, epochs } = history;
  const training = latest(smoothedLoss, formatLoss);
  const validation = byEpoch(epochs, ({ validationLoss }) => validationLoss);
  const last = epochs.at(-1);
  return {
    id: 'loss',
    title: l10n.t('Loss'),
    curves: [
      { label: l10n.t('Training, each step'), look: 'raw', color: 'training', points: loss, latest: null },
      {
        label: l10n.t('Training, smoothed'),
        look: 'line',
        color: 'training',
        points: smoothedLoss,
        latest: training ?? '',
      },
      {
        label: l10n.t('Validation'),
        look: 'epochs',
        color: 'validation',
        points: validation,
        latest: latest(validation, formatLoss) ?? '',
      },
    ],
    summary: sentences(
      l10n.t('Loss over {0}', counted(loss.length, 'step')),
      training && l10n.t('training {0} (smoothed)', training),
      last?.validationLoss !== undefined &&
        l10n.t('validation {0} at epoch {1}', formatLoss(last.validationLoss), last.epoch + 1),
    ),
    note: isCommandRecipe(run.recipe) ? null : trainingLossNote(run.recipe),
    formatValue: formatLoss,
    ticks: {},
    limits: { min: 0, max: Number.POSITIVE_INFINITY },
  };
}

function learningRateChart({ run, history }: ShownRun): ChartContent {
  const { learningRate } = history;
  const rate = latest(learningRate, formatLearningRate);
  const schedule = networkRecipe(run.recipe)?.schedule ?? null;
  return {
    id: 'learning-rate',
    title: l10n.t('Learning rate'),
    curves: [
      ...(schedule ? [plannedCurve(schedule)] : []),
      { label: l10n.t('Used'), look: 'line', color: 'rate', points: learningRate, latest: rate ?? '' },
    ],
    summary: sentences(
      l10n.t('Learning rate over {0}', counted(learningRate.length, 'step')),
      rate && l10n.t('now {0}', rate),
      schedule && l10n.t('peak {0}', formatLearningRate(schedule.peakLearningRate)),
    ),
    note: null,
    formatValue: formatLearningRate,
    ticks: {},
    limits: { min: 0, max: Number.POSITIVE_INFINITY },
  };
}

function plannedCurve(schedule: Schedule): Curve {
  return {
    label: l10n.t('Planned'),
    look: 'plan',
    color: 'rate',
    points: plannedRate(schedule),
    latest: '',
  };
}

function accuracyChart({ run, history }: ShownRun): ChartContent {
  const { trainImages, validationImages } = recipeFacts(run.recipe);
  const trainText = (share: number | undefined) => formatAccuracy(share, trainImages);
  const validationText = (share: number | undefined) => formatAccuracy(share, validationImages);
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
        color: 'training',
        points: training,
        latest: latest(training, trainText) ?? '',
      },
      {
        label: l10n.t('Validation'),
        look: 'epochs',
        color: 'validation',
        points: validation,
        latest: latest(validation, validationText) ?? '',
      },
      {
        label: l10n.t('Best'),
        look: 'best',
        color: 'best',
        points: best ? byEpoch([best], ({ validationAccuracy }) => validationAccuracy) : [],
        latest: best ? validationText(best.validationAccuracy) : '',
      },
    ],
    summary: sentences(
      l10n.t('Accuracy over {0}', counted(epochs.length, 'epoch')),
      last && l10n.t('training {0}', trainText(last.trainAccuracy)),
      last && l10n.t('validation {0}', validationText(last.validationAccuracy)),
      best && l10n.t('best {0} at epoch {1}', validationText(best.validationAccuracy), best.epoch + 1),
    ),
    note: isCommandRecipe(run.recipe) ? null : trainingAccuracyNote(run.recipe),
    formatValue: validationText,
    ticks: { style: 'percent', minimumFractionDigits: 0, maximumFractionDigits: 1 },
    limits: { min: 0, max: 1 },
  };
}

/** More points would not look different. */
const MAX_PLAN_POINTS = 2000;
const plans = new WeakMap<Schedule, Point[]>();

/** Returns the planned learning rate over the whole training. */
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

function byEpoch(epochs: readonly EpochEvent[], value: (epoch: EpochEvent) => number | undefined): Point[] {
  return epochs.flatMap((epoch) => {
    const y = value(epoch);
    return y === undefined ? [] : [{ x: epoch.step, y }];
  });
}

function latest(points: readonly Point[], format: (value: number) => string): string | null {
  const last = points.at(-1);
  return last ? format(last.y) : null;
}

/** Joins the parts that are present. */
function sentences(...parts: readonly (string | null | undefined | false)[]): string {
  return `${parts.filter(Boolean).join('; ')}.`;
}
