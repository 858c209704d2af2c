// The verdicts of a study in words.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyAnalysis, StudyEffect } from '../../../protocol/study';
import type { EffectRow, RowVerdict, StudyFacts } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { formatCount } from '../../../shared/format';
import { estimateText, type Scale } from './studyNumbers';

/** Returns the verdict of an effect, or why there is none. */
export function rowVerdict(effect: StudyEffect, { withheld }: Pick<StudyAnalysis, 'withheld'>): RowVerdict {
  if (effect.estimates === null) return 'not_estimated';
  return withheld === null ? effect.verdict : 'withheld';
}

/** Returns the estimate that verdicts use: the one for new images if there is one. */
export function decidingEstimate(effect: StudyEffect): Estimate | null {
  if (effect.estimates === null) return null;
  return effect.estimates.onNewImages ?? effect.estimates.onTheseImages;
}

/** Describes a verdict, such as 'helps', 'too small to matter (+0.08 ± 0.05)' or 'undecided: needs 2 more blocks'. */
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
      return l10n.t('cannot be estimated from the finished runs');
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

/** Whether the width of an interval comes more from the noise of runs than from the choice of images. */
function isMoreByRuns({ onTheseImages, onNewImages }: NonNullable<StudyEffect['estimates']>): boolean {
  const [runs, both] = [onTheseImages.halfWidth, onNewImages?.halfWidth];
  // The squares of the two half-widths add up to the square of the half-width for new images.
  return typeof runs === 'number' && typeof both === 'number' && 2 * runs ** 2 > both ** 2;
}

/** Returns the color of a verdict. The words say it, too. */
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

/** Explains why verdicts are withheld and what would give them. Null if they are not. */
export function withheldText(withheld: StudyAnalysis['withheld'], stop: StudyFacts['stop']): string | null {
  switch (withheld) {
    case null:
      return null;
    case 'one_block':
      return l10n.t(
        'Verdicts are withheld: one block shows effects, but not how much they depend on the seed.',
      );
    case 'too_few_degrees':
      return l10n.t(
        'Verdicts are withheld: fewer than 3 degrees of freedom are left for the noise, too few for an interval.',
      );
    case 'seeds_ignored':
      return l10n.t(
        'Verdicts are withheld: runs with different seeds gave identical results, so the trainer seems to ignore its seed.',
      );
    case 'unfinished':
      return stop === 'when_decided'
        ? l10n.t('Verdicts are withheld until enough blocks are complete for a first look.')
        : l10n.t('Verdicts are withheld until all blocks are complete: this study takes no early looks.');
    case 'no_noise':
      return l10n.t('Verdicts are withheld: runs gave identical results, so the noise is unknown.');
    default:
      return assertNever(withheld);
  }
}
