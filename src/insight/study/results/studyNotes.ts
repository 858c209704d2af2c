// Texts about a study as a whole: its design, its state, and the limits of its verdicts.
import * as l10n from '@vscode/l10n';
import { areSeedsPaired, type StudyAnalysis, type StudyPlan } from '../../../protocol/study';
import type { StudyFacts, StudyNotice, StudyState, StudyView } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { counted } from '../../../shared/counted';
import { formatDuration, formatFixed, formatNumber, formatPercent } from '../../../shared/format';
import { levelName, settingText } from './factorText';
import { differenceText, estimateText, isClear, pText, type Scale, unitText, withUnit } from './studyNumbers';
import { withheldText } from './verdictText';

/**
 * Describes the design in one line, such as 'Half fraction... of resolution V: 16 settings in 2 blocks, 32 runs, ...'.
 */
export function designText({ plan, images }: Pick<StudyFacts, 'plan' | 'images'>): string {
  const runs = plan.blocks.reduce((sum, { settings }) => sum + settings.length, 0);
  const settings = new Set(plan.blocks.flatMap((block) => block.settings.map((each) => each.join(' '))));
  const size = l10n.t(
    '{0} in {1}, {2}',
    counted(settings.size, 'setting'),
    counted(plan.blocks.length, 'block'),
    counted(runs, 'run'),
  );
  const blocks =
    images === 'folds'
      ? l10n.t('each block has its own seed and fold')
      : l10n.t('each block has its own seed');
  return `${kindText(plan)}: ${size}; ${blocks}`;
}

function kindText({ kind, resolution, efficiency }: StudyPlan): string {
  switch (kind) {
    case 'full':
      return l10n.t('Full factorial');
    case 'fractional':
      return resolution === null
        ? l10n.t('Fractional factorial')
        : l10n.t('Fractional factorial of resolution {0}', roman(resolution));
    case 'plackett_burman':
      return l10n.t('Plackett-Burman design');
    case 'optimal':
      return efficiency === null
        ? l10n.t('D-optimal design')
        : l10n.t('D-optimal design, efficiency {0}', formatPercent(efficiency));
    case 'one_at_a_time':
      return l10n.t('One at a time');
    case 'leave_one_out':
      return l10n.t('Leave one out');
    case 'stack':
      return l10n.t('Stack, adding one at a time');
    case 'listed':
      return l10n.t('Listed runs');
    default:
      return assertNever(kind);
  }
}

function roman(resolution: number): string {
  return ['III', 'IV', 'V', 'VI', 'VII', 'VIII'][resolution - 3] ?? String(resolution);
}

/** Describes the state of a study, such as 'Running' or 'Done: all verdicts are decided'. */
export function stateText(state: StudyState): string {
  switch (state.status) {
    case 'waiting':
      return l10n.t('Waiting for the first run');
    case 'running':
      return l10n.t('Running');
    case 'stopped':
      return l10n.t('Stopped');
    case 'interrupted':
      return l10n.t('Interrupted');
    case 'failed':
      return l10n.t('Failed');
    case 'done':
      return doneText(state.because);
    default:
      return assertNever(state);
  }
}

function doneText(because: Extract<StudyState, { status: 'done' }>['because']): string {
  switch (because) {
    case 'full':
      return l10n.t('Done');
    case 'all_decided':
      return l10n.t('Done: all verdicts are decided');
    case 'none_can_change':
      return l10n.t('Done: no verdict would change');
    default:
      return assertNever(because);
  }
}

/** Returns the progress of a study in runs. */
export function progressOf({ runs, state, secondsLeft }: StudyFacts): StudyView['progress'] {
  const ended = runs.filter(({ status }) => status === 'finished' || status === 'diverged').length;
  const reused = runs.filter(({ isReused }) => isReused).length;
  const counted = l10n.t('{0} of {1} runs', ended, runs.length);
  const isOver = state.status === 'done';
  const trained = runs.reduce((sum, { seconds, isReused }) => sum + (isReused ? 0 : (seconds ?? 0)), 0);
  return {
    share: isOver || runs.length === 0 ? Number(isOver) : ended / runs.length,
    text: reused === 0 ? counted : l10n.t('{0}, {1} of them reused', counted, reused),
    time:
      secondsLeft !== null && (state.status === 'running' || state.status === 'waiting')
        ? l10n.t('{0} left', formatDuration(secondsLeft))
        : isOver && trained > 0
          ? l10n.t('{0} of training', formatDuration(trained))
          : '',
  };
}

/** Returns the limits of the verdicts, the most severe first. */
export function noticesOf(facts: StudyFacts): StudyNotice[] {
  const { analysis, isExtended, state, stop } = facts;
  const warnings = [
    analysis && withheldText(analysis.withheld, stop),
    (isExtended || analysis?.isExtended) &&
      l10n.t('Extended: the budget was raised after results were seen, so the error rate is not controlled.'),
  ];
  const infos = [
    seedingNote(facts),
    analysis && divergedNote(analysis),
    analysis &&
      state.status !== 'done' &&
      analysis.blocksDone < analysis.blocksBudgeted &&
      partialNote(analysis),
  ];
  const notices = (texts: readonly (string | null | undefined | false)[], tone: StudyNotice['tone']) =>
    texts.flatMap((text) => (text ? [{ tone, text }] : []));
  return [...notices(warnings, 'warning'), ...notices(infos, 'info')];
}

/** Says why runs of a command are not paired by seed, null if they are. */
function seedingNote({ seeding, metric }: StudyFacts): string | null {
  if (!seeding || areSeedsPaired(seeding)) return null;
  if (!seeding.isPassed) {
    return l10n.t(
      'The command does not get the seed. Runs are not paired by seed, and the noise includes everything that differs between runs.',
    );
  }
  const [first, second] = (seeding.values ?? []).map((value) =>
    metric.unit === 'points' ? formatFixed(value, 2) : formatNumber(value, 6),
  );
  const what =
    first === undefined || first === second
      ? l10n.t('Two runs with the same seed did not agree in every digit, as is normal on GPUs.')
      : l10n.t('Two runs with the same seed gave {0} and {1}, as is normal on GPUs.', first, second ?? '');
  return `${what} ${l10n.t('Runs are not paired by seed, and the noise includes that of seeds.')}`;
}

function divergedNote({ runsDiverged, runsUsed }: StudyAnalysis): string | null {
  if (runsDiverged === 0) return null;
  const all = runsUsed + runsDiverged;
  return runsDiverged === 1
    ? l10n.t('1 of {0} runs diverged. Effects cover only the runs that finished.', all)
    : l10n.t('{0} of {1} runs diverged. Effects cover only the runs that finished.', runsDiverged, all);
}

function partialNote({ blocksDone, blocksBudgeted, look }: StudyAnalysis): string {
  const done = l10n.t('{0} of {1} blocks are complete.', blocksDone, blocksBudgeted);
  return look ? `${done} ${l10n.t('Verdicts are adjusted for early looks.')}` : done;
}

/** Returns the title and column headings of the table of effects. */
export function headingsOf({ analysis, metric, stop, factors }: StudyFacts): StudyView['headings'] {
  const isSpeed = metric.unit === 'images_per_second';
  const areForNew = analysis?.effects.some(({ estimates }) => estimates?.onNewImages) ?? false;
  const images = areForNew ? l10n.t('on new images like these') : l10n.t('on these images');
  const unit = isSpeed ? unitText(metric) : `${unitText(metric)} ${images}`;
  const isEarly = Boolean(analysis?.look) || (stop === 'when_decided' && analysis?.withheld === 'unfinished');
  return {
    table: analysis && analysis.runsDiverged > 0 ? l10n.t('Effects, finished runs only') : l10n.t('Effects'),
    effect: isSpeed ? l10n.t('Effect') : l10n.t('Effect {0}', images),
    interval: intervalsText(unit, isEarly, factors.length === 1, analysis?.others ?? 'averaged'),
  };
}

/**
 * Describes the intervals and the adjustments of the verdicts. With a single factor, other factors are not mentioned.
 */
function intervalsText(
  unit: string,
  isEarly: boolean,
  isAlone: boolean,
  others: StudyAnalysis['others'],
): string {
  if (isAlone) {
    return isEarly
      ? l10n.t(
          'In {0}, with 95% intervals that hold at every look. Verdicts are adjusted for early looks.',
          unit,
        )
      : l10n.t('In {0}, with 95% intervals.', unit);
  }
  const of =
    others === 'averaged'
      ? l10n.t("averaged over the other factors' levels")
      : l10n.t('with the other factors at the levels of the runs compared');
  return isEarly
    ? l10n.t(
        'In {0}, {1}, with unadjusted 95% intervals that hold at every look. Verdicts are adjusted for the number of factors and for early looks.',
        unit,
        of,
      )
    : l10n.t(
        'In {0}, {1}, with unadjusted 95% intervals. Verdicts are adjusted for the number of factors (Holm).',
        unit,
        of,
      );
}

/** Describes the noise, such as 'Standard deviation over seeds 0.21 points, 12 degrees of freedom'. */
export function noiseText(analysis: StudyAnalysis | null, scale: Scale): string {
  if (!analysis?.noise)
    return l10n.t('The noise across seeds is not known yet: no degrees of freedom are left to estimate it.');
  const { standardDeviation, degrees, isUneven } = analysis.noise;
  const size = withUnit(formatFixed(standardDeviation, scale.digits), scale);
  const noise =
    degrees === 1
      ? l10n.t('Standard deviation across seeds {0}, 1 degree of freedom', size)
      : l10n.t('Standard deviation across seeds {0}, {1} degrees of freedom', size, Math.floor(degrees));
  return isUneven
    ? l10n.t('{0}. It differs between levels, and the intervals account for that', noise)
    : noise;
}

/** Returns how often runs diverged per level, if any did. */
export function divergenceRows({ analysis, factors }: StudyFacts): StudyView['divergences'] {
  if (!analysis || analysis.runsDiverged === 0) return [];
  const share = (diverged: number, runs: number) => l10n.t('{0} of {1}', diverged, runs);
  return analysis.divergences.map((row) => ({
    label: levelName(factors, row.factor, row.level),
    with: share(row.divergedWith, row.runsWith),
    without: share(row.divergedWithout, row.runsWithout),
    p: pText(row.p),
  }));
}

/** Describes the runs that deviate from the model by more than noise explains. */
export function outlierTexts({ analysis, runs, factors }: StudyFacts, scale: Scale): string[] {
  return (analysis?.outliers ?? []).flatMap(({ run, residual, studentized }) => {
    const at = runs[run];
    if (!at) return [];
    return [
      l10n.t(
        'Block {0}, {1}: {2} from the value that the other runs predict ({3} standard deviations)',
        at.block + 1,
        settingText(factors, at.setting),
        withUnit(differenceText(residual, scale), scale),
        Math.abs(studentized).toFixed(1),
      ),
    ];
  });
}

/** Describes the effects on the error rate, if accuracy is so high that points hide them. */
export function logErrorTexts({ analysis, factors }: StudyFacts): StudyView['logErrors'] {
  return (analysis?.logError ?? []).map(({ factor, level, ratio, low, high }) => ({
    label: levelName(factors, factor, level),
    text:
      low === null || high === null
        ? l10n.t('error × {0}', ratio.toFixed(2))
        : l10n.t('error × {0}, 95% interval {1} to {2}', ratio.toFixed(2), low.toFixed(2), high.toFixed(2)),
  }));
}

/** Returns the chosen set, its predicted gain, and how far to trust it. Null if verdicts are withheld. */
export function chosenOf(
  { analysis, factors, confirmation, confirms }: StudyFacts,
  scale: Scale,
): StudyView['chosen'] {
  // A confirmation study chooses nothing.
  if (!analysis?.chosen || analysis.withheld !== null || confirms !== null) return null;
  const { setting, gain } = analysis.chosen;
  const isConfirmed = confirmation !== null && confirmation.setting.join() === setting.join();
  const isReference = setting.every((level) => level === 0);
  return {
    text: settingText(factors, setting),
    gain: isReference ? '' : withUnit(estimateText(gain, scale), scale),
    caution:
      isReference || isConfirmed
        ? ''
        : isClear(gain)
          ? l10n.t(
              'This gain is biased upward, since the same runs chose the set. Confirm it on fresh seeds.',
            )
          : l10n.t(
              'It may gain nothing: its interval includes 0, and is biased upward, since the same runs chose the set. Confirm it on fresh seeds.',
            ),
  };
}

/** Describes the result of the chosen set on fresh seeds. */
export function confirmationText({ confirmation, factors, metric }: StudyFacts, scale: Scale): string | null {
  if (!confirmation) return null;
  const { setting, seeds, split, onTheseImages, onNewImages } = confirmation;
  const gain = onNewImages ?? onTheseImages;
  const size = withUnit(estimateText(gain, scale), scale);
  const measuredOn = split === 'test' ? l10n.t('the test split') : l10n.t('the validation images');
  const images =
    seeds === 1
      ? l10n.t('on 1 fresh seed and {0}', measuredOn)
      : l10n.t('on {0} fresh seeds and {1}', seeds, measuredOn);
  const set = settingText(factors, setting);
  const better = (metric.higherIsBetter ? 1 : -1) * gain.value;
  if (!isClear(gain)) {
    return l10n.t('Not confirmed {0}: {1} gains {2}, which may be no difference.', images, set, size);
  }
  return better > 0
    ? l10n.t('Confirmed {0}: {1} gains {2}.', images, set, size)
    : l10n.t('Refuted {0}: {1} makes it worse by {2}.', images, set, size);
}
