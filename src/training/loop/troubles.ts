import * as l10n from '@vscode/l10n';
import type { Recipe } from '../../recipe/recipe';
import { learningRateAt } from '../../recipe/schedule';
import type { Failure } from '../../shared/failure';
import { formatNumber } from '../../shared/format';

/** The loss is no longer a number that training can go on from. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';

  constructor(
    readonly loss: number,
    readonly step: number,
  ) {
    super(`The loss is ${loss} at step ${step}`);
  }
}

/** No scale of the loss keeps the gradients in the range of half precision. */
export class OverflowError extends Error {
  override readonly name = 'OverflowError';

  constructor(
    readonly steps: number,
    readonly lossScale: number,
    readonly step: number,
  ) {
    super(`The gradients overflowed in ${steps} steps in a row, at step ${step}`);
  }
}

/** Why a training ended whose gradients overflow, and which `tricks` may help. */
export function overflowFailure(
  { steps, lossScale, step }: OverflowError,
  { schedule, precision }: Recipe,
  tricks: readonly string[],
): Failure {
  const isStatic = precision.compute === 'float16' && precision.lossScale.kind === 'static';
  const scale = formatNumber(lossScale);
  const remedies = [
    l10n.t('Use the dtype bfloat16'),
    ...(isStatic ? [l10n.t('a dynamic loss_scale')] : []),
    ...tricks.map((trick) => l10n.t('the trick {0}', trick)),
    l10n.t('or a lower optimizer.base_lr.'),
  ];
  return {
    kind: 'diverged',
    what: isStatic
      ? l10n.t('The gradients overflowed in {0} steps in a row at the loss scale {1}.', steps, scale)
      : l10n.t('The gradients overflowed in {0} steps in a row, down to the loss scale {1}.', steps, scale),
    remedy: withKeptWeights(remedies.join(', '), Math.floor(step / schedule.stepsPerEpoch)),
  };
}

/** Says of a run that failed past its first epoch that there is something left of it. */
function withKeptWeights(remedy: string, epoch: number): string {
  return epoch === 0 ? remedy : l10n.t('{0} The weights of the last whole epoch are kept.', remedy);
}

/** Why a training ended whose loss is no number, and which `tricks` may help. */
export function divergedFailure(
  { loss, step }: DivergedError,
  { schedule }: Recipe,
  tricks: readonly string[],
): Failure {
  const rate = formatNumber(learningRateAt(schedule, step));
  const epoch = Math.floor(step / schedule.stepsPerEpoch);
  const remedy =
    tricks.length > 0
      ? l10n.t('Lower optimizer.base_lr, or add a trick: {0}.', tricks.join(', '))
      : l10n.t('Lower optimizer.base_lr, or lengthen the warmup.');
  return {
    kind: 'diverged',
    what: l10n.t(
      'The loss became {0} at step {1}, in epoch {2}, at learning rate {3}.',
      loss,
      step,
      epoch,
      rate,
    ),
    remedy: withKeptWeights(remedy, epoch),
  };
}
