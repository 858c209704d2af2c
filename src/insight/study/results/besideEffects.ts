// The columns next to an effect: its cost, and its source's figures.
import * as l10n from '@vscode/l10n';
import type { StudyEffect, StudyFactor } from '../../../protocol/study';
import type { StudyCost, StudyFacts } from '../../../protocol/studyView';
import { formatBytes, formatDuration, formatFixed, formatNumber } from '../../../shared/format';
import { type CostChange, costChange, LEAST_MEMORY_SHARE } from '../../../study/costChange';
import { trickCalled } from '../../../tricks/registry';
import type { Evidence, Trick } from '../../../tricks/trick';
import { signed } from '../../trickText';
import { DASH, percentText, type Scale, withUnit } from './studyNumbers';
import { decidingEstimate } from './verdictText';

/** Describes the cost of a level, short and in full. A dash if it was not probed. */
export function costText(
  effect: StudyEffect,
  { costs, epochs, metric }: Pick<StudyFacts, 'costs' | 'epochs' | 'metric'>,
  scale: Scale,
): { readonly short: string; readonly details: readonly string[] } {
  const cost = costs.find(({ factor, level }) => factor === effect.factor && level === effect.level);
  if (!cost) return { short: DASH, details: [] };
  const { secondsPerEpoch: seconds, memoryBytes: memory, timeRatios, fromRuns } = cost;
  const time = timeOf(cost);
  const memoryText = memory && memoryDifference(memory);
  return {
    short: shortCost(time, memoryText),
    details: [
      l10n.t('{0} to {1} per epoch', secondsText(seconds.without), secondsText(seconds.with)),
      ...(timeRatios && timeRatios.length > 0
        ? [
            l10n.t(
              '{0} rounds, difference within each: {1}',
              timeRatios.length,
              timeRatios.map((ratio) => percentText(ratio - 1)).join(', '),
            ),
          ]
        : []),
      ...(fromRuns ? [l10n.t('from the durations of {0} runs, with a 95% interval', fromRuns.runs)] : []),
      ...(memory
        ? [l10n.t('{0} to {1} of memory', formatBytes(memory.without), formatBytes(memory.with))]
        : []),
      ...(metric.name === 'images_per_second' ? [] : rateTexts(effect, cost, epochs, scale)),
    ],
  };
}

/**
 * Formats a cost such as '+3.0% time (+1.0% to +9.0%), +18 MiB', or 'no clear difference' if the rounds disagree on the
 * sign.
 */
function shortCost(time: CostChange, memory: string | null): string {
  if (!time.isClear) {
    return memory === null
      ? l10n.t('no clear difference')
      : l10n.t('no clear difference in time, {0}', memory);
  }
  const isNone = Math.abs(time.share) < 5e-4;
  const parts = [isNone ? null : timeText(time), memory].filter((part) => part !== null);
  return parts.length === 0 ? l10n.t('none') : parts.join(', ');
}

function timeText({ share, low, high }: CostChange): string {
  const text = l10n.t('{0} time', percentText(share));
  return low === high ? text : l10n.t('{0} ({1} to {2})', text, percentText(low), percentText(high));
}

/** From the rounds, the durations of runs, or from the medians for older studies, which have no rounds. */
function timeOf({ secondsPerEpoch: { with: withIt, without }, timeRatios, fromRuns }: StudyCost): CostChange {
  if (fromRuns) {
    const { ratio, low, high } = fromRuns;
    return { share: ratio - 1, low: low - 1, high: high - 1, isClear: low > 1 || high < 1 };
  }
  if (timeRatios) return costChange(timeRatios) ?? { share: 0, low: 0, high: 0, isClear: false };
  const share = withIt / without - 1;
  return { share, low: share, high: share, isClear: true };
}

/** Null if the difference is so small that it may come from the allocator. */
function memoryDifference({ with: withIt, without }: { with: number; without: number }): string | null {
  if (Math.abs(withIt / without - 1) < LEAST_MEMORY_SHARE) return null;
  return `${withIt < without ? '\u2212' : '+'}${formatBytes(Math.abs(withIt - without))}`;
}

/**
 * Returns the gain per hour of longer training: the effect divided by the extra time of a run. Empty if the extra time
 * is unclear or below 10 seconds, too short for a rate per hour.
 */
function rateTexts(effect: StudyEffect, cost: StudyCost, epochs: number, scale: Scale): string[] {
  const estimate = decidingEstimate(effect);
  const time = timeOf(cost);
  // Probe times vary by this much. See docs/performance.md.
  if (!estimate || !time.isClear || time.share < 0.01) return [];
  const extra = epochs * cost.secondsPerEpoch.without * time.share;
  if (extra < 10) return [];
  const rate = estimate.value / (extra / 3600);
  const text = signed(rate, Math.abs(rate) < 10 ? scale.digits : 0);
  return [l10n.t('{0} per extra hour ({1} per run)', withUnit(text, scale), formatDuration(extra))];
}

/** Formats the seconds of an epoch, precisely enough to compare short probes. */
function secondsText(seconds: number): string {
  return seconds < 60 ? l10n.t('{0} s', formatNumber(seconds, 3)) : formatDuration(seconds);
}

/** Returns the figures of a trick's source: the differences, then each row of its tables, including losses. */
export function paperText(
  factors: readonly StudyFactor[],
  { factor }: Pick<StudyEffect, 'factor'>,
): { readonly short: string; readonly details: readonly string[] } {
  const { key, kind } = factors[factor]!;
  const trick = kind === 'trick' ? trickCalled(key)?.trick : undefined;
  if (!trick) return { short: DASH, details: [] };
  if (trick.evidence.length === 0) {
    return { short: DASH, details: [l10n.t('{0} reports no figure for it alone', trick.source)] };
  }
  return {
    short: trick.evidence.map(shortEvidence).join(', '),
    details: trick.evidence.map((row) => evidenceRow(trick, row)),
  };
}

/** Formats a difference such as '+0.84', with its data set if it is not ImageNet. */
function shortEvidence({ setting, without, with: withIt }: Evidence): string {
  const difference = signed(withIt - without);
  const other = otherImages(setting);
  return other === null ? difference : `${difference} (${other})`;
}

function evidenceRow(
  { source }: Pick<Trick, 'source'>,
  { setting, without, with: withIt }: Evidence,
): string {
  const where = otherImages(setting) === null ? `ImageNet, ${setting}` : setting;
  const difference = signed(withIt - without);
  return l10n.t(
    '{0}, {1}: {2} to {3} ({4})',
    source,
    where,
    formatFixed(without, 2),
    formatFixed(withIt, 2),
    difference,
  );
}

/** Evidence is on ImageNet unless its setting names another data set. */
function otherImages(setting: string): string | null {
  return /CIFAR-\d+/.exec(setting)?.[0] ?? null;
}
