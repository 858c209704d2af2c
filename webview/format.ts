import * as l10n from '@vscode/l10n';
import { formatCount, LOCALE } from '../src/shared/format';

const fixed = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const significant = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 2 });

/** Formats a step on an axis, such as '150' or '12.5K'. */
export function formatStepTick(value: number): string {
  return value < 10_000 ? formatCount(value) : compact.format(value);
}

/** Formats a loss with three decimals, or with three significant digits if it is too small for that. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return l10n.t('not finite');
  return Math.abs(loss) >= 0.1 || loss === 0 ? fixed.format(loss) : formatLearningRate(loss);
}

/** Formats a learning rate with three significant digits, in scientific notation below 1e-4, such as '2.5e-5'. */
export function formatLearningRate(rate: number): string {
  const tiny = rate !== 0 && Math.abs(rate) < 1e-4;
  return tiny ? Number(rate.toPrecision(3)).toExponential() : significant.format(rate);
}
