import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { formatNumber } from '../shared/format';

/** Explains that a training ended with a loss that is not a number. The command itself may have noticed nothing. */
export function divergenceFailure({
  epoch,
  loss,
}: {
  readonly epoch: number;
  readonly loss: number;
}): Failure {
  return {
    kind: 'diverged',
    what: l10n.t('The training loss was {0} in all of epoch {1}.', formatNumber(loss), epoch),
    remedy: l10n.t('Lower the learning rate, lengthen the warmup, or train in full precision.'),
  };
}
