import * as l10n from '@vscode/l10n';
import { balance } from '../../tricks/elsewhere/balance';
import { warmupEpochs } from '../../tricks/elsewhere/commandParts';
import { hasWarmupPrefix, timmModel } from '../../tricks/elsewhere/timm';
import { differs, lacks, option, type Part, together, when } from '../../tricks/elsewhere/translation';
import type { System } from './system';

const data: Part = ({ data: { dataset, batchSize, shuffle } }) => {
  const { name, trainImages, channels, height, width, mean, std } = dataset;
  const isFashion = name === 'fashion-mnist' || name === 'fashion-mnist-sample';
  return together(
    option('--data-dir', 'DATA'),
    when(isFashion, together(option('--dataset', 'torch/fashion_mnist'), option('--dataset-download'))),
    when(
      name === 'fashion-mnist-sample',
      differs(l10n.t('data: all 60,000 images, not the {0} of the sample', trainImages)),
    ),
    when(!isFashion, lacks(l10n.t('the data set {0}: write its images to folders, a class each', name))),
    option('--input-size', channels, height, width),
    option('--mean', ...mean),
    option('--std', ...std),
    option('--batch-size', batchSize),
    when(!shuffle, lacks(l10n.t('shuffle: false; it shuffles always'))),
  );
};

const augmentation: Part = ({ data: { augment } }) =>
  together(
    // The whole image, as random crops have it by default a part, and no change of colours.
    option('--scale', 1, 1),
    option('--ratio', 1, 1),
    option('--color-jitter', 0),
    option('--hflip', augment === 'none' ? 0 : 0.5),
    when(augment === 'crop_flip', lacks(l10n.t('the crops of augment: crop_flip, which shift the image'))),
  );

const training: Part = ({ epochs, schedule, seed, initialization: { weights } }) =>
  together(
    // Its --epochs are those after the warmup where that stands apart from the decay.
    option('--epochs', hasWarmupPrefix(schedule) ? Math.max(epochs - warmupEpochs(schedule), 1) : epochs),
    option('--seed', seed),
    when(weights !== null, option('--initial-checkpoint', weights ?? '')),
  );

/** timm's train.py (https://github.com/huggingface/pytorch-image-models), of version 1.0. */
export const timm: System = {
  title: "timm's train.py",
  program: 'python train.py',
  name: 'timm',
  rest: [timmModel, data, augmentation, balance, training],
};
