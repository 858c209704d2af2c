import * as l10n from '@vscode/l10n';
import type { Precision } from './recipe';

/** How a run computes, such as 'float16, emulated'. */
export function precisionText(compute: Precision['compute'], execution: 'native' | 'emulated'): string {
  return execution === 'emulated' ? l10n.t('{0}, emulated', compute) : compute;
}

/** How a recipe is to compute, before its engine is known. */
export function plannedPrecisionText(precision: Precision): string {
  if (precision.compute === 'float32') return precision.compute;
  switch (precision.execution) {
    case 'native':
    case 'emulated':
      return precisionText(precision.compute, precision.execution);
    case 'emulated_unless_native':
      return l10n.t('{0}, emulated unless the engine has it', precision.compute);
    default:
      return precision.execution satisfies never;
  }
}
