import * as l10n from '@vscode/l10n';
import type { AugmentationStep, AugmentationStepName } from '../../recipe/augmentation';
import { weightsSource } from '../../recipe/pretrained';
import type { Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import { balance } from '../../tricks/elsewhere/balance';
import { parameterGroupsLacking, warmupEpochs } from '../../tricks/elsewhere/commandParts';
import { hasWarmupPrefix, timmModel } from '../../tricks/elsewhere/timm';
import {
  differs,
  lacks,
  nothing,
  option,
  type Part,
  type Translation,
  together,
  when,
} from '../../tricks/elsewhere/translation';
import type { System } from './system';

const data: Part = ({ data: { source, dataset, images, batchSize, shuffle } }) => {
  const { name, trainImages, channels, height, width, mean, std, classNames } = dataset;
  const isFashion = name === 'fashion-mnist' || name === 'fashion-mnist-sample';
  const folder = source.dataset === 'image_folder' ? source.path : null;
  return together(
    option('--data-dir', folder ?? 'DATA'),
    when(isFashion, together(option('--dataset', 'torch/fashion_mnist'), option('--dataset-download'))),
    when(
      name === 'fashion-mnist-sample',
      differs(l10n.t('data: all 60,000 images, not the {0} of the sample', trainImages)),
    ),
    when(
      !isFashion && folder === null,
      lacks(l10n.t('the data set {0}: write its images to folders, one per class', name)),
    ),
    when(
      folder !== null && !isInNaturalOrder(classNames),
      together(
        option('--class-map', 'CLASSES'),
        differs(
          l10n.t(
            'classes: in natural order; write a file CLASSES with one name per line: {0}',
            classNames.join(', '),
          ),
        ),
      ),
    ),
    option('--input-size', channels, height, width),
    option('--mean', ...mean),
    option('--std', ...std),
    images
      ? together(
          option('--interpolation', images.interpolation),
          option('--train-interpolation', images.interpolation),
          option('--crop-pct', images.cropPct),
        )
      : nothing,
    option('--batch-size', batchSize),
    when(!shuffle, lacks(l10n.t('shuffle: false; it always shuffles'))),
  );
};

/** Whether names are in timm's order: lower-cased, with numbers compared by value. */
function isInNaturalOrder(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || naturalOrder(names[index - 1]!, name) <= 0);
}

function naturalOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.toLowerCase().split(/(\d+)/));
  for (const [index, part] of (left ?? []).entries()) {
    const other = right?.[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const difference = index % 2 === 1 ? Number(part) - Number(other) : 0;
    if (difference !== 0) return difference;
    return part < other ? -1 : 1;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}

const augmentation: Part = ({ data: { augment } }) => {
  if (typeof augment !== 'string') return steps(augment);
  return together(
    WHOLE_IMAGE,
    NO_JITTER,
    option('--hflip', augment === 'none' ? 0 : 0.5),
    when(augment === 'crop_flip', lacks(l10n.t('the crops of augment: crop_flip, which shift the image'))),
  );
};

/** By default, random crops take a part of the image, and colors change. */
const WHOLE_IMAGE = together(option('--scale', 1, 1), option('--ratio', 1, 1));
const NO_JITTER = option('--color-jitter', 0);

function steps(augment: readonly AugmentationStep[]): Translation {
  const has = (name: AugmentationStepName) => augment.some(({ step }) => step === name);
  return together(
    when(!has('random_resized_crop'), WHOLE_IMAGE),
    when(!has('color_jitter'), NO_JITTER),
    when(!has('flip'), option('--hflip', 0)),
    ...augment.map(stepOf),
  );
}

function stepOf(step: AugmentationStep): Translation {
  switch (step.step) {
    case 'random_resized_crop':
      return together(option('--scale', ...step.area), option('--ratio', ...step.aspect));
    case 'flip':
      return option('--hflip', step.probability);
    case 'vertical_flip':
      return option('--vflip', step.probability);
    case 'color_jitter': {
      const strength = jitterOf(step);
      return strength === null
        ? lacks(l10n.t('the ranges of augment: color_jitter, which differ'))
        : option('--color-jitter', strength);
    }
    case 'randaugment':
      return together(
        option('--aa', `rand-m${Math.round(step.magnitude / 3)}-n${step.operations}`),
        differs(l10n.t('randaugment: its own operations, and a magnitude scale of 10 instead of 30')),
      );
    case 'padded_crop':
    case 'pca_noise':
    case 'trivialaugment':
      return lacks(l10n.t('the step {0} of augment', step.step));
    default:
      return assertNever(step);
  }
}

/** Returns the shared strength of brightness, contrast and saturation without hue changes, null if they differ. */
function jitterOf(step: Extract<AugmentationStep, { step: 'color_jitter' }>): number | null {
  const { brightness, contrast, saturation, hue } = step;
  const strength = Math.round((brightness[1] - 1) * 1e6) / 1e6;
  const isSame = [brightness, contrast, saturation].every(
    ([least, most]) => Math.abs(least - (1 - strength)) < 1e-6 && Math.abs(most - (1 + strength)) < 1e-6,
  );
  return isSame && hue[0] === 0 && hue[1] === 0 ? strength : null;
}

const training: Part = (recipe) => {
  const { epochs, schedule, seed } = recipe;
  return together(
    // --epochs excludes the warmup if the warmup is separate from the decay.
    option('--epochs', hasWarmupPrefix(schedule) ? Math.max(epochs - warmupEpochs(schedule), 1) : epochs),
    option('--seed', seed),
    startingPoint(recipe),
    parameterGroupsLacking(recipe),
  );
};

function startingPoint({ initialization: { weights } }: Recipe): Translation {
  const source = weights === null ? null : weightsSource(weights);
  switch (source?.kind) {
    case undefined:
      return together();
    case 'file':
      return option('--initial-checkpoint', source.path);
    case 'timm':
      return together(
        option('--pretrained'),
        differs(l10n.t('init: {0}; use the model {1} to get its weights', weights ?? '', source.name)),
      );
    case 'torchvision':
    case 'unknown':
      return lacks(
        l10n.t('init: {0}; download it and specify the file with --initial-checkpoint', weights ?? ''),
      );
    default:
      return assertNever(source);
  }
}

/** timm's train.py (https://github.com/huggingface/pytorch-image-models), version 1.0. */
export const timm: System = {
  title: "timm's train.py",
  program: 'python train.py',
  name: 'timm',
  rest: [timmModel, data, augmentation, balance, training],
};
