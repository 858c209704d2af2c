// What a study says of each effect, in words.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyAnalysis, StudyEffect } from '../../../protocol/study';
import type { EffectRow, RowVerdict, StudyFacts } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { formatCount } from '../../../shared/format';
import { estimateText, type Scale } from './studyNumbers';

/** The verdict of an effect, or why there is none. */
export function rowVerdict(effect: StudyEffect, { withheld }: Pick<StudyAnalysis, 'withheld'>): RowVerdict {
  if (effect.estimates === null) return 'not_estimated';
  return withheld === null ? effect.verdict : 'withheld';
}

/** The estimate that verdicts use: the one for new images where there is one. */
export function decidingEstimate(effect: StudyEffect): Estimate | null {
  if (effect.estimates === null) return null;
  return effect.estimates.onNewImages ?? effect.estimates.onTheseImages;
}

/** A verdict in words, such as 'helps', 'too small to matter (+0.08 ± 0.05)' or 'undecided: needs 2 more blocks'. */
export function verdictText(
  effect: StudyEffect,
  analysis: Pick<StudyAnalysis, 'withheld' | 'blocksDone'>,
  scale: Scale,
): string {
  const verdict = rowVerdict(effect, analysis);
  switch (verdict) {
    case 'helps':
      return l10n.t('helps');
    case 'hurts':
      return l10n.t('hurts');
    case 'too_small':
      return l10n.t('too small to matter');
    case 'helps_but_too_small':
    case 'hurts_but_too_small': {
      const estimate = decidingEstimate(effect);
      return estimate
        ? l10n.t('too small to matter ({0})', estimateText(estimate, scale))
        : l10n.t('too small to matter');
    }
    case 'undecided':
      return undecidedText(effect, analysis.blocksDone);
    case 'withheld':
      return l10n.t('withheld');
    case 'not_estimated':
      return l10n.t('cannot be estimated from the runs that finished');
    default:
      return assertNever(verdict);
  }
}

function undecidedText(
  {
    blocksNeeded,
    needsMoreImages,
    estimates,
  }: Pick<StudyEffect, 'blocksNeeded' | 'needsMoreImages' | 'estimates'>,
  done: number,
): string {
  if (needsMoreImages) {
    return estimates && isMoreByRuns(estimates)
      ? l10n.t('undecided: needs more blocks and images')
      : l10n.t('undecided: needs more images');
  }
  const more = blocksNeeded === null ? 0 : blocksNeeded - done;
  if (more <= 0) return l10n.t('undecided');
  return more === 1
    ? l10n.t('undecided: needs 1 more block')
    : l10n.t('undecided: needs {0} more blocks', formatCount(more));
}

/** Whether an interval is as wide as it is by the noise of runs, more than by the choice of images. */
function isMoreByRuns({ onTheseImages, onNewImages }: NonNullable<StudyEffect['estimates']>): boolean {
  const [runs, both] = [onTheseImages.halfWidth, onNewImages?.halfWidth];
  // The squares of the two add up to that of the interval for new images.
  return typeof runs === 'number' && typeof both === 'number' && 2 * runs ** 2 > both ** 2;
}

/** How a verdict is coloured; it is said in words as well. */
export function verdictTone(verdict: RowVerdict): EffectRow['tone'] {
  switch (verdict) {
    case 'helps':
      return 'good';
    case 'hurts':
      return 'bad';
    case 'too_small':
    case 'helps_but_too_small':
    case 'hurts_but_too_small':
      return 'small';
    case 'undecided':
    case 'withheld':
    case 'not_estimated':
      return 'open';
    default:
      return assertNever(verdict);
  }
}

/** Why verdicts are withheld, and what would give them; null where they are not. */
export function withheldText(withheld: StudyAnalysis['withheld'], stop: StudyFacts['stop']): string | null {
  switch (withheld) {
    case null:
      return null;
    case 'one_block':
      return l10n.t(
        'Verdicts are withheld: one block shows effects, but not how far they depend on the seed.',
      );
    case 'too_few_degrees':
      return l10n.t(
        'Verdicts are withheld: fewer than 3 degrees of freedom are left for the noise, too few for an interval.',
      );
    case 'seeds_ignored':
      return l10n.t(
        'Verdicts are withheld: runs of different seeds gave the same digits, so the trainer seems to ignore its seed.',
      );
    case 'unfinished':
      return stop === 'when_decided'
        ? l10n.t('Verdicts are withheld until enough blocks are complete for a first look.')
        : l10n.t('Verdicts are withheld until all blocks are complete: this study does not look early.');
    case 'no_noise':
      return l10n.t('Verdicts are withheld: runs agree in every digit, so their noise is not known.');
    default:
      return assertNever(withheld);
  }
}
