import * as l10n from '@vscode/l10n';
import { augmentationText } from '../../recipe/augmentation';
import { balance } from '../../tricks/elsewhere/balance';
import { torchvisionModel } from '../../tricks/elsewhere/torchvision';
import { differs, lacks, option, type Part, together, when } from '../../tricks/elsewhere/translation';
import type { System } from './system';

const data: Part = ({ data: { dataset, shuffle, augment } }) => {
  const { name, height, width } = dataset;
  const size = Math.max(height, width);
  return together(
    option('--data-path', 'DATA'),
    lacks(l10n.t('the data set {0}: write its images to DATA/train and DATA/val, a folder a class', name)),
    option('--train-crop-size', size),
    option('--val-resize-size', size),
    option('--val-crop-size', size),
    when(
      height !== width,
      differs(l10n.t('images: of {0} x {0} pixels, not {1} x {2}', size, height, width)),
    ),
    differs(l10n.t("images: in colour, normalised by ImageNet's mean and deviation")),
    differs(
      l10n.t(
        'augmentation: random crops of 8 to 100% of the area, and flips; not {0}',
        augmentationText(augment),
      ),
    ),
    when(!shuffle, lacks(l10n.t('shuffle: false; it shuffles always'))),
  );
};

const training: Part = ({ epochs, seed, initialization: { weights } }) =>
  together(
    option('--epochs', epochs),
    lacks(l10n.t('the seed {0}', seed)),
    when(
      weights !== null,
      lacks(l10n.t('init: {0}; load it into the model where train.py makes it', weights ?? '')),
    ),
  );

/** torchvision's references/classification/train.py (https://github.com/pytorch/vision). */
export const torchvision: System = {
  title: "torchvision's references/classification/train.py",
  program: 'torchrun train.py',
  name: 'torchvision',
  rest: [torchvisionModel, data, balance, training],
};
