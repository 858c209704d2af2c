// What stands beside an effect: its cost, and what its source reports.
import * as l10n from '@vscode/l10n';
import type { StudyEffect, StudyFactor } from '../../../protocol/study';
import type { StudyCost, StudyFacts } from '../../../protocol/studyView';
import { formatBytes, formatDuration, formatNumber } from '../../../shared/format';
import { trickCalled } from '../../../tricks/registry';
import type { Evidence, Trick } from '../../../tricks/trick';
import { signed } from '../../trickText';
import { DASH, percentText, type Scale, withUnit } from './studyNumbers';
import { decidingEstimate } from './verdictText';

/** What a level costs, short and in full; a dash where it was not probed. */
export function costText(
  effect: StudyEffect,
  { costs, epochs, metric }: Pick<StudyFacts, 'costs' | 'epochs' | 'metric'>,
  scale: Scale,
): { readonly short: string; readonly details: readonly string[] } {
  const cost = costs.find(({ factor, level }) => factor === effect.factor && level === effect.level);
  if (!cost) return { short: DASH, details: [] };
  const { secondsPerEpoch: seconds, memoryBytes: memory } = cost;
  const share = seconds.with / seconds.without - 1;
  const parts = [
    Math.abs(share) < 5e-4 ? null : l10n.t('{0} time', percentText(share)),
    memory && memory.with !== memory.without ? memoryDifference(memory) : null,
  ].filter((part) => part !== null);
  return {
    short: parts.length === 0 ? l10n.t('none') : parts.join(', '),
    details: [
      l10n.t('{0} to {1} an epoch', secondsText(seconds.without), secondsText(seconds.with)),
      ...(memory
        ? [l10n.t('{0} to {1} of memory', formatBytes(memory.without), formatBytes(memory.with))]
        : []),
      ...(metric.name === 'images_per_second' ? [] : rateTexts(effect, cost, epochs, scale)),
    ],
  };
}

function memoryDifference({ with: withIt, without }: { with: number; without: number }): string {
  return `${withIt < without ? '\u2212' : '+'}${formatBytes(Math.abs(withIt - without))}`;
}

/** What an hour of longer training buys: the effect over the extra time of a run. Nothing below 1%: probes vary by that. */
function rateTexts(
  effect: StudyEffect,
  { secondsPerEpoch: { with: withIt, without } }: StudyCost,
  epochs: number,
  scale: Scale,
): string[] {
  const estimate = decidingEstimate(effect);
  if (!estimate || withIt / without - 1 < 0.01) return [];
  const extra = epochs * (withIt - without);
  const rate = estimate.value / (extra / 3600);
  const text = signed(rate, Math.abs(rate) < 10 ? scale.digits : 0);
  return [l10n.t('{0} per extra hour ({1} a run)', withUnit(text, scale), formatDuration(extra))];
}

/** Seconds of an epoch: probes tell short ones apart. */
function secondsText(seconds: number): string {
  return seconds < 60 ? l10n.t('{0} s', formatNumber(seconds, 3)) : formatDuration(seconds);
}

/** What a trick's source reports: differences, then each row of its tables. Losses are there as well. */
export function paperText(
  factors: readonly StudyFactor[],
  { factor }: Pick<StudyEffect, 'factor'>,
): { readonly short: string; readonly details: readonly string[] } {
  const { key, kind } = factors[factor]!;
  const trick = kind === 'trick' ? trickCalled(key)?.trick : undefined;
  if (!trick) return { short: DASH, details: [] };
  if (trick.evidence.length === 0) {
    return { short: DASH, details: [l10n.t('{0} has no figure for it alone', trick.source)] };
  }
  return {
    short: trick.evidence.map(shortEvidence).join(', '),
    details: trick.evidence.map((row) => evidenceRow(trick, row)),
  };
}

/** Such as '+0.84'; with its images where they are others than ImageNet's. */
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
    without.toFixed(2),
    withIt.toFixed(2),
    difference,
  );
}

/** Evidence is of ImageNet unless its setting names other images. */
function otherImages(setting: string): string | null {
  return /CIFAR-\d+/.exec(setting)?.[0] ?? null;
}
