import * as l10n from '@vscode/l10n';
import type { Precision } from '../recipe/recipe';
import type { PrecisionReport } from './events';

/** How a run computes, such as 'float16, emulated'. */
export function precisionText({ compute, execution }: PrecisionReport): string {
  return execution === 'emulated' ? l10n.t('{0}, emulated', compute) : compute;
}

/** What a run computes in: as its trainer found it, or before that as planned. */
export function runPrecisionText(planned: Precision, found: PrecisionReport | undefined): string {
  return found ? precisionText(found) : plannedPrecisionText(planned);
}

/** How a recipe is to compute, before its engine is known. */
function plannedPrecisionText(precision: Precision): string {
  if (precision.compute === 'float32') return precision.compute;
  if (precision.execution === 'emulated_unless_native')
    return l10n.t('{0}, emulated unless the engine has it', precision.compute);
  // A later version's run may have another one, and is to be shown all the same.
  return precisionText({ compute: precision.compute, execution: precision.execution });
}
