import * as l10n from '@vscode/l10n';

/** How numbers are written: the page's language. */
const locale = globalThis.document?.documentElement.lang || undefined;

const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat(locale, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const fixed = new Intl.NumberFormat(locale, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const significant = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 });

/** A whole number with thousands marked, such as '12,000'. */
export function formatCount(value: number): string {
  return count.format(value);
}

/** A step on an axis, such as '150' or '12.5K'. */
export function formatStepTick(value: number): string {
  return value < 10_000 ? count.format(value) : compact.format(value);
}

/** A share from 0 to 1 as a percentage with one decimal, such as '91.2%'. */
export function formatPercent(share: number): string {
  return percent.format(share);
}

/** A loss: three decimals, or three significant digits where those would hide it. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return l10n.t('not a number');
  return Math.abs(loss) >= 0.1 || loss === 0 ? fixed.format(loss) : formatLearningRate(loss);
}

/** A learning rate: three significant digits, in powers of ten below a ten-thousandth, such as '2.5e-5'. */
export function formatLearningRate(rate: number): string {
  const tiny = rate !== 0 && Math.abs(rate) < 1e-4;
  return tiny ? Number(rate.toPrecision(3)).toExponential() : significant.format(rate);
}

/** Speed, such as '72 images/s'; one decimal below 10. */
export function formatSpeed(imagesPerSecond: number): string {
  const rounded = imagesPerSecond < 10 ? significant.format(Math.round(imagesPerSecond * 10) / 10) : null;
  return l10n.t('{0} images/s', rounded ?? count.format(imagesPerSecond));
}

/** A length of time in its two largest units, such as '45 s', '3 min 05 s' or '2 h 10 min'. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return l10n.t('{0} s', seconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return l10n.t('{0} min {1} s', minutes, twoDigits(seconds % 60));
  return l10n.t('{0} h {1} min', Math.floor(minutes / 60), twoDigits(minutes % 60));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
