import * as l10n from '@vscode/l10n';

/** Whose marks numbers have: in the page its language's, elsewhere those of English. */
export const LOCALE = globalThis.document?.documentElement.lang || 'en-US';

const counts = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const percentages = new Intl.NumberFormat(LOCALE, {
  style: 'percent',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const wholePercentages = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });

/** A number as people write it: at most `digits` significant digits, no trailing zeros, no thousands mark. */
export function formatNumber(value: number, digits = 4): string {
  return Number(value.toPrecision(digits)).toString();
}

/** Bytes as people write them, in three digits, such as '812 MiB' or '1.62 GiB'. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  // What three digits round up to the next unit is written in it.
  const power = units.findLastIndex((_, index) => index === 0 || bytes >= 999.5 * 1024 ** (index - 1));
  return `${formatNumber(bytes / 1024 ** power, 3)} ${units[power]}`;
}

/** An estimate of bytes, no finer than it is good for, such as '812 MiB' or '1.6 GiB'. */
export function roughBytes(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** A whole number with marks at the thousands, such as '25,557,032'. */
export function formatCount(value: number): string {
  return counts.format(value);
}

/**
 * An accuracy, as a share from 0 to 1, with the two decimals that papers give it, such as '76.13%': tricks differ by
 * tenths of a point.
 */
export function formatPercent(share: number): string {
  return percentages.format(share);
}

/** How much of some work is done, as a share from 0 to 1, such as '43%'; '100%' only when all of it is. */
export function formatProgress(share: number): string {
  // As a floating-point number, 100 * 0.29 is below 29.
  return wholePercentages.format(Math.floor(100 * share + 1e-9) / 100);
}

/** A time span in seconds in its two largest units, such as '45 s', '3 min 05 s' or '2 h 10 min'. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return l10n.t('{0} s', whole);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return l10n.t('{0} min {1} s', minutes, twoDigits(whole % 60));
  return l10n.t('{0} h {1} min', Math.floor(minutes / 60), twoDigits(minutes % 60));
}

/** How many seconds ago something was, in its largest unit, such as 'now', '5 min', '3 h' or '12 d'. */
export function formatAge(seconds: number): string {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  if (minutes < 1) return l10n.t('now');
  if (minutes < 60) return l10n.t('{0} min', minutes);
  if (minutes < 24 * 60) return l10n.t('{0} h', Math.floor(minutes / 60));
  return l10n.t('{0} d', Math.floor(minutes / (24 * 60)));
}

/** How fast a training is, such as '72 images/s'; with one decimal below 10. */
export function formatSpeed(imagesPerSecond: number): string {
  return l10n.t('{0} images/s', (imagesPerSecond < 10 ? oneDecimal : counts).format(imagesPerSecond));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
