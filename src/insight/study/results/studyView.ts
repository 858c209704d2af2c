// A study ready for display: all texts are formatted here, so that page, command line and report agree.
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis, StudyEffect } from '../../../protocol/study';
import type {
  EffectRow,
  ForestMark,
  RunRow,
  StudyFacts,
  StudyRunFacts,
  StudyState,
  StudyView,
} from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import type { Failure } from '../../../shared/failure';
import { formatDuration, formatNumber } from '../../../shared/format';
import { costText, paperText } from './besideEffects';
import { isSwitch, levelName, levelText } from './factorText';
import { forestAxis } from './forestAxis';
import { aliasTexts, interactionPlot, interactionsText, interactionText } from './interactionText';
import { nextSteps } from './nextSteps';
import {
  chosenOf,
  confirmationText,
  designText,
  divergenceRows,
  headingsOf,
  logErrorTexts,
  noiseText,
  noticesOf,
  outlierTexts,
  progressOf,
  stateText,
} from './studyNotes';
import {
  DASH,
  estimateText,
  intervalText,
  pText,
  type Scale,
  scaleOf,
  unitText,
  valueText,
} from './studyNumbers';
import { decidingEstimate, rowVerdict, verdictText, verdictTone } from './verdictText';

/** Returns everything that is displayed of a study. */
export function studyView(facts: StudyFacts): StudyView {
  const scale = scaleOf(facts);
  const { analysis, state, factors, metric } = facts;
  const effects = analysis?.effects.map((effect) => effectRow(effect, analysis, facts, scale)) ?? [];
  const marks = effects.flatMap(({ plot }) => (plot ? [plot] : []));
  return {
    folder: facts.folder,
    id: facts.id,
    name: facts.name,
    experiment: baseName(facts.experimentFile),
    hasStudyFile: facts.studyFile !== null,
    metric: unitText(metric),
    design: designText(facts),
    state: {
      status: state.status,
      text: stateText(state),
      failure: failureOf(state),
    },
    progress: progressOf(facts),
    notices: noticesOf(facts),
    headings: headingsOf(facts),
    effects,
    axis: forestAxis(marks, facts, scale),
    interactions: interactionsOf(facts, scale),
    noise: noiseText(analysis, scale),
    divergences: divergenceRows(facts),
    outliers: outlierTexts(facts, scale),
    logErrors: logErrorTexts(facts),
    chosen: chosenOf(facts, scale),
    confirmation: confirmationText(facts, scale),
    factors: factors.map(({ key }) => key),
    runs: runRows(facts, scale),
    steps: nextSteps(facts),
  };
}

/** Returns the failure that ended a study early. */
function failureOf(state: StudyState): Failure | null {
  switch (state.status) {
    case 'failed':
      return state.failure;
    case 'stopped':
      return state.because;
    case 'interrupted':
      return {
        what: l10n.t('The process that ran the study exited unexpectedly.'),
        remedy: l10n.t('Resume it: completed runs are kept.'),
      };
    case 'waiting':
    case 'running':
    case 'done':
      return null;
    default:
      return assertNever(state);
  }
}

function effectRow(effect: StudyEffect, analysis: StudyAnalysis, facts: StudyFacts, scale: Scale): EffectRow {
  const { factors, plan } = facts;
  const { factor, level, estimates } = effect;
  const verdict = rowVerdict(effect, analysis);
  const deciding = decidingEstimate(effect);
  const cost = costText(effect, facts, scale);
  const paper = paperText(factors, effect);
  const further = [
    estimates?.onNewImages && l10n.t('on these images: {0}', estimateText(estimates.onTheseImages, scale)),
    estimates?.withinChosen &&
      l10n.t('within the chosen set: {0}', estimateText(estimates.withinChosen, scale)),
    deciding && verdict !== 'withheld' && significanceText(effect, analysis),
  ];
  return {
    label: levelName(factors, factor, level),
    against: isSwitch(factors, factor) ? null : l10n.t('against {0}', levelText(factors, factor, 0)),
    effect: deciding ? estimateText(deciding, scale) : DASH,
    estimates: further.filter((text) => typeof text === 'string'),
    verdict,
    verdictText: verdictText(effect, analysis, scale),
    tone: verdictTone(verdict),
    // A comparison of runs that differ in one factor does not mix in interactions.
    aliases: analysis.others === 'averaged' ? aliasTexts(factor, plan.aliases, factors) : [],
    cost: cost.short,
    costDetails: cost.details,
    paper: paper.short,
    paperDetails: paper.details,
    plot: markOf(effect, levelName(factors, factor, level), scale),
  };
}

/** Formats a p-value and its threshold. At an interim look, the threshold is the level that the look may spend. */
function significanceText({ pDifferent }: StudyEffect, { look }: StudyAnalysis): string | null {
  if (pDifferent === null) return null;
  return look
    ? l10n.t('{0}, threshold {1} at this look', pText(pDifferent), formatNumber(look.levelDifferent, 2))
    : l10n.t('{0}, adjusted for the number of factors', pText(pDifferent));
}

function markOf(effect: StudyEffect, label: string, scale: Scale): ForestMark | null {
  const deciding = decidingEstimate(effect);
  if (!deciding) return null;
  const { value, halfWidth } = deciding;
  const inner = effect.estimates?.onNewImages ? effect.estimates.onTheseImages : null;
  const interval = intervalText(deciding, scale);
  return {
    value,
    low: value - (halfWidth ?? 0),
    high: value + (halfWidth ?? 0),
    inner:
      inner === null || inner.halfWidth === null
        ? null
        : { low: inner.value - inner.halfWidth, high: inner.value + inner.halfWidth },
    text:
      interval === null
        ? l10n.t('{0}: {1}, no interval', label, estimateText(deciding, scale))
        : l10n.t(
            '{0}: {1}, 95% interval {2}',
            label,
            estimateText({ ...deciding, halfWidth: null }, scale),
            interval,
          ),
  };
}

function interactionsOf({ analysis, factors, metric }: StudyFacts, scale: Scale): StudyView['interactions'] {
  if (!analysis) return { text: '', shown: [], pairs: [] };
  const { interactions } = analysis;
  return {
    // A single factor has nothing to interact with.
    text: factors.length === 1 ? '' : interactionsText(analysis),
    shown: interactions
      .filter(({ isShown }) => isShown)
      .map((each) => interactionText(each, factors, metric.higherIsBetter, scale)),
    pairs: interactions
      .toSorted((a, b) => Number(b.isShown) - Number(a.isShown))
      .map((each) => interactionPlot(each, factors, metric.higherIsBetter, scale)),
  };
}

function runRows({ runs, factors, analysis }: StudyFacts, scale: Scale): RunRow[] {
  const outliers = new Set(analysis?.outliers.map(({ run }) => run));
  return runs.map((run, index) => ({
    folder: run.folder,
    name: run.id ?? l10n.t('run {0}', index + 1),
    block: String(run.block + 1),
    seed: String(run.seed),
    fold: run.fold === null ? null : String(run.fold + 1),
    levels: run.setting.map((level, factor) => ({
      text: levelText(factors, factor, level),
      isFirst: level === 0,
    })),
    status: run.status,
    statusText: run.isReused && run.status === 'finished' ? l10n.t('reused') : statusText(run.status),
    value: run.value === null ? DASH : valueText(run.value, scale),
    time: run.seconds === null ? DASH : formatDuration(run.seconds),
    isOutlier: outliers.has(index),
  }));
}

function statusText(status: StudyRunFacts['status']): string {
  switch (status) {
    case 'planned':
      return l10n.t('planned');
    case 'queued':
      return l10n.t('queued');
    case 'running':
      return l10n.t('running');
    case 'finished':
      return l10n.t('finished');
    case 'diverged':
      return l10n.t('diverged');
    case 'failed':
      return l10n.t('failed');
    case 'stopped':
      return l10n.t('stopped');
    default:
      return assertNever(status);
  }
}

/** Returns the part of a path after its last separator, `/` or `\`. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
