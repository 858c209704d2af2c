import * as l10n from '@vscode/l10n';
import { designName } from '../../insight/study/budgets';
import { listRuns } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { formatCount, formatDuration, formatPercent } from '../../shared/format';
import type { ChosenPlan } from '../../studies/planning';
import { indexRuns } from '../../study/effect';
import { isInPoints } from '../../study/file/metrics';
import { ASSUMED_NOISE, expectedPrecision, knownNoise, neededRuns } from '../../study/file/precision';
import type { ReadStudy } from '../../study/file/study';
import { paint, type Terminal } from '../terminal';
import { NONE } from './words';

/** Says what a study is going to run and what that can tell, before it does. */
export async function describe(
  terminal: Terminal,
  root: string,
  { study, settings, baseline }: ReadStudy,
  { plan, blocks, explanation }: ChosenPlan,
  seconds: number | null,
): Promise<void> {
  const { runs } = explanation;
  const names = [study.name, settings.factors.length, runs, plan.blocks.length] as const;
  terminal.note(paint('bold', l10n.t('{0}: {1} factors, {2} runs in {3} blocks', ...names)));
  terminal.note(l10n.t('Design: {0}. {1}', designName(plan), reasonText(explanation)));
  if (plan.efficiency !== null) {
    terminal.note(l10n.t('Its D-efficiency is {0}.', formatPercent(plan.efficiency)));
  }
  for (const { factor, pairs } of explanation.touchedEffects) {
    // Where two exclude each other, their interaction is none that a run could have.
    const pair = pairs.find((each) => !each.pair.includes(factor))?.pair;
    if (!pair) continue;
    const [first, second] = pair.map((each) => settings.factors[each]?.key ?? NONE);
    const about = [settings.factors[factor]?.key ?? NONE, first ?? NONE, second ?? NONE];
    terminal.note(l10n.t('The effect of {0} may be due to {1} and {2} together.', ...about));
  }
  terminal.note(
    blocks === 'folds'
      ? l10n.t('Each block has its own fold of the images and its own seed.')
      : l10n.t('Each block has its own seed.'),
  );
  if (explanation.isOneBlock) {
    terminal.note(
      l10n.t(
        'One block only: it shows which way effects point on one seed. It cannot tell how they differ from seed to seed, so it gives no verdicts.',
      ),
    );
  }
  if (isInPoints(study.metric)) {
    const entries = await listRuns(root);
    const index = indexRuns(entries.flatMap((run) => (run.kind === 'run' ? [run.manifest] : [])));
    tellPrecision(terminal, { study, settings }, runs, knownNoise(baseline, index));
  }
  terminal.note(
    seconds === null
      ? l10n.t('Expected time: unknown until the first steps are measured')
      : l10n.t('Expected time: {0}', formatDuration(seconds)),
  );
}

/** What intervals to expect, and which budget would resolve the smallest effect where this one cannot. */
function tellPrecision(
  terminal: Terminal,
  { study: { design, smallestEffect }, settings }: Pick<ReadStudy, 'study' | 'settings'>,
  runs: number,
  known: number | null,
): void {
  const noise = known ?? ASSUMED_NOISE;
  const halfWidth = expectedPrecision({ design, settings }, runs, noise)?.halfWidth ?? null;
  if (halfWidth === null) return;
  const shown = [halfWidth.toFixed(2), noise.toFixed(2)] as const;
  terminal.note(
    known === null
      ? l10n.t('Expected intervals: ±{0} at a usual noise of {1} points.', ...shown)
      : l10n.t(
          'Expected intervals: ±{0} at the noise of {1} points that runs of this experiment have.',
          ...shown,
        ),
  );
  if (halfWidth <= smallestEffect) return;
  const enough = neededRuns({ design, settings }, noise, smallestEffect)?.enough ?? null;
  terminal.note(
    enough === null
      ? l10n.t('That cannot tell an effect of {0} from none.', smallestEffect)
      : l10n.t(
          'That cannot tell an effect of {0} from none; {1} runs could.',
          smallestEffect,
          formatCount(enough),
        ),
  );
}

function reasonText({ reason, runsLeft }: ChosenPlan['explanation']): string {
  switch (reason) {
    case 'asked':
      return l10n.t('The study asks for it.');
    case 'smallest_clear':
      return l10n.t('It is the smallest whose effects are clear of interactions of two others.');
    case 'largest_clear':
      return runsLeft > 0
        ? l10n.t(
            'It is the largest within the budget whose effects are clear of interactions of two others; {0} runs are left over.',
            runsLeft,
          )
        : l10n.t(
            'It is the largest within the budget whose effects are clear of interactions of two others.',
          );
    case 'no_regular_fits':
      return l10n.t('No regular design of resolution IV fits the budget.');
    case 'uses_more_of_the_budget':
      return l10n.t('It uses more of the budget than regular designs can.');
    case 'nothing_clear_fits':
      return l10n.t('Nothing better fits the budget.');
    case 'impossible_combinations':
      return l10n.t('Some combinations of the factors cannot be trained.');
    case 'several_levels':
      return l10n.t('A factor has three levels or more.');
    case 'many_factors':
      return l10n.t('There are more factors than tables for.');
    default:
      return assertNever(reason);
  }
}
