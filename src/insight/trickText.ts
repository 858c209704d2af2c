// What lenses, hovers and quick picks say of a trick.
import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { LEFT_OUT_REASONS, type LeftOutReason, type MeasuredEffect, type Place } from '../study/effect';
import type { Evidence, Trick } from '../tricks/trick';
import type { TrickFit } from './trickFit';
import { shownValue } from './trickOptions';

/** What its source measured, losses included, such as 'batch 256: 76.19 to 76.16 (−0.03)'. */
export function evidenceText({ source, evidence }: Trick): string {
  return evidence.length === 0
    ? l10n.t('{0} has no figure for it alone', source)
    : `${source}: ${evidence.map(rowText).join('; ')}`;
}

function rowText({ setting, without, with: withIt }: Evidence): string {
  return l10n.t(
    '{0}: {1} to {2} ({3})',
    setting,
    without.toFixed(2),
    withIt.toFixed(2),
    signed(withIt - without),
  );
}

/** What runs here have shown of a trick, such as '+0.42 ± 0.15 points over 3 seeds', a 95% interval. */
export function measuredText(measured: MeasuredEffect | null): string {
  if (!measured?.difference) return l10n.t('not yet measured');
  const { pairs, mean, halfWidth } = measured.difference;
  return halfWidth === null
    ? l10n.t('one seed: no evidence yet')
    : l10n.t('{0} ± {1} points over {2} seeds', signed(mean), halfWidth.toFixed(2), pairs);
}

/** What else there is to say of a measured effect: where it was measured, and which runs are left out of it. */
export function measuredNote(measured: MeasuredEffect | null): string {
  if (!measured) return '';
  const { difference, place, leftOut } = measured;
  return [
    place && placeText(place),
    difference && intervalText(difference),
    ...(leftOut.size === 0 ? [] : [leftOutText(leftOut)]),
  ]
    .filter(Boolean)
    .join('; ');
}

function intervalText({ mean, halfWidth }: NonNullable<MeasuredEffect['difference']>): string | null {
  if (halfWidth === null) return null;
  return Math.abs(mean) > halfWidth
    ? l10n.t("the 95% interval of the mean over pairs of runs, by Student's t")
    : l10n.t("the 95% interval of the mean over pairs of runs, by Student's t, holds 0: no effect is shown");
}

function placeText({ engine, threads, execution }: Place): string {
  const half = execution === 'emulated' ? [l10n.t('half precision emulated')] : [];
  const shards = threads === null ? [] : [l10n.t('threads: {0}', threads)];
  return [l10n.t('on {0}', engine), ...shards, ...half].join(', ');
}

/** Such as 'left out: 2 not finished, 1 repeated (the latest run of a seed counts)'. */
function leftOutText(leftOut: MeasuredEffect['leftOut']): string {
  const parts = LEFT_OUT_REASONS.flatMap((reason) => {
    const count = leftOut.get(reason);
    return count === undefined ? [] : [leftOutPart(reason, count)];
  });
  return l10n.t('runs left out: {0}', parts.join(', '));
}

function leftOutPart(reason: LeftOutReason, count: number): string {
  switch (reason) {
    case 'unfinished':
      return l10n.t('{0} not finished', count);
    case 'unrecorded':
      return l10n.t('{0} of an earlier release that did not record the threads or the precision', count);
    case 'repeated':
      return l10n.t('{0} repeated (the latest run of a seed counts)', count);
    case 'unpaired':
      return l10n.t('{0} without a counterpart of the same seed, engine, threads and precision', count);
    case 'elsewhere':
      return l10n.t('{0} paired on another engine, number of threads or precision', count);
    default:
      return assertNever(reason);
  }
}

/** A difference with its sign, a true minus, and two digits. */
export function signed(difference: number, digits = 2): string {
  const size = Math.abs(difference).toFixed(digits);
  if (Number(size) === 0) return `±${size}`;
  return `${difference < 0 ? '\u2212' : '+'}${size}`;
}

/** A title inside of a sentence; names such as LARS and ResNet-B keep their capitals. */
export function titleInSentence(title: string): string {
  const isName = /^\p{Lu}\S*\p{Lu}/u.test(title);
  return isName ? title : title.charAt(0).toLocaleLowerCase() + title.slice(1);
}

/** What a trick does to an experiment, in numbers. */
export function factsOf({ effect, memory }: Pick<TrickFit, 'effect' | 'memory'>): string[] {
  return [effect(), memory()].filter((fact) => fact !== null);
}

/** A sentence as a part of a title. */
export function inTitle(sentence: string | null): string | null {
  return sentence?.replace(/\.$/, '') ?? null;
}

/** The codicon of what a click on a trick does. */
export function trickIcon({ isIn, obstacle }: Pick<TrickFit, 'isIn' | 'obstacle'>): string {
  if (obstacle() !== null) return 'info';
  return isIn ? 'remove' : 'add';
}

export function configureTitle({ trick }: Pick<TrickFit, 'trick'>): string {
  return l10n.t('Configure {0}...', titleInSentence(trick.title()));
}

/** A trick's options as they are, such as 'Warmup: epochs 5, count_from 0, update step'. */
export function optionsText({ trick, options }: Pick<TrickFit, 'trick' | 'options'>): string {
  const values = options().map(({ name, value }) => `${name} ${shownValue(value)}`);
  return l10n.t('{0}: {1}', trick.title(), values.join(', '));
}
