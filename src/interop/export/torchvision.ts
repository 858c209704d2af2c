import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import {
  type Augmentation,
  augmentationText,
  AUGMENTATION_STEP_DEFAULTS as STEPS,
} from '../../recipe/augmentation';
import { balance } from '../../tricks/elsewhere/balance';
import { parameterGroupsLacking } from '../../tricks/elsewhere/commandParts';
import { torchvisionModel } from '../../tricks/elsewhere/torchvision';
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

const data: Part = ({ data: { source, dataset, images, shuffle, augment } }) => {
  const { name, height, width, mean, std } = dataset;
  const size = Math.max(height, width);
  const folder = source.dataset === 'image_folder' ? source.path : null;
  return together(
    option('--data-path', folder ?? 'DATA'),
    folder === null
      ? lacks(
          l10n.t('the data set {0}: write its images to DATA/train and DATA/val, one folder per class', name),
        )
      : differs(l10n.t('data: it needs the folders train and val in {0}', folder)),
    option('--train-crop-size', size),
    option('--val-resize-size', images ? Math.floor(size / images.cropPct) : size),
    option('--val-crop-size', size),
    images ? option('--interpolation', images.interpolation) : nothing,
    when(height !== width, differs(l10n.t('images: {0} x {0} pixels, not {1} x {2}', size, height, width))),
    when(
      !isImageNets(mean, std),
      differs(l10n.t("images: in color, normalized with ImageNet's mean and std")),
    ),
    augmentation(augment),
    when(!shuffle, lacks(l10n.t('shuffle: false; it always shuffles'))),
  );
};

/** torchvision's normalization. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

function isImageNets(mean: readonly number[], std: readonly number[]): boolean {
  const isNear = (values: readonly number[], known: readonly number[]) =>
    values.length === known.length && values.every((value, index) => Math.abs(value - known[index]!) < 5e-4);
  return isNear(mean, IMAGENET.mean) && isNear(std, IMAGENET.std);
}

/** torchvision always crops 8 to 100% of the area and flips. One policy may be added. */
function augmentation(augment: Augmentation): Translation {
  const steps = typeof augment === 'string' ? [] : augment;
  const randaugment = steps.find((step) => step.step === 'randaugment');
  const own = steps.filter(({ step }) => step !== 'randaugment' && step !== 'trivialaugment');
  return together(
    randaugment
      ? together(option('--auto-augment', 'ra'), option('--ra-magnitude', randaugment.magnitude))
      : nothing,
    when(
      steps.some(({ step }) => step === 'trivialaugment'),
      option('--auto-augment', 'ta_wide'),
    ),
    when(
      !isDeepStrictEqual(own, [STEPS.random_resized_crop, STEPS.flip]),
      differs(
        l10n.t(
          'augmentation: random crops of 8% to 100% of the area and flips, not {0}',
          augmentationText(augment),
        ),
      ),
    ),
  );
}

const training: Part = (recipe) => {
  const { epochs, seed, initialization } = recipe;
  const { weights } = initialization;
  return together(
    option('--epochs', epochs),
    lacks(l10n.t('the seed {0}', seed)),
    when(
      weights !== null,
      lacks(l10n.t('init: {0}; load it into the model where train.py creates it', weights ?? '')),
    ),
    parameterGroupsLacking(recipe),
  );
};

/** torchvision's references/classification/train.py (https://github.com/pytorch/vision). */
export const torchvision: System = {
  title: "torchvision's references/classification/train.py",
  program: 'torchrun train.py',
  name: 'torchvision',
  rest: [torchvisionModel, data, balance, training],
};
