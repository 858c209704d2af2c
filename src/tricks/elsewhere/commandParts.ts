import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import { RESNETS } from '../../models/networks/resNet';
import type { ErasingRecipe, LossScaling, Recipe } from '../../recipe/recipe';
import { formatNumber } from '../../shared/format';
import { differs, lacks, type Translation, together, when } from './translation';

/** What both systems say alike of a recipe: each counts in whole epochs and has the models of the papers alone. */

type Schedule = Recipe['schedule'];

/** Whole epochs of warmup. */
export function warmupEpochs({ warmup, stepsPerEpoch }: Schedule): number {
  return warmup.steps === 0 ? 0 : Math.max(Math.round(warmup.steps / stepsPerEpoch), 1);
}

/** The epochs at which a decay by steps multiplies the rate: whole ones where the rate changes once an epoch. */
export function milestonesInEpochs({ decay, update, stepsPerEpoch }: Schedule): number[] {
  if (decay.name !== 'step') return [];
  const epochs = decay.milestones.map((step) => step / stepsPerEpoch);
  return update === 'epoch' ? epochs.map(Math.ceil) : epochs;
}

/** Whether the rate changes at every step as warmup rises. */
export function risesByStep({ warmup, update }: Schedule): boolean {
  return warmup.steps > 0 && update === 'step' && warmup.update === 'step';
}

/** Whether the rate changes within epochs once warmup is over. */
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

/** ResNets of another width than the papers'. */
export function otherWidth(model: ModelSpec): Translation {
  return when(
    isResNet(model) && model.width !== 64,
    lacks(l10n.t('a {0} of width {1}; its width is 64', model.name, isResNet(model) ? model.width : 0)),
  );
}

/** Whether a model is a ResNet whose bottlenecks have their stride where no other system has it. */
export function isBottleneckA(model: ModelSpec): boolean {
  return isResNet(model) && model.variant === 'A' && RESNETS[model.name].block === 'bottleneck';
}

/** The stride of a plain bottleneck, which stands elsewhere in the two systems. */
export function otherBottleneck(model: ModelSpec): Translation {
  return when(
    isBottleneckA(model),
    differs(l10n.t('{0}: it strides in the 3x3 convolutions, as with the trick resnet_b', model.name)),
  );
}

/** Frozen parts, and learning rates that differ along the network, which neither system has in this form. */
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
          'the learning rates of parameter groups: {0}',
          ofOwnRate
            .map(({ name, learningRateFactor = 1 }) => `${name} ${formatNumber(learningRateFactor)}x`)
            .join(', '),
        ),
      ),
    ),
  );
}

/** Erased areas other than those that a system has fixed. */
export function cannotErase(
  { minArea, maxArea, minAspect }: ErasingRecipe,
  fixed: Pick<ErasingRecipe, 'minArea' | 'maxArea' | 'minAspect'>,
): Translation {
  return when(
    minArea !== fixed.minArea || maxArea !== fixed.maxArea || minAspect !== fixed.minAspect,
    differs(
      l10n.t(
        'random_erasing: it erases from {0} to {1} of the area, height / width from {2}',
        formatNumber(fixed.minArea),
        formatNumber(fixed.maxArea),
        formatNumber(fixed.minAspect),
      ),
    ),
  );
}

/** A loss scale other than the default of PyTorch's GradScaler, which neither system has an option for. */
export function otherLossScale(scale: LossScaling): Translation {
  const isDefault =
    scale.kind === 'dynamic' &&
    scale.initial === 65536 &&
    scale.growthFactor === 2 &&
    scale.backoffFactor === 0.5 &&
    scale.growthInterval === 2000;
  return when(!isDefault, lacks(l10n.t("a loss scale other than the default of PyTorch's GradScaler")));
}
