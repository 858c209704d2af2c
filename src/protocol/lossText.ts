import * as l10n from '@vscode/l10n';

/**
 * A training loss with its terms apart where it has two, such as '923.0612 (labels 0.4121 + distillation 922.6491)'. The
 * distillation's is weighted and times T²: its least value is the teacher's entropy, so that it is far above the other.
 *
 * @param format how a number is written
 */
export function lossText(
  loss: number,
  labelsLoss: number | undefined,
  format: (loss: number) => string,
): string {
  return labelsLoss === undefined
    ? format(loss)
    : l10n.t(
        '{0} (labels {1} + distillation {2})',
        format(loss),
        format(labelsLoss),
        format(loss - labelsLoss),
      );
}
