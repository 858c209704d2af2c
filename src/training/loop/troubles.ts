import * as l10n from '@vscode/l10n';
import type { Recipe } from '../../recipe/recipe';
import { learningRateAt } from '../../recipe/schedule';
import type { Failure } from '../../shared/failure';
import { formatNumber } from '../../shared/format';

/** The loss is not finite anymore, so training cannot continue. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';

  constructor(
    readonly loss: number,
    readonly step: number,
  ) {
    super(`The loss is ${loss} at step ${step}`);
  }
}

/** No loss scale keeps the gradients in the range of half precision. */
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

/** The initial scale of PyTorch's GradScaler. */
const USUAL_INITIAL_SCALE = 65536;

/** Explains why a training ended with overflowing gradients, and which `tricks` may help. */
export function overflowFailure(
  { steps, lossScale, step }: OverflowError,
  { schedule, precision }: Recipe,
  tricks: readonly string[],
): Failure {
  const initial =
    precision.compute === 'float16' && precision.lossScale.kind === 'dynamic'
      ? precision.lossScale.initial
      : null;
  const scale = formatNumber(lossScale);
  const remedies = [
    l10n.t('Use the dtype bfloat16'),
    ...(initial === null ? [l10n.t('a dynamic or a lower loss_scale')] : []),
    ...(initial !== null && initial > USUAL_INITIAL_SCALE
      ? [l10n.t('a lower initial_scale, such as {0}', USUAL_INITIAL_SCALE)]
      : []),
    ...tricks.map((trick) => l10n.t('the trick {0}', trick)),
    l10n.t('or a lower optimizer.base_lr.'),
  ];
  return {
    kind: 'diverged',
    what:
      initial === null
        ? l10n.t(
            'The gradients overflowed in {0} consecutive steps at loss scale {1}, up to step {2}.',
            steps,
            scale,
            step,
          )
        : l10n.t(
            'The gradients overflowed in {0} consecutive steps, up to step {1}: the loss scale fell from its initial_scale {2} to {3}, which is too low to help.',
            steps,
            step,
            formatNumber(initial),
            scale,
          ),
    remedy: withKeptWeights(remedies.join(', '), Math.floor(step / schedule.stepsPerEpoch)),
  };
}

/** Adds, for a run that failed after its first epoch, that its weights are kept. */
function withKeptWeights(remedy: string, epoch: number): string {
  return epoch === 0 ? remedy : l10n.t('{0} The weights of the last complete epoch are kept.', remedy);
}

/** Explains why a training ended with a non-finite loss, and which `tricks` may help. */
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
