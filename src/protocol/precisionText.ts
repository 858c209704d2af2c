import * as l10n from '@vscode/l10n';
import type { Precision } from '../recipe/recipe';
import type { PrecisionReport } from './events';

/** Formats a run's precision, such as 'float16, emulated'. */
export function precisionText({ compute, execution }: PrecisionReport): string {
  return execution === 'emulated' ? l10n.t('{0}, emulated', compute) : compute;
}

/** Formats a run's precision: as its trainer reported it, or as planned before that. */
export function runPrecisionText(planned: Precision, found: PrecisionReport | undefined): string {
  return found ? precisionText(found) : plannedPrecisionText(planned);
}

/** Formats a recipe's precision before its engine is known. */
function plannedPrecisionText(precision: Precision): string {
  if (precision.compute === 'float32') return precision.compute;
  if (precision.execution === 'emulated_unless_native')
    return l10n.t('{0}, emulated unless the engine supports it', precision.compute);
  // A run of a later version may have another value, which must still be shown.
  return precisionText({ compute: precision.compute, execution: precision.execution });
}
