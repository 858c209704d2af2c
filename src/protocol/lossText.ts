import * as l10n from '@vscode/l10n';
import { UNKNOWN } from '../shared/format';

/**
 * Formats a training loss, with its terms if it has two, such as '923.0612 (labels 0.4121 + distillation 922.6491)'.
 * The distillation term is weighted and multiplied by T². Its minimum is the teacher's entropy, which is why it is far
 * above the other.
 *
 * An unknown loss is '-'.
 *
 * @param format formats a number
 */
export function lossText(
  loss: number | undefined,
  labelsLoss: number | undefined,
  format: (loss: number) => string,
): string {
  if (loss === undefined) return UNKNOWN;
  return labelsLoss === undefined
    ? format(loss)
    : l10n.t(
        '{0} (labels {1} + distillation {2})',
        format(loss),
        format(labelsLoss),
        format(loss - labelsLoss),
      );
}
