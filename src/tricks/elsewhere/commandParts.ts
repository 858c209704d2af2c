import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import { RESNETS } from '../../models/networks/resNet';
import type { ErasingRecipe, LossScaling, Recipe } from '../../recipe/recipe';
import { formatNumber } from '../../shared/format';
import { differs, lacks, type Translation, together, when } from './translation';

/** Parts of the commands that both systems share. Both count whole epochs and only have the models of the papers. */

type Schedule = Recipe['schedule'];

/** Returns the warmup in whole epochs. */
export function warmupEpochs({ warmup, stepsPerEpoch }: Schedule): number {
  return warmup.steps === 0 ? 0 : Math.max(Math.round(warmup.steps / stepsPerEpoch), 1);
}

/**
 * Returns the epochs at which a step decay multiplies the learning rate. They are whole if the learning rate changes
 * once per epoch.
 */
export function milestonesInEpochs({ decay, update, stepsPerEpoch }: Schedule): number[] {
  if (decay.name !== 'step') return [];
  const epochs = decay.milestones.map((step) => step / stepsPerEpoch);
  return update === 'epoch' ? epochs.map(Math.ceil) : epochs;
}

/** Whether the learning rate changes at every step during warmup. */
export function risesByStep({ warmup, update }: Schedule): boolean {
  return warmup.steps > 0 && update === 'step' && warmup.update === 'step';
}

/** Whether the learning rate changes within epochs after warmup. */
export function fallsByStep(schedule: Schedule): boolean {
  switch (schedule.decay.name) {
    case 'constant':
      return false;
    case 'step':
      return milestonesInEpochs(schedule).some((epoch) => !Number.isInteger(epoch));
    default:
      return schedule.update === 'step';
  }
}

/** Reports ResNets whose width differs from the papers'. */
export function otherWidth(model: ModelSpec): Translation {
  return when(
    isResNet(model) && model.width !== 64,
    lacks(
      l10n.t('a {0} of width {1}; its width is always 64', model.name, isResNet(model) ? model.width : 0),
    ),
  );
}

/** Whether a model is a ResNet whose bottlenecks have their stride where no other system has it. */
export function isBottleneckA(model: ModelSpec): boolean {
  return isResNet(model) && model.variant === 'A' && RESNETS[model.name].block === 'bottleneck';
}

/** Reports the stride of a plain bottleneck, which is in a different convolution in both systems. */
export function otherBottleneck(model: ModelSpec): Translation {
  return when(
    isBottleneckA(model),
    differs(l10n.t('{0}: its stride is in the 3x3 convolutions, as with the trick resnet_b', model.name)),
  );
}

/** Reports frozen parts and layer-wise learning rates, which neither system has in this form. */
export function parameterGroupsLacking({ parameterGroups, initialization: { freeze } }: Recipe): Translation {
  const ofOwnRate = parameterGroups.filter(
    ({ learningRateFactor = 1 }) => ![0, 1].includes(learningRateFactor),
  );
  return together(
    when(freeze.length > 0, lacks(l10n.t('init.freeze: {0}', freeze.join(', ')))),
    when(
      ofOwnRate.length > 0,
      lacks(
        l10n.t(
          'learning rates per parameter group: {0}',
          ofOwnRate
            .map(({ name, learningRateFactor = 1 }) => `${name} ${formatNumber(learningRateFactor)}x`)
            .join(', '),
        ),
      ),
    ),
  );
}

/** Reports erased areas that differ from those fixed by a system. */
export function cannotErase(
  { minArea, maxArea, minAspect }: ErasingRecipe,
  fixed: Pick<ErasingRecipe, 'minArea' | 'maxArea' | 'minAspect'>,
): Translation {
  return when(
    minArea !== fixed.minArea || maxArea !== fixed.maxArea || minAspect !== fixed.minAspect,
    differs(
      l10n.t(
        'random_erasing: it erases {0} to {1} of the area, with height / width from {2}',
        formatNumber(fixed.minArea),
        formatNumber(fixed.maxArea),
        formatNumber(fixed.minAspect),
      ),
    ),
  );
}

/** Reports a loss scale other than the default of PyTorch's GradScaler: neither system has an option for it. */
export function otherLossScale(scale: LossScaling): Translation {
  const isDefault =
    scale.kind === 'dynamic' &&
    scale.initial === 65536 &&
    scale.growthFactor === 2 &&
    scale.backoffFactor === 0.5 &&
    scale.growthInterval === 2000;
  return when(!isDefault, lacks(l10n.t("a loss scale other than the default of PyTorch's GradScaler")));
}
