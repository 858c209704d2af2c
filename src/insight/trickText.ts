// Texts about a trick for lenses, hovers and quick picks.
import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { formatFixed } from '../shared/format';
import { isMapping } from '../shared/values';
import { type MeasuredEffect, type Place, SKIP_REASONS, type SkipReason } from '../study/effect';
import type { Evidence, Trick } from '../tricks/trick';
import type { TrickFit } from './trickFit';
import { shownValue } from './trickOptions';

/** Lists the figures of its source, losses included, such as 'batch 256: 76.19 to 76.16 (−0.03)'. */
export function evidenceText({ source, evidence }: Trick): string {
  return evidence.length === 0
    ? l10n.t('{0} reports no figure for it alone', source)
    : `${source}: ${evidence.map(rowText).join('; ')}`;
}

function rowText({ setting, without, with: withIt }: Evidence): string {
  return l10n.t(
    '{0}: {1} to {2} ({3})',
    setting,
    formatFixed(without, 2),
    formatFixed(withIt, 2),
    signed(withIt - without),
  );
}

/** Formats a trick's effect measured in runs here, such as '+0.42 ± 0.15 points over 3 seeds', a 95% interval. */
export function measuredText(measured: MeasuredEffect | null): string {
  if (!measured?.difference) return l10n.t('not yet measured');
  const { pairs, halfWidth } = measured.difference;
  return halfWidth === null
    ? l10n.t('one seed: no evidence yet')
    : l10n.t('{0} points over {1} seeds', measuredShort(measured), pairs);
}

/** Formats only the measured effect in points, such as '+0.42 ± 0.15'. Empty if there is none. */
export function measuredShort(measured: MeasuredEffect | null): string {
  const { mean = 0, halfWidth = null } = measured?.difference ?? {};
  return halfWidth === null ? '' : `${signed(mean)} ± ${formatFixed(halfWidth, 2)}`;
}

/** Adds remarks on a measured effect: where it was measured, and which runs are left out. */
export function measuredNote(measured: MeasuredEffect | null): string {
  if (!measured) return '';
  const { difference, place, skipped } = measured;
  return [
    place && placeText(place),
    difference && intervalText(difference),
    ...(skipped.size === 0 ? [] : [skippedText(skipped)]),
  ]
    .filter(Boolean)
    .join('; ');
}

function intervalText({ mean, halfWidth }: NonNullable<MeasuredEffect['difference']>): string | null {
  if (halfWidth === null) return null;
  return Math.abs(mean) > halfWidth
    ? l10n.t("95% interval of the mean over pairs of runs (Student's t)")
    : l10n.t("95% interval of the mean over pairs of runs (Student's t) includes 0: no effect is shown");
}

function placeText({ engine, threads, execution }: Place): string {
  const half = execution === 'emulated' ? [l10n.t('half precision emulated')] : [];
  const shards = threads === null ? [] : [l10n.t('threads: {0}', threads)];
  return [l10n.t('on {0}', engine), ...shards, ...half].join(', ');
}

/** Formats a note such as 'left out: 2 not finished, 1 repeated (the latest run of a seed counts)'. */
function skippedText(skipped: MeasuredEffect['skipped']): string {
  const parts = SKIP_REASONS.flatMap((reason) => {
    const count = skipped.get(reason);
    return count === undefined ? [] : [skippedPart(reason, count)];
  });
  return l10n.t('runs excluded: {0}', parts.join(', '));
}

function skippedPart(reason: SkipReason, count: number): string {
  switch (reason) {
    case 'unfinished':
      return l10n.t('{0} not finished', count);
    case 'unrecorded':
      return l10n.t('{0} from an earlier release that did not record the threads or the precision', count);
    case 'repeated':
      return l10n.t('{0} repeated (the latest run of a seed counts)', count);
    case 'unpaired':
      return l10n.t('{0} without a matching run of the same seed, engine, threads and precision', count);
    case 'elsewhere':
      return l10n.t('{0} paired on another engine, number of threads or precision', count);
    default:
      return assertNever(reason);
  }
}

/**
 * Formats a difference with its sign, a true minus, and two digits by default. A difference that rounds to zero has no
 * sign.
 */
export function signed(difference: number, digits = 2): string {
  const size = formatFixed(Math.abs(difference), digits);
  if (Number(size) === 0) return size;
  return `${difference < 0 ? '\u2212' : '+'}${size}`;
}

/** Formats a title for use within a sentence. Names such as LARS and ResNet-B keep their capitals. */
export function titleInSentence(title: string): string {
  const isName = /^\p{Lu}\S*\p{Lu}/u.test(title);
  return isName ? title : title.charAt(0).toLocaleLowerCase() + title.slice(1);
}

/** Names a trick with its main option, such as 'Warmup 5 epochs'. */
export function nameWithSetting({ trick, value }: Pick<TrickFit, 'trick' | 'value'>): string {
  const title = trick.title();
  const options = trick.options.safeParse(isMapping(value) ? value : {});
  return trick.setting && options.success ? l10n.t('{0} {1}', title, trick.setting(options.data)) : title;
}

/** Returns the numeric effects of a trick on an experiment. */
export function factsOf({ effect, memory }: Pick<TrickFit, 'effect' | 'memory'>): string[] {
  return [effect(), memory()].filter((fact) => fact !== null);
}

/** Formats a sentence as part of a title. */
export function inTitle(sentence: string | null): string | null {
  return sentence?.replace(/\.$/, '') ?? null;
}

/** Returns the codicon for a click on a trick. */
export function trickIcon({ isIn, obstacle }: Pick<TrickFit, 'isIn' | 'obstacle'>): string {
  if (obstacle() !== null) return 'info';
  return isIn ? 'remove' : 'add';
}

export function configureTitle({ trick }: Pick<TrickFit, 'trick'>): string {
  return l10n.t('Configure {0}...', titleInSentence(trick.title()));
}

/** Lists a trick's current options, such as 'Warmup: epochs 5, count_from 0, update step'. */
export function optionsText({ trick, options }: Pick<TrickFit, 'trick' | 'options'>): string {
  const values = options().map(({ name, value }) => `${name} ${shownValue(value)}`);
  return l10n.t('{0}: {1}', trick.title(), values.join(', '));
}
