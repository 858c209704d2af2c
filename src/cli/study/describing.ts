import * as l10n from '@vscode/l10n';
import { designName } from '../../insight/study/budgets';
import { shortfallText } from '../../insight/study/shortfall';
import type { RunEntry } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { formatDuration, formatPercent } from '../../shared/format';
import { type ChosenPlan, runsOfBudget } from '../../studies/planning';
import { secondsOfLastRun } from '../../studies/probes/scheduling';
import type { Scheduling } from '../../studies/record';
import { widestHalfWidth } from '../../study/design/precision';
import { indexRuns, type RunIndex } from '../../study/effect';
import { isInPoints } from '../../study/file/metrics';
import { ASSUMED_NOISE, knownNoise } from '../../study/file/precision';
import type { ReadStudy, Study } from '../../study/file/study';
import { paint, type Terminal } from '../terminal';

/**
 * Says what a study is going to run and what that can tell, before it does.
 *
 * @param entries the runs of the store, which may tell the noise
 */
export function describe(
  terminal: Terminal,
  parsed: ReadStudy,
  { plan, blocks, explanation }: ChosenPlan,
  entries: readonly RunEntry[],
): void {
  const { study, settings } = parsed;
  const names = [study.name, settings.factors.length, explanation.runs, plan.blocks.length] as const;
  const size =
    plan.blocks.length === 1
      ? l10n.t('{0}: {1} factors, {2} runs in 1 block', ...names)
      : l10n.t('{0}: {1} factors, {2} runs in {3} blocks', ...names);
  terminal.note(paint('bold', size));
  terminal.note(l10n.t('Design: {0}. {1}', designName(plan), reasonText(explanation)));
  if (plan.efficiency !== null) {
    terminal.note(
      l10n.t(
        'Its D-efficiency is {0}: how much its runs tell, against as many runs of a balanced design.',
        formatPercent(plan.efficiency),
      ),
    );
  }
  const keyOf = (factor: number) => settings.factors[factor]?.key ?? '';
  for (const { factor, pairs } of explanation.touchedEffects) {
    // Where two exclude each other, their interaction is none that a run could have.
    const pair = pairs.find((each) => !each.pair.includes(factor))?.pair;
    if (!pair) continue;
    terminal.note(
      l10n.t(
        'The effect of {0} may be due to {1} and {2} together.',
        keyOf(factor),
        keyOf(pair[0]),
        keyOf(pair[1]),
      ),
    );
  }
  terminal.note(
    blocks === 'folds'
      ? l10n.t('Each block has its own fold of the images and its own seed.')
      : l10n.t('Each block has its own seed.'),
  );
  const shortfall = shortfallText(parsed, plan, indexOf(entries));
  if (shortfall !== null) terminal.note(paint('yellow', shortfall));
}

/** What to expect of a study of which nothing is measured: its time by the last run of its experiment, where it has one. */
export function tellUnmeasured(
  terminal: Terminal,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  entries: readonly RunEntry[],
): void {
  const seconds = secondsOfLastRun(entries, parsed.baseline.recipe);
  terminal.note(
    seconds === null
      ? l10n.t('Expected time: unknown until the first steps are measured')
      : l10n.t(
          'Expected time: {0}, at the {1} of the last run of this experiment',
          formatDuration(chosen.explanation.runs * seconds),
          formatDuration(seconds),
        ),
  );
  tellIntervals(terminal, parsed, chosen, entries);
}

/** How many runs a budget in hours is, as they were measured. */
export function tellBudget(
  terminal: Terminal,
  budget: Extract<Study['budget'], { hours: number }>,
  { atOnce, secondsPerRun }: Scheduling,
): void {
  if (secondsPerRun === null) return;
  terminal.note(
    l10n.t(
      'A budget of {0} hours is {1} runs of {2}, {3} at a time.',
      budget.hours,
      runsOfBudget(budget, { secondsPerRun, atOnce }),
      formatDuration(secondsPerRun),
      atOnce,
    ),
  );
}

/** How long a study will take as it was measured, and how wide its intervals will be: the last that is said before it starts. */
export function tellExpected(
  terminal: Terminal,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  { atOnce, secondsPerRun, description }: Scheduling,
  entries: readonly RunEntry[],
): void {
  const { runs } = chosen.explanation;
  terminal.note(
    secondsPerRun === null
      ? l10n.t('Expected time: unknown, since a training is too short to measure its steps')
      : l10n.t(
          'Expected time: {0} for {1} runs, {2} at a time, on {3}',
          formatDuration((runs * secondsPerRun) / atOnce),
          runs,
          atOnce,
          description,
        ),
  );
  tellIntervals(terminal, parsed, chosen, entries);
}

/** How wide the intervals will be, where the noise is known or can be guessed. */
function tellIntervals(
  terminal: Terminal,
  { study, baseline }: ReadStudy,
  { plan }: ChosenPlan,
  entries: readonly RunEntry[],
): void {
  if (!isInPoints(study.metric)) return;
  const known = knownNoise(baseline, indexOf(entries));
  const noise = known ?? ASSUMED_NOISE;
  const halfWidth = plan.blocks.length < 2 ? null : widestHalfWidth(plan, noise);
  // What is too wide to tell the smallest effect was said with what would tell it.
  if (halfWidth === null || halfWidth > study.smallestEffect) return;
  const shown = [halfWidth.toFixed(2), noise.toFixed(2)] as const;
  terminal.note(
    known === null
      ? l10n.t('Expected intervals: ±{0} at a usual noise of {1} points.', ...shown)
      : l10n.t(
          'Expected intervals: ±{0} at the noise of {1} points that runs of this experiment have.',
          ...shown,
        ),
  );
}

function indexOf(entries: readonly RunEntry[]): RunIndex {
  return indexRuns(entries.flatMap((run) => (run.kind === 'run' ? [run.manifest] : [])));
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
