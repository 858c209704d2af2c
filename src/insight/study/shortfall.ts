// What a study's budget cannot tell, said before anything starts.
import * as l10n from '@vscode/l10n';
import type { StudyPlan } from '../../protocol/study';
import { formatCount } from '../../shared/format';
import { widestHalfWidth } from '../../study/design/precision';
import type { RunIndex } from '../../study/effect';
import { isInPoints } from '../../study/file/metrics';
import { ASSUMED_NOISE, knownNoise, neededRuns } from '../../study/file/precision';
import type { ReadStudy } from '../../study/file/study';

/**
 * Why a plan cannot tell effects as large as `smallest_effect` from none, with the budget that could; null where it can, and
 * for metrics of which the noise is not known.
 *
 * @param runs what has been trained here, of which the noise over seeds may be known
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
        : l10n.t(
            '{0} runs leave too little to tell noise from effects, so there will be no intervals.',
            count,
          )
      : l10n.t(
          '{0} runs give intervals of about ±{1} points, which cannot tell effects of {2} points from none.',
          count,
          halfWidth.toFixed(2),
          smallestEffect,
        ),
    enough === null
      ? l10n.t('No budget of up to {0} runs can.', formatCount(5000))
      : l10n.t('A budget of {0} runs could.', formatCount(enough)),
    known === null
      ? l10n.t('This assumes a noise of {0} points over seeds, which is a guess.', noise.toFixed(2))
      : l10n.t('This assumes the noise of {0} points over seeds that your runs have.', noise.toFixed(2)),
  ].join(' ');
}

function oneBlockText(): string {
  return l10n.t(
    'All runs have one seed: they show which way effects point on it, and cannot tell how effects differ from seed to seed, so there will be no verdicts.',
  );
}
