import * as l10n from '@vscode/l10n';
import type { StudyPlan } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { formatCount, formatDuration, formatFixed } from '../../shared/format';
import { type DesignSubject, expectedPrecision, neededRuns } from '../../study/file/precision';

/** A budget that a study can use, and what it buys. */
export interface BudgetChoice {
  readonly runs: number;
  readonly plan: StudyPlan;
  /** In points. Null if effects get no interval. */
  readonly halfWidth: number | null;
  /** Total training time in seconds, one run after the other. Null if the time of a run is unknown. */
  readonly seconds: number | null;
  /** Whether it can distinguish the smallest effect that matters from zero. */
  readonly resolves: boolean;
}

/** Inputs of budgets besides the design. */
export interface BudgetSurroundings {
  /** Standard deviation over seeds, in points. */
  readonly noise: number;
  /** In points. */
  readonly smallestEffect: number;
  /** Time of one run. Null if unknown. */
  readonly secondsOfRun: number | null;
}

export interface BudgetChoices {
  /** From the smallest that works to one that resolves half the smallest effect. Empty if there is no design. */
  readonly choices: readonly BudgetChoice[];
  /** The fewest runs that resolve the smallest effect. Null if 5,000 do not. */
  readonly enough: number | null;
}

/** Returns the budgets to choose from for the factors of a study. */
export function budgetChoices(subject: DesignSubject, surroundings: BudgetSurroundings): BudgetChoices {
  const { noise, smallestEffect } = surroundings;
  const needed = neededRuns(subject, noise, smallestEffect);
  if (!needed) return { choices: [], enough: null };
  const half = neededRuns(subject, noise, smallestEffect / 2)?.enough ?? null;
  const wanted = [needed.smallest, needed.enough, half].filter((runs) => runs !== null);
  const choices = wanted.flatMap((runs) => budgetChoice(subject, runs, surroundings) ?? []);
  const sizes = choices.map(({ runs }) => runs);
  return {
    choices: choices
      .filter(({ runs }, index) => sizes.indexOf(runs) === index)
      .sort((a, b) => a.runs - b.runs),
    enough: needed.enough,
  };
}

/** Returns what a budget of a given number of runs buys, null if it is too small. */
export function budgetChoice(
  subject: DesignSubject,
  budget: number,
  { noise, smallestEffect, secondsOfRun }: BudgetSurroundings,
): BudgetChoice | null {
  const expected = expectedPrecision(subject, budget, noise);
  if (!expected) return null;
  const { runs, plan, halfWidth } = expected;
  return {
    runs,
    plan,
    halfWidth,
    seconds: secondsOfRun === null ? null : runs * secondsOfRun,
    resolves: halfWidth !== null && halfWidth <= smallestEffect,
  };
}

/** Describes a choice in short: its time and the width of its intervals. */
export function budgetText({ seconds, halfWidth }: BudgetChoice): string {
  const time = seconds === null ? l10n.t('time unknown') : l10n.t('over about {0}', formatDuration(seconds));
  const width =
    halfWidth === null
      ? l10n.t('no intervals')
      : l10n.t('intervals of ±{0} points', formatFixed(halfWidth, 2));
  return `${time} · ${width}`;
}

/** Says whether a choice resolves the smallest effect, and which would. */
export function resolvingText(
  { resolves, plan }: BudgetChoice,
  { smallestEffect }: Pick<BudgetSurroundings, 'smallestEffect'>,
  enough: number | null,
): string {
  const design = l10n.t('{0}, {1}', designName(plan), counted(plan.blocks.length, 'block'));
  if (resolves) return l10n.t('{0}; detects effects of {1} points', design, smallestEffect);
  return enough === null
    ? l10n.t('{0}; cannot detect effects of {1} points', design, smallestEffect)
    : l10n.t(
        '{0}; cannot detect effects of {1} points, which takes {2} runs',
        design,
        smallestEffect,
        formatCount(enough),
      );
}

/** Names a plan's kind, with its resolution if it has one. */
export function designName({ kind, resolution }: StudyPlan): string {
  switch (kind) {
    case 'full':
      return l10n.t('all combinations');
    case 'fractional':
      return resolution === null
        ? l10n.t('a fraction of all combinations')
        : l10n.t('a fraction of resolution {0}', romanOf(resolution));
    case 'plackett_burman':
      return l10n.t('a Plackett-Burman design');
    case 'optimal':
      return l10n.t('a D-optimal subset');
    case 'one_at_a_time':
      return l10n.t('one at a time');
    case 'leave_one_out':
      return l10n.t('leave one out');
    case 'stack':
      return l10n.t('stacked one at a time');
    case 'listed':
      return l10n.t('the listed runs');
    default:
      return assertNever(kind);
  }
}

function romanOf(resolution: number): string {
  return ['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X'][resolution - 1] ?? String(resolution);
}
