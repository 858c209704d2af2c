// Says before a study starts what its budget cannot resolve.
import * as l10n from '@vscode/l10n';
import type { StudyPlan } from '../../protocol/study';
import { formatCount, formatFixed } from '../../shared/format';
import { widestHalfWidth } from '../../study/design/precision';
import type { RunIndex } from '../../study/effect';
import { isInPoints } from '../../study/file/metrics';
import { ASSUMED_NOISE, knownNoise, neededRuns } from '../../study/file/precision';
import type { ReadStudy } from '../../study/file/study';

/**
 * Explains why a plan cannot distinguish effects of size `smallest_effect` from zero, with the budget that could. Null
 * if it can, and for metrics with unknown noise.
 *
 * @param runs the runs here, from which the noise over seeds may be known
 */
export function shortfallText(
  { study, baseline, settings }: ReadStudy,
  plan: StudyPlan,
  runs: RunIndex,
): string | null {
  const { metric, smallestEffect, design } = study;
  const isOneBlock = plan.blocks.length < 2;
  if (!isInPoints(metric) && !isOneBlock) return null;
  if (!isInPoints(metric)) return oneBlockText();
  const known = knownNoise(baseline, runs);
  const noise = known ?? ASSUMED_NOISE;
  const halfWidth = isOneBlock ? null : widestHalfWidth(plan, noise);
  if (halfWidth !== null && halfWidth <= smallestEffect) return null;
  const enough = neededRuns({ design, settings }, noise, smallestEffect)?.enough ?? null;
  const count = plan.blocks.reduce((sum, block) => sum + block.settings.length, 0);
  return [
    halfWidth === null
      ? isOneBlock
        ? oneBlockText()
        : l10n.t('{0} runs are too few to separate effects from noise, so there will be no intervals.', count)
      : l10n.t(
          '{0} runs give intervals of about ±{1} points, too wide to detect effects of {2} points.',
          count,
          formatFixed(halfWidth, 2),
          smallestEffect,
        ),
    enough === null
      ? l10n.t('No budget of up to {0} runs is enough.', formatCount(5000))
      : l10n.t('A budget of {0} runs would be enough.', formatCount(enough)),
    known === null
      ? l10n.t('This assumes a noise of {0} points across seeds, which is a guess.', formatFixed(noise, 2))
      : l10n.t(
          'This assumes the noise of {0} points across seeds that your runs show.',
          formatFixed(noise, 2),
        ),
  ].join(' ');
}

function oneBlockText(): string {
  return l10n.t(
    'All runs share one seed. They show the direction of each effect for that seed, but not how effects vary from seed to seed, so there will be no verdicts.',
  );
}
