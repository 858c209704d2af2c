// Texts about pairs of factors: interactions, and the aliases of an effect.
import * as l10n from '@vscode/l10n';
import type { StudyAlias, StudyAnalysis, StudyFactor, StudyInteraction } from '../../../protocol/study';
import type { InteractionPlot } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { formatFixed } from '../../../shared/format';
import { condition, isSwitch, levelName, levelText, pairText } from './factorText';
import { axisTicks } from './forestAxis';
import { differenceText, estimateText, type Scale, withUnit } from './studyNumbers';

/**
 * Describes an interaction by its influence on one of the two effects: 'mixup helps only without label_smoothing: +0.40
 * against −0.10'. Picks the effect that changes its sign, or the first if both or neither do.
 */
export function interactionText(
  interaction: StudyInteraction,
  factors: readonly StudyFactor[],
  higherIsBetter: boolean,
  scale: Scale,
): string {
  const [first, second] = [0, 1].map((side) => sideOf(interaction, side as 0 | 1, higherIsBetter));
  const told = !changesSign(first!) && changesSign(second!) ? second! : first!;
  const name = levelName(factors, told.factor, told.level);
  const withOther = condition(factors, told.other, told.otherLevel);
  const withoutOther = condition(factors, told.other, 0);
  const figures = (one: number, other: number) => [differenceText(one, scale), differenceText(other, scale)];
  const { gainWith, gainWithout } = told;
  const fromWith = figures(told.with, told.without);
  const fromWithout = figures(told.without, told.with);
  if (gainWith > 0 && gainWithout <= 0) {
    return l10n.t('{0} helps only {1}: {2} against {3}', name, withOther, ...fromWith);
  }
  if (gainWithout > 0 && gainWith <= 0) {
    return l10n.t('{0} helps only {1}: {2} against {3}', name, withoutOther, ...fromWithout);
  }
  if (gainWith > 0) {
    return gainWith > gainWithout
      ? l10n.t('{0} helps more {1}: {2} against {3}', name, withOther, ...fromWith)
      : l10n.t('{0} helps more {1}: {2} against {3}', name, withoutOther, ...fromWithout);
  }
  return gainWith < gainWithout
    ? l10n.t('{0} hurts more {1}: {2} against {3}', name, withOther, ...fromWith)
    : l10n.t('{0} hurts more {1}: {2} against {3}', name, withoutOther, ...fromWithout);
}

interface Side {
  readonly factor: number;
  readonly level: number;
  readonly other: number;
  readonly otherLevel: number;
  readonly with: number;
  readonly without: number;
  /** Positive means better, whether the metric is to be maximized or minimized. */
  readonly gainWith: number;
  readonly gainWithout: number;
}

function sideOf(interaction: StudyInteraction, side: 0 | 1, higherIsBetter: boolean): Side {
  const { pair, levels } = interaction;
  const withIt = side === 0 ? interaction.firstWith : interaction.secondWith;
  const without = side === 0 ? interaction.firstWithout : interaction.secondWithout;
  const sign = higherIsBetter ? 1 : -1;
  return {
    factor: pair[side],
    level: levels[side],
    other: pair[side === 0 ? 1 : 0],
    otherLevel: levels[side === 0 ? 1 : 0],
    with: withIt,
    without,
    gainWith: sign * withIt,
    gainWithout: sign * without,
  };
}

function changesSign({ gainWith, gainWithout }: Side): boolean {
  return gainWith > 0 !== gainWithout > 0;
}

/** Introduces the list of interactions: their number, or why none is fitted. */
export function interactionsText({
  interactions,
  interactionsLeftOut,
}: Pick<StudyAnalysis, 'interactions' | 'interactionsLeftOut'>): string {
  switch (interactionsLeftOut) {
    case 'too_few_degrees':
      return l10n.t(
        'Interactions are not fitted: this needs 6 degrees of freedom for the noise. Add blocks to get them.',
      );
    case 'design':
      return l10n.t('Interactions are not fitted: this design cannot separate them from other effects.');
    case 'none':
      return fittedText(interactions);
    default:
      return assertNever(interactionsLeftOut);
  }
}

function fittedText(interactions: readonly StudyInteraction[]): string {
  const { length } = interactions;
  if (length === 0) return l10n.t('There are no pairs of factors to test.');
  const isAnyShown = interactions.some(({ isShown }) => isShown);
  if (length === 1)
    return isAnyShown ? l10n.t('The pair interacts:') : l10n.t('The pair shows no interaction.');
  return isAnyShown
    ? l10n.t('Of {0} pairs, adjusted for their number:', length)
    : l10n.t('None of the {0} pairs shows an interaction, adjusted for their number.', length);
}

/** Lists the aliases of an effect, such as 'may be due to mixup × warmup', the largest shares first. */
export function aliasTexts(
  factor: number,
  aliases: readonly StudyAlias[],
  factors: readonly StudyFactor[],
): string[] {
  return aliases
    .filter((alias) => alias.factor === factor && Math.abs(alias.share) > 1e-9)
    .toSorted((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .map(({ pair, share }) => {
      const size = Math.abs(share);
      return size > 1 - 1e-9
        ? l10n.t('may be due to {0}', pairText(factors, pair))
        : l10n.t('may be partly ({0}%) due to {1}', formatFixed(100 * size, 0), pairText(factors, pair));
    });
}

/** Returns a pair's plot: the gain of each of the four combinations over neither. */
export function interactionPlot(
  interaction: StudyInteraction,
  factors: readonly StudyFactor[],
  higherIsBetter: boolean,
  scale: Scale,
): InteractionPlot {
  const { pair, levels, firstWithout, firstWith, secondWithout, estimate, isShown } = interaction;
  const values = [
    [0, firstWithout],
    [secondWithout, secondWithout + firstWith],
  ] as const;
  const text = (value: number) => differenceText(value, scale);
  const ends = (side: 0 | 1): [string, string] => [
    endText(factors, pair[side], 0),
    endText(factors, pair[side], levels[side]),
  ];
  return {
    label: pairLabel(interaction, factors),
    text: interactionText(interaction, factors, higherIsBetter, scale),
    estimate: withUnit(estimateText(estimate, scale), scale),
    isShown,
    first: ends(0),
    second: ends(1),
    values,
    texts: [
      [text(values[0][0]), text(values[0][1])],
      [text(values[1][0]), text(values[1][1])],
    ],
    ticks: axisTicks(Math.min(...values.flat()), Math.max(...values.flat()), scale, 4),
  };
}

/** Names a pair, including its levels if a factor has several. */
function pairLabel({ pair, levels }: StudyInteraction, factors: readonly StudyFactor[]): string {
  return pair.map((factor, side) => levelName(factors, factor, levels[side as 0 | 1])).join(' × ');
}

function endText(factors: readonly StudyFactor[], factor: number, level: number): string {
  return isSwitch(factors, factor) ? condition(factors, factor, level) : levelText(factors, factor, level);
}
