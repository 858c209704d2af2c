import type { Graph, ImageShape } from './graph';
import {
  CIFAR_RESNETS,
  type CifarResNetName,
  type CifarResNetOptions,
  cifarResNet,
} from './networks/cifarResNet';
import { type DenseNetOptions, denseNet121 } from './networks/denseNet';
import { type InceptionOptions, inceptionV3 } from './networks/inception';
import { type MlpOptions, mlp } from './networks/mlp';
import { type MobileNetOptions, mobileNet } from './networks/mobileNet';
import { RESNETS, type ResNetName, type ResNetOptions, resNet } from './networks/resNet';
import { type ResNet9Options, resNet9 } from './networks/resNet9';
import { type SmallCnnOptions, smallCnn } from './networks/smallCnn';
import { type VggOptions, vgg16 } from './networks/vgg';

/** A model and its options, as stored in a recipe. */
export type ModelSpec =
  | ({ readonly name: CifarResNetName } & CifarResNetOptions)
  | ({ readonly name: ResNetName } & ResNetOptions)
  | ({ readonly name: 'resnet9' } & ResNet9Options)
  | ({ readonly name: 'mobilenet_v1' } & MobileNetOptions)
  | ({ readonly name: 'inception_v3' } & InceptionOptions)
  | ({ readonly name: 'vgg16_bn' } & VggOptions)
  | ({ readonly name: 'densenet121' } & DenseNetOptions)
  | ({ readonly name: 'cnn' } & SmallCnnOptions)
  | ({ readonly name: 'mlp' } & MlpOptions);
export type ModelName = ModelSpec['name'];

export const CIFAR_RESNET_NAMES = Object.keys(CIFAR_RESNETS) as CifarResNetName[];
export const RESNET_NAMES = Object.keys(RESNETS) as ResNetName[];

/** Builds the network of `model` for images of shape `input` and `classes` classes. */
export function buildGraph(model: ModelSpec, input: ImageShape, classes: number): Graph {
  switch (model.name) {
    case 'resnet9':
      return resNet9(input, classes, model);
    case 'mobilenet_v1':
      return mobileNet(input, classes, model);
    case 'inception_v3':
      return inceptionV3(input, classes, model);
    case 'vgg16_bn':
      return vgg16(input, classes, model);
    case 'densenet121':
      return denseNet121(input, classes, model);
    case 'cnn':
      return smallCnn(input, classes, model);
    case 'mlp':
      return mlp(input, classes, model);
    default:
      return isResNet(model)
        ? resNet(model.name, input, classes, model)
        : cifarResNet(model.name, input, classes, model);
  }
}

/** Whether `model` is one of the ImageNet ResNets, which have the variants of He et al. 2018. */
export function isResNet(model: ModelSpec): model is Extract<ModelSpec, { name: ResNetName }> {
  return model.name in RESNETS;
}

/** The task that a model is designed for. Used if an experiment does not specify one. */
export interface Task {
  /** Side of the images in pixels. */
  readonly inputSize: number;
  readonly classes: number;
}

/** Returns ImageNet's task for ImageNet models, CIFAR-10's for CIFAR models and Fashion-MNIST's for the smallest. */
export function defaultTask(name: ModelName): Task {
  switch (name) {
    case 'inception_v3':
      return { inputSize: 299, classes: 1000 };
    case 'mobilenet_v1':
    case 'vgg16_bn':
    case 'densenet121':
      return { inputSize: 224, classes: 1000 };
    case 'cnn':
    case 'mlp':
      return { inputSize: 28, classes: 10 };
    default:
      return name in RESNETS ? { inputSize: 224, classes: 1000 } : { inputSize: 32, classes: 10 };
  }
}
