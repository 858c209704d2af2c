import * as l10n from '@vscode/l10n';
import { designName } from '../../insight/study/budgets';
import { shortfallText } from '../../insight/study/shortfall';
import type { RunEntry } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { formatDuration, formatFixed, formatPercent } from '../../shared/format';
import { repeatsOf } from '../../studies/command/seeding';
import { type ChosenPlan, runsOfBudget } from '../../studies/planning';
import { secondsOfLastRun } from '../../studies/probes/scheduling';
import type { Scheduling } from '../../studies/record';
import { widestHalfWidth } from '../../study/design/precision';
import { indexRuns, type RunIndex } from '../../study/effect';
import { getsSeed, keyBySeed } from '../../study/file/commandSeeds';
import { isInPoints } from '../../study/file/metrics';
import { ASSUMED_NOISE, knownNoise } from '../../study/file/precision';
import { isCommandBaseline, type ReadStudy, type Study } from '../../study/file/study';
import { paint, type Terminal } from '../terminal';

/**
 * Prints what a study will run and what that can tell, before it runs.
 *
 * @param entries the runs of the store, which may provide a noise estimate
 */
export function describe(
  terminal: Terminal,
  parsed: ReadStudy,
  { plan, blocks, explanation }: ChosenPlan,
  entries: readonly RunEntry[],
): void {
  const { study, settings } = parsed;
  const size = l10n.t(
    '{0}: {1}, {2} in {3}',
    study.name,
    counted(settings.factors.length, 'factor'),
    counted(explanation.runs, 'run'),
    counted(plan.blocks.length, 'block'),
  );
  terminal.note(paint('bold', size));
  terminal.note(l10n.t('Design: {0}. {1}', designName(plan), reasonText(explanation)));
  if (plan.efficiency !== null) {
    terminal.note(
      l10n.t(
        'Its D-efficiency is {0}, relative to a balanced design with as many runs.',
        formatPercent(plan.efficiency),
      ),
    );
  }
  const keyOf = (factor: number) => settings.factors[factor]?.key ?? '';
  for (const { factor, pairs } of explanation.touchedEffects) {
    // If two tricks exclude each other, no run can show their interaction.
    const pair = pairs.find((each) => !each.pair.includes(factor))?.pair;
    if (!pair) continue;
    terminal.note(
      l10n.t(
        'The effect of {0} may be due to the interaction of {1} and {2}.',
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
  if (isCommandBaseline(parsed.baseline) && getsSeed(parsed.baseline)) {
    const { length } = repeatsOf(plan);
    terminal.note(
      length > 1
        ? l10n.t(
            'Two more runs repeat the first one, with the same seed and with another, to find out what the seed decides.',
          )
        : l10n.t('One more run repeats the first one with the same seed, to find out what the seed decides.'),
    );
  }
  const shortfall = shortfallText(parsed, plan, indexOf(entries));
  if (shortfall !== null) terminal.note(paint('yellow', shortfall));
}

/** Prints what to expect of an unmeasured study. The time comes from the last run of its experiment, if any. */
export function tellUnmeasured(
  terminal: Terminal,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  entries: readonly RunEntry[],
): void {
  const seconds = secondsOfLastRun(entries, keyBySeed(parsed.baseline));
  terminal.note(
    seconds === null
      ? isCommandBaseline(parsed.baseline)
        ? l10n.t('Expected time: unknown until the first run is done')
        : l10n.t('Expected time: unknown until the first steps are measured')
      : l10n.t(
          'Expected time: {0}, based on {1} for the last run of this experiment',
          formatDuration(chosen.explanation.runs * seconds),
          formatDuration(seconds),
        ),
  );
  tellIntervals(terminal, parsed, chosen, entries);
}

/** Prints how many runs fit a budget in hours, according to the measurement. */
export function tellBudget(
  terminal: Terminal,
  budget: Extract<Study['budget'], { hours: number }>,
  { atOnce, secondsPerRun }: Scheduling,
): void {
  if (secondsPerRun === null) return;
  terminal.note(
    l10n.t(
      'A budget of {0} is enough for {1} of {2} each, {3} at a time.',
      counted(budget.hours, 'hour'),
      counted(runsOfBudget(budget, { secondsPerRun, atOnce }), 'run'),
      formatDuration(secondsPerRun),
      atOnce,
    ),
  );
}

/** Prints the measured duration of a study and the expected width of its intervals, right before it starts. */
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
      ? isCommandBaseline(parsed.baseline)
        ? l10n.t('Expected time: unknown until the first run is done')
        : l10n.t('Expected time: unknown, because training is too short to measure its steps')
      : l10n.t(
          'Expected time: {0} for {1}, {2} at a time, on {3}',
          formatDuration((runs * secondsPerRun) / atOnce),
          counted(runs, 'run'),
          atOnce,
          description,
        ),
  );
  tellIntervals(terminal, parsed, chosen, entries);
}

/** Prints the expected width of the intervals, if the noise is known or can be guessed. */
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
  // If the intervals are too wide for the smallest effect, an earlier line said so and suggested a fix.
  if (halfWidth === null || halfWidth > study.smallestEffect) return;
  const shown = [formatFixed(halfWidth, 2), formatFixed(noise, 2)] as const;
  terminal.note(
    known === null
      ? l10n.t('Expected intervals: ±{0} at a typical noise of {1} points.', ...shown)
      : l10n.t(
          'Expected intervals: ±{0} at the noise of {1} points that runs of this experiment show.',
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
      return l10n.t('It is the smallest design whose effects are clear of two-factor interactions.');
    case 'largest_clear':
      return runsLeft > 0
        ? l10n.t(
            'It is the largest design within the budget whose effects are clear of two-factor interactions. Left over: {0}.',
            counted(runsLeft, 'run'),
          )
        : l10n.t(
            'It is the largest design within the budget whose effects are clear of two-factor interactions.',
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
      return l10n.t('There are more factors than the design tables cover.');
    default:
      return assertNever(reason);
  }
}
