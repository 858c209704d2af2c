/** How studies are told of in a terminal and in Markdown. */
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyAnalysis, StudyEffect, StudySetting, Verdict } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { formatBytes, formatDuration } from '../../shared/format';
import type { PlannedRun, StudyCost, StudyRecord, StudyState } from '../../studies/record';
import type { StudyEntry } from '../../studies/store';
import { costChange, LEAST_MEMORY_SHARE } from '../../study/costChange';
import { isInPoints } from '../../study/file/metrics';

/** What a cell without a value has. */
export const NONE = '-';

export const EFFECT_TITLES = () => [
  l10n.t('FACTOR'),
  l10n.t('EFFECT (95%)'),
  l10n.t('ON THESE IMAGES'),
  l10n.t('VERDICT'),
  l10n.t('TIME AN EPOCH'),
  l10n.t('MEMORY'),
];

/** A row for each effect, under `EFFECT_TITLES`. */
export function effectRows(record: StudyRecord, { effects }: StudyAnalysis): string[][] {
  return effects.map((effect) => {
    const { factor, level, estimates } = effect;
    const cost = record.costs?.find((each) => each.factor === factor && each.level === level);
    const shown = estimates && (estimates.onNewImages ?? estimates.onTheseImages);
    return [
      levelName(record, factor, level),
      shown ? estimateText(shown) : NONE,
      estimates ? estimateText(estimates.onTheseImages) : NONE,
      verdictText(effect),
      cost ? timeCostText(cost) : NONE,
      cost ? memoryCostText(cost) : NONE,
    ];
  });
}

/** A factor's level, such as `mixup` or `optimizer.weight_decay: 0.0005`. */
export function levelName({ factors }: Pick<StudyRecord, 'factors'>, factor: number, level: number): string {
  const found = factors[factor];
  if (!found) return NONE;
  const text = found.levels[level] ?? NONE;
  return text === 'with' ? found.key : `${found.key}: ${text}`;
}

/** The levels of a setting that are not the first; `baseline` where all are. */
export function settingText(record: Pick<StudyRecord, 'factors'>, setting: StudySetting): string {
  const changed = setting.flatMap((level, factor) => (level === 0 ? [] : [levelName(record, factor, level)]));
  return changed.length === 0 ? l10n.t('baseline') : changed.join(' + ');
}

/** `+0.31 ±0.20`; without an interval the value alone. */
export function estimateText({ value, halfWidth }: Estimate): string {
  const text = signed(value);
  return halfWidth === null ? text : `${text} ±${number(halfWidth)}`;
}

export function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${number(Math.abs(value))}`;
}

function number(value: number): string {
  if (Math.abs(value) < 5e-7) return '0';
  return value >= 0.1 && value < 1e4 ? value.toFixed(2) : value.toPrecision(2);
}

/** A verdict in words; where it is undecided, with what would decide it. */
export function verdictText({ verdict, blocksNeeded, estimates }: StudyEffect): string {
  if (!estimates) return l10n.t('cannot be estimated');
  const name = verdictName(verdict);
  return verdict === 'undecided' && blocksNeeded !== null
    ? l10n.t('{0} ({1} blocks would tell)', name, blocksNeeded)
    : name;
}

function verdictName(verdict: Verdict): string {
  switch (verdict) {
    case 'helps':
      return l10n.t('helps');
    case 'hurts':
      return l10n.t('hurts');
    case 'too_small':
      return l10n.t('too small to matter');
    case 'helps_but_too_small':
      return l10n.t('helps, too little to matter');
    case 'hurts_but_too_small':
      return l10n.t('hurts, too little to matter');
    case 'undecided':
      return l10n.t('undecided');
    default:
      return assertNever(verdict);
  }
}

/** `+12% (+9% to +14%)`; of studies of before, which have no rounds, `+12%`. */
export function timeCostText({ secondsPerEpoch, secondsPerEpochWithout, timeRatios }: StudyCost): string {
  if (!timeRatios) return percentChange(secondsPerEpoch / secondsPerEpochWithout - 1);
  const change = costChange(timeRatios);
  if (!change) return NONE;
  if (!change.isClear) return l10n.t('no clear difference');
  const { share, low, high } = change;
  return l10n.t('{0} ({1} to {2})', percentChange(share), percentChange(low), percentChange(high));
}

export function memoryCostText({ memoryBytes, memoryBytesWithout }: StudyCost): string {
  if (memoryBytes === null || memoryBytesWithout === null) return NONE;
  const difference = memoryBytes - memoryBytesWithout;
  if (Math.abs(difference) < LEAST_MEMORY_SHARE * memoryBytesWithout) return l10n.t('no clear difference');
  return `${difference < 0 ? '-' : '+'}${formatBytes(Math.abs(difference))}`;
}

function percentChange(share: number): string {
  const percent = Math.round(100 * share);
  return percent === 0 ? '0%' : `${percent < 0 ? '-' : '+'}${Math.abs(percent)}%`;
}

/** What a study's numbers are in. */
export function metricText({ metric: { name } }: StudyRecord): string {
  return isInPoints(name) || name === 'test_accuracy' ? l10n.t('{0}, in points', name) : name;
}

/** Where a study stands, in a word or two. */
export function stateText(study: StudyEntry): string {
  if (study.kind === 'broken') return l10n.t('broken');
  if (study.isInterrupted) return l10n.t('interrupted');
  const { state } = study.record;
  switch (state.status) {
    case 'running':
      return l10n.t('running');
    case 'stopped':
      return study.record.scheduling === null ? l10n.t('not started') : l10n.t('stopped');
    case 'failed':
      return l10n.t('failed');
    case 'done':
      return state.how === 'full' ? l10n.t('done') : l10n.t('done early');
    default:
      return assertNever(state);
  }
}

/** How a study ended, in a sentence. */
export function endText(state: Extract<StudyState, { status: 'done' }>): string {
  switch (state.how) {
    case 'full':
      return l10n.t('Every run of the plan is done.');
    case 'all_decided':
      return l10n.t('The study ended early: every verdict is decided.');
    case 'none_can_change':
      return l10n.t('The study ended early: the runs that are left can hardly decide anything more.');
    default:
      return assertNever(state.how);
  }
}

/** What a reader of the table has to know, in sentences. */
export function notesOf(record: StudyRecord, analysis: StudyAnalysis): string[] {
  const notes: string[] = [];
  const isOnNew = analysis.effects.some(({ estimates }) => estimates?.onNewImages);
  if (isOnNew) {
    notes.push(
      l10n.t(
        'Effects are with their 95% intervals (unadjusted) for new images like these; verdicts use these, adjusted for the number of factors.',
      ),
    );
  } else if (analysis.effects.length > 0) {
    notes.push(l10n.t('Intervals are 95%, unadjusted, and of these validation images alone.'));
  }
  if (analysis.noise) {
    notes.push(
      l10n.t(
        'Standard deviation over seeds: {0} ({1} degrees of freedom).',
        number(analysis.noise.standardDeviation),
        analysis.noise.degrees,
      ),
    );
  }
  if (analysis.runsDiverged > 0) {
    notes.push(l10n.t('{0} runs diverged: effects are among runs that finished.', analysis.runsDiverged));
  }
  for (const each of analysis.divergences) {
    if (each.p >= 0.05) continue;
    notes.push(
      l10n.t(
        'With {0} {1} of {2} runs diverged, without it {3} of {4} (p = {5}).',
        ...[levelName(record, each.factor, each.level), each.divergedWith, each.runsWith],
        ...[each.divergedWithout, each.runsWithout, each.p.toPrecision(2)],
      ),
    );
  }
  for (const { factor, pair } of record.plan.aliases) {
    if (pair.includes(factor)) continue;
    const [first, second] = pair.map((each) => record.factors[each]?.key ?? NONE);
    notes.push(
      l10n.t(
        'The effect of {0} may be due to {1} and {2} together.',
        record.factors[factor]?.key ?? NONE,
        first ?? NONE,
        second ?? NONE,
      ),
    );
  }
  for (const each of analysis.interactions) {
    if (!each.isShown) continue;
    const [first, second] = each.pair.map((factor, index) =>
      levelName(record, factor, each.levels[index] ?? 1),
    );
    notes.push(
      l10n.t(
        '{0}: {1} without {2}, {3} with it.',
        ...[first ?? NONE, signed(each.firstWithout), second ?? NONE, signed(each.firstWith)],
      ),
    );
  }
  const withheld = withheldText(analysis.withheld);
  if (withheld) notes.push(withheld);
  if (record.isExtended) notes.push(l10n.t('Extended: the error of its verdicts is not controlled.'));
  if (analysis.chosen && !record.confirms) {
    notes.push(
      l10n.t(
        'Best predicted set: {0} ({1}). Its own estimate is biased upward until it is confirmed: {2}',
        settingText(record, analysis.chosen.setting),
        estimateText(analysis.chosen.gain),
        `tricks study confirm ${record.id}`,
      ),
    );
  }
  return notes;
}

/** Why there are no verdicts; null where there are. */
function withheldText(withheld: StudyAnalysis['withheld']): string | null {
  switch (withheld) {
    case null:
      return null;
    case 'one_block':
      return l10n.t('One block only: differences from seed to seed are not known, so there are no verdicts.');
    case 'too_few_degrees':
      return l10n.t('Too few runs are done for an interval.');
    case 'seeds_ignored':
      return l10n.t('Runs of different seeds gave the same digits, so there are no verdicts.');
    case 'no_noise':
      return l10n.t('The runs differ by their settings alone, to the last digit, so there are no verdicts.');
    case 'unfinished':
      return l10n.t('Verdicts come when the study is done.');
    default:
      return assertNever(withheld);
  }
}

/** Runs that are over, of all. */
export function countText(runs: readonly PlannedRun[], done: number): string {
  return `${done}/${runs.length}`;
}

/** How long a study takes yet; that it is not known where it is not. */
export function timeLeftText(seconds: number | null): string {
  return seconds === null ? l10n.t('time left unknown') : l10n.t('{0} left', formatDuration(seconds));
}
