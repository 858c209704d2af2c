import * as l10n from '@vscode/l10n';

/** The locale for number formats: the page's language, elsewhere English. */
export const LOCALE = globalThis.document?.documentElement.lang || 'en-US';

const counts = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const [wholePercentages, tenths, hundredths] = [0, 1, 2].map(
  (digits) =>
    new Intl.NumberFormat(LOCALE, {
      style: 'percent',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }),
) as [Intl.NumberFormat, Intl.NumberFormat, Intl.NumberFormat];

const moment = { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const;
const minuteOf = new Intl.DateTimeFormat(LOCALE, moment);
const secondOf = new Intl.DateTimeFormat(LOCALE, { ...moment, second: '2-digit' });

/**
 * Up to this many images, each one is at least a tenth of a percent. Beyond it, one decimal cannot distinguish adjacent
 * values.
 */
const MOST_IMAGES_OF_TENTHS = 1000;

/** Formats a number with at most `digits` significant digits, no trailing zeros and no thousands separator. */
export function formatNumber(value: number, digits = 4): string {
  return Number(value.toPrecision(digits)).toString();
}

/** Formats bytes with three significant digits, such as '812 MiB' or '1.62 GiB'. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  // A value that three digits round up to the next unit is written in that unit.
  const power = units.findLastIndex((_, index) => index === 0 || bytes >= 999.5 * 1024 ** (index - 1));
  return `${formatNumber(bytes / 1024 ** power, 3)} ${units[power]}`;
}

/** Formats an estimate of bytes with suitable precision, such as '812 MiB' or '1.6 GiB'. */
export function roughBytes(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** Formats an integer with thousands separators, such as '25,557,032'. */
export function formatCount(value: number): string {
  return counts.format(value);
}

/** Stands for an unknown number. */
export const UNKNOWN = '-';

/** Formats a loss with this many decimals. An unknown loss is '-'. */
export function formatLoss(loss: number | null | undefined, digits: number): string {
  return loss === null || loss === undefined ? UNKNOWN : loss.toFixed(digits);
}

/**
 * Formats an accuracy or another metric over `images` images, a fraction from 0 to 1. Uses enough decimals to
 * distinguish one image: one decimal up to 1,000 images, such as '92.5%', and above that two as in papers, such as
 * '76.13%'. An unknown accuracy is '-', and an unknown number of images means two decimals.
 */
export function formatAccuracy(share: number | null | undefined, images: number | null): string {
  if (share === null || share === undefined) return UNKNOWN;
  return images === null || images > MOST_IMAGES_OF_TENTHS
    ? formatPercent(share)
    : tenths.format(rounded(100 * share, 1) / 100);
}

/** Formats any other fraction from 0 to 1, such as a probability, with two decimals: '76.13%'. */
export function formatPercent(share: number): string {
  return hundredths.format(rounded(100 * share, 2) / 100);
}

/** Formats a number with this many decimals, such as '0.40'. A value that rounds to zero has no sign. */
export function formatFixed(value: number, digits: number): string {
  return rounded(value, digits).toFixed(digits);
}

/** Formats progress, a fraction from 0 to 1, such as '43%'. Shows '100%' only at completion. */
export function formatProgress(share: number): string {
  // In floating point, 100 * 0.29 is below 29.
  return wholePercentages.format(Math.floor(100 * share + 1e-9) / 100);
}

/** Formats a duration in seconds in its two largest units, such as '45 s', '3 min 05 s' or '2 h 10 min'. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return l10n.t('{0} s', whole);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return l10n.t('{0} min {1} s', minutes, twoDigits(whole % 60));
  return l10n.t('{0} h {1} min', Math.floor(minutes / 60), twoDigits(minutes % 60));
}

/** Formats an age in seconds in its largest unit, such as 'now', '5 min', '3 h' or '12 d'. */
export function formatAge(seconds: number): string {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  if (minutes < 1) return l10n.t('now');
  if (minutes < 60) return l10n.t('{0} min', minutes);
  if (minutes < 24 * 60) return l10n.t('{0} h', Math.floor(minutes / 60));
  return l10n.t('{0} d', Math.floor(minutes / (24 * 60)));
}

/** Formats a time in milliseconds since 1970 as local time, such as 'Nov 28, 2:32 PM', to the minute or the second. */
export function formatMoment(time: number, precision: 'minutes' | 'seconds'): string {
  return (precision === 'minutes' ? minuteOf : secondOf).format(time);
}

/** Formats a training speed, such as '72 images/s', with one decimal below 10. */
export function formatSpeed(imagesPerSecond: number): string {
  return l10n.t('{0} images/s', (imagesPerSecond < 10 ? oneDecimal : counts).format(imagesPerSecond));
}

/**
 * Rounds half away from zero, as by hand. A fraction of images may be represented by a floating-point number on either
 * side of a tie.
 */
function rounded(value: number, digits: number): number {
  const power = 10 ** digits;
  const size = Math.floor(Math.abs(value) * power + 0.5 + 1e-9) / power;
  // Avoids -0.
  return size === 0 ? 0 : Math.sign(value) * size;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** Formats GPUs for a person: `GPU 1, NVIDIA H100`. The word is the same in every language. */
export function gpuText(gpus: readonly { readonly index: number; readonly name: string }[]): string {
  return gpus.map(({ index, name }) => `GPU ${index}, ${name}`).join('; ');
}
