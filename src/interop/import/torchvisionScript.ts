import * as l10n from '@vscode/l10n';
import { RESNET_NAMES } from '../../models/catalog';
import { known, numberAt, textAt, UnknownHere } from '../../tricks/elsewhere/mapping';
import { epochsIn, imagesOfStepIn } from '../../tricks/elsewhere/torchvisionFile';
import { type Adapter, mappingsOf } from './adapter';
import { TIMM, TORCHVISION } from './trainingPrograms';
import { trainingFile } from './trainingScript';

/** A call of torchvision's references/classification/train.py in a shell script. */
export const torchvisionScript: Adapter = {
  system: 'torchvision',
  read: (text, fileName) =>
    /\.(?:sh|bash)$/i.test(fileName) ? trainingFile(text, TORCHVISION, [TIMM]) : null,
  anchors: {
    'optimizer.base_lr': ['lr'],
    'optimizer.weight_decay': ['weight-decay'],
    'optimizer.name': ['opt'],
    optimizer: ['opt'],
    'schedule.epochs': ['epochs'],
    'schedule.decay': ['lr-scheduler'],
    'data.batch_size': ['batch-size'],
    'data.augment': ['auto-augment'],
    model: ['model'],
  },
  tricks: mappingsOf('torchvision'),
  experiment(settings) {
    return {
      model: known(() => modelOf(textAt(settings, 'model') ?? 'resnet18')),
      trainImages: known(() => {
        throw new UnknownHere(l10n.t('The file does not specify the number of training images.'));
      }),
      classes: known(() => {
        throw new UnknownHere(l10n.t('The file does not specify the number of classes.'));
      }),
      imageSize: known(() => numberAt(settings, 'train-crop-size') ?? 224),
      batchSize: known(() => imagesOfStepIn(settings)),
      optimizer: known(() => {
        const name = (textAt(settings, 'opt') ?? 'sgd').toLowerCase();
        // In torchvision, any name that starts with sgd means SGD.
        if (name.startsWith('sgd')) return 'sgd';
        if (name === 'adamw') return name;
        throw new UnknownHere(l10n.t('The optimizer {0} is unknown here.', name));
      }),
      baseLearningRate: known(() => numberAt(settings, 'lr') ?? 0.1),
      weightDecay: known(() => numberAt(settings, 'weight-decay') ?? 1e-4),
      epochs: known(() => epochsIn(settings)),
    };
  },
};

/** torchvision models besides ResNets that have the same name here. */
const SAME_NAME = ['vgg16_bn', 'densenet121', 'inception_v3'];

/** Returns our model. torchvision's ResNets have their stride in the 3x3 convolution. */
function modelOf(name: string): Readonly<Record<string, unknown>> {
  if (SAME_NAME.includes(name)) return { name };
  const found = RESNET_NAMES.find((each) => each === name);
  if (!found) throw new UnknownHere(l10n.t('The model {0} is unknown here.', name));
  return { name: found, variant: 'B' };
}
