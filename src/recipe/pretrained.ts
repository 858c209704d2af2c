/**
 * Metadata of published weights, known without their files: where to get them, their model, and the preprocessing that
 * they were trained with. The numbers are from torchvision 0.29's `Weights` and timm 1.0's `pretrained_cfg`.
 */

import type { ModelName, ModelSpec } from '../models/catalog';

/** Preprocessing that pretrained weights expect. */
export interface Preprocessing {
  /** Per channel, of values from 0 to 1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly interpolation: 'bilinear' | 'bicubic';
  /** Side of the center crop as a fraction of the resized image's short edge. */
  readonly cropPct: number;
  /** Side of the crop in pixels. */
  readonly inputSize: number;
}

/** What an experiment's `weights` resolve to. */
export type WeightsSource =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'torchvision';
      /** Full name, e.g. `resnet50.IMAGENET1K_V2`. */
      readonly name: string;
      /** File name. It ends in the first 8 digits of the file's SHA-256. */
      readonly file: string;
    }
  /** A timm model on the Hugging Face hub, e.g. `resnet50.a1_in1k`. */
  | { readonly kind: 'timm'; readonly name: string }
  | { readonly kind: 'unknown'; readonly hub: Hub; readonly name: string };

export type Hub = 'torchvision' | 'timm';

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
/** Maps to -1..1. */
const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

interface TorchvisionWeights {
  readonly file: string;
  readonly preprocessing: Preprocessing;
}

function torchvisionWeights(
  file: string,
  resize = 256,
  inputSize = 224,
  normalization: Pick<Preprocessing, 'mean' | 'std'> = IMAGENET,
): TorchvisionWeights {
  return {
    file,
    preprocessing: { ...normalization, interpolation: 'bilinear', cropPct: inputSize / resize, inputSize },
  };
}

/**
 * torchvision's weights by model and name. The last of each model is its `DEFAULT`.
 *
 * Inception's weights come from TensorFlow and expect images in -1..1. torchvision normalizes by ImageNet's mean and
 * standard deviation and undoes that in the network (`transform_input`). Here the mean and standard deviation are 0.5,
 * as in timm.
 */
const TORCHVISION: Readonly<Partial<Record<ModelName, Readonly<Record<string, TorchvisionWeights>>>>> = {
  resnet18: { IMAGENET1K_V1: torchvisionWeights('resnet18-f37072fd.pth') },
  resnet34: { IMAGENET1K_V1: torchvisionWeights('resnet34-b627a593.pth') },
  resnet50: {
    IMAGENET1K_V1: torchvisionWeights('resnet50-0676ba61.pth'),
    IMAGENET1K_V2: torchvisionWeights('resnet50-11ad3fa6.pth', 232),
  },
  resnet101: {
    IMAGENET1K_V1: torchvisionWeights('resnet101-63fe2227.pth'),
    IMAGENET1K_V2: torchvisionWeights('resnet101-cd907fc2.pth', 232),
  },
  resnet152: {
    IMAGENET1K_V1: torchvisionWeights('resnet152-394f9c45.pth'),
    IMAGENET1K_V2: torchvisionWeights('resnet152-f82ba261.pth', 232),
  },
  vgg16_bn: { IMAGENET1K_V1: torchvisionWeights('vgg16_bn-6c64b313.pth') },
  densenet121: { IMAGENET1K_V1: torchvisionWeights('densenet121-a639ec97.pth') },
  inception_v3: { IMAGENET1K_V1: torchvisionWeights('inception_v3_google-0cc3c7bd.pth', 342, 299, HALF) },
};

/** Maps a timm model to this product's. */
interface TimmModel {
  readonly model: ModelName;
  /** The ResNet variant. */
  readonly variant?: 'B' | 'C' | 'D';
  readonly widthMultiplier?: number;
  readonly activation?: 'relu6';
}

const TIMM_MODELS: Readonly<Record<string, TimmModel>> = {
  resnet18: { model: 'resnet18', variant: 'B' },
  resnet18d: { model: 'resnet18', variant: 'D' },
  resnet34: { model: 'resnet34', variant: 'B' },
  resnet34d: { model: 'resnet34', variant: 'D' },
  resnet50: { model: 'resnet50', variant: 'B' },
  resnet50c: { model: 'resnet50', variant: 'C' },
  resnet50d: { model: 'resnet50', variant: 'D' },
  resnet101: { model: 'resnet101', variant: 'B' },
  resnet101d: { model: 'resnet101', variant: 'D' },
  resnet152: { model: 'resnet152', variant: 'B' },
  resnet152d: { model: 'resnet152', variant: 'D' },
  vgg16_bn: { model: 'vgg16_bn' },
  densenet121: { model: 'densenet121' },
  inception_v3: { model: 'inception_v3' },
  mobilenetv1_100: { model: 'mobilenet_v1', activation: 'relu6' },
  mobilenetv1_125: { model: 'mobilenet_v1', activation: 'relu6', widthMultiplier: 1.25 },
};

/** timm's weights grouped by training preprocessing (interpolation, crop, size), with the tags of each model. */
const TIMM: readonly (readonly [Preprocessing, Readonly<Record<string, readonly string[]>>])[] = [
  [
    { ...IMAGENET, interpolation: 'bicubic', cropPct: 0.95, inputSize: 224 },
    {
      resnet18: ['a1_in1k', 'a2_in1k'],
      resnet34: ['a1_in1k', 'a2_in1k'],
      resnet50: ['a1_in1k', 'a2_in1k', 'b1k_in1k', 'b2k_in1k', 'c1_in1k', 'c2_in1k', 'd_in1k'],
      resnet50d: ['a1_in1k', 'a2_in1k'],
      resnet101: ['a1_in1k', 'a1h_in1k', 'a2_in1k'],
      resnet152: ['a1_in1k', 'a1h_in1k', 'a2_in1k'],
    },
  ],
  [
    { ...IMAGENET, interpolation: 'bicubic', cropPct: 0.95, inputSize: 160 },
    {
      resnet18: ['a3_in1k'],
      resnet34: ['a3_in1k'],
      resnet50: ['a3_in1k'],
      resnet50d: ['a3_in1k'],
      resnet101: ['a3_in1k'],
      resnet152: ['a3_in1k'],
    },
  ],
  [
    { ...IMAGENET, interpolation: 'bicubic', cropPct: 0.875, inputSize: 224 },
    {
      resnet18: ['gluon_in1k'],
      resnet18d: ['ra2_in1k'],
      resnet34: ['bt_in1k', 'gluon_in1k'],
      resnet34d: ['ra2_in1k'],
      resnet50: ['am_in1k', 'bt_in1k', 'gluon_in1k', 'ra_in1k', 'ram_in1k'],
      resnet50c: ['gluon_in1k'],
      resnet50d: ['gluon_in1k', 'ra2_in1k'],
      resnet101: ['gluon_in1k'],
      resnet101d: ['gluon_in1k'],
      resnet152: ['gluon_in1k'],
      resnet152d: ['gluon_in1k'],
      densenet121: ['ra_in1k', 'tv_in1k'],
    },
  ],
  [
    { ...IMAGENET, interpolation: 'bilinear', cropPct: 0.875, inputSize: 224 },
    {
      resnet18: ['fb_ssl_yfcc100m_ft_in1k', 'fb_swsl_ig1b_ft_in1k', 'tv_in1k'],
      resnet34: ['tv_in1k'],
      resnet50: ['fb_ssl_yfcc100m_ft_in1k', 'fb_swsl_ig1b_ft_in1k', 'tv_in1k'],
      resnet101: ['tv_in1k'],
      resnet152: ['tv_in1k'],
      vgg16_bn: ['tv_in1k'],
    },
  ],
  [
    { ...IMAGENET, interpolation: 'bilinear', cropPct: 0.875, inputSize: 176 },
    { resnet50: ['tv2_in1k'], resnet101: ['tv2_in1k'], resnet152: ['tv2_in1k'] },
  ],
  [
    { ...IMAGENET, interpolation: 'bicubic', cropPct: 0.95, inputSize: 256 },
    { resnet101d: ['ra2_in1k'], resnet152d: ['ra2_in1k'] },
  ],
  [{ ...IMAGENET, interpolation: 'bicubic', cropPct: 0.9, inputSize: 176 }, { resnet50: ['a1h_in1k'] }],
  [
    { ...IMAGENET, interpolation: 'bicubic', cropPct: 0.875, inputSize: 299 },
    { inception_v3: ['gluon_in1k'] },
  ],
  [
    { ...HALF, interpolation: 'bicubic', cropPct: 0.875, inputSize: 299 },
    { inception_v3: ['tf_adv_in1k', 'tf_in1k', 'tv_in1k'] },
  ],
  [
    { ...HALF, interpolation: 'bicubic', cropPct: 0.9, inputSize: 224 },
    {
      resnet18d: ['ra4_e3600_r224_in1k'],
      resnet34: ['ra4_e3600_r224_in1k'],
      mobilenetv1_125: ['ra4_e3600_r224_in1k'],
    },
  ],
  [
    { ...HALF, interpolation: 'bicubic', cropPct: 0.95, inputSize: 224 },
    { resnet50d: ['ra4_e3600_r224_in1k'] },
  ],
  [
    { ...HALF, interpolation: 'bicubic', cropPct: 0.875, inputSize: 224 },
    { mobilenetv1_100: ['ra4_e3600_r224_in1k'] },
  ],
];

const TIMM_PREPROCESSING: ReadonlyMap<string, Preprocessing> = new Map(
  TIMM.flatMap(([preprocessing, models]) =>
    Object.entries(models).flatMap(([model, tags]) =>
      tags.map((tag) => [`${model}.${tag}`, preprocessing] as const),
    ),
  ),
);

const TORCHVISION_NAMES = Object.entries(TORCHVISION).flatMap(([model, weights]) => [
  model,
  ...Object.keys(weights).map((name) => `${model}.${name}`),
]);

/** Published weights that an experiment file can name, by hub. The timm hub has more. */
export const PUBLISHED_WEIGHTS: readonly string[] = [
  ...TORCHVISION_NAMES.map((name) => `torchvision:${name}`),
  ...[...TIMM_PREPROCESSING.keys()].map((name) => `timm:${name}`),
];

/** Resolves the `weights` that the user wrote. */
export function weightsSource(weights: string): WeightsSource {
  const [, hub, name] = /^(torchvision|timm):(.*)$/.exec(weights) ?? [];
  if (hub === undefined || name === undefined) return { kind: 'file', path: weights };
  if (hub === 'timm') {
    // Repository names on the hub. The tag selects one of the model's weights.
    return /^[\w-]+\.[\w.-]+$/.test(name) ? { kind: 'timm', name } : { kind: 'unknown', hub, name };
  }
  const [model = '', written] = name.split('.');
  const weightsOfModel = Object.entries(TORCHVISION).find(([own]) => own === model)?.[1] ?? {};
  const full = written ?? Object.keys(weightsOfModel).at(-1) ?? '';
  const found = weightsOfModel[full];
  return found && Object.hasOwn(weightsOfModel, full)
    ? { kind: 'torchvision', name: `${model}.${full}`, file: found.file }
    : { kind: 'unknown', hub: 'torchvision', name };
}

/** Expands `weights` to the full name, e.g. `torchvision:resnet50` to `torchvision:resnet50.IMAGENET1K_V2`. */
export function fullWeightsName(weights: string): string {
  const source = weightsSource(weights);
  return source.kind === 'torchvision' ? `torchvision:${source.name}` : weights;
}

/** Returns the preprocessing that published weights expect; null for files and for weights not listed here. */
export function preprocessingOf(weights: string): Preprocessing | null {
  const source = weightsSource(weights);
  switch (source.kind) {
    case 'torchvision': {
      const [model = '', name = ''] = source.name.split('.');
      return TORCHVISION[model as ModelName]?.[name]?.preprocessing ?? null;
    }
    case 'timm':
      return TIMM_PREPROCESSING.get(source.name) ?? null;
    default:
      return null;
  }
}

/** A difference between a model and the one that the weights were made for, with the required value. */
export type ModelMismatch =
  | { readonly part: 'name'; readonly needed: string }
  | { readonly part: 'variant' | 'activation'; readonly needed: string }
  | { readonly part: 'width' | 'growth_rate' | 'width_multiplier'; readonly needed: number };

/** Returns why a model cannot start from published weights. Null if it can, judged without the weights file. */
export function modelMismatch(weights: string, model: ModelSpec): ModelMismatch | null {
  const made = modelOf(weightsSource(weights));
  if (!made) return null;
  if (made.model !== model.name) return { part: 'name', needed: made.model };
  if ('variant' in model && made.variant && !sameForm(model, made.variant)) {
    return { part: 'variant', needed: made.variant };
  }
  if ('growthRate' in model && model.growthRate !== 32) return { part: 'growth_rate', needed: 32 };
  const { widthMultiplier = 1 } = made;
  if ('widthMultiplier' in model && model.widthMultiplier !== widthMultiplier) {
    return { part: 'width_multiplier', needed: widthMultiplier };
  }
  if (model.name === 'mobilenet_v1' && made.activation && model.activation !== made.activation) {
    return { part: 'activation', needed: made.activation };
  }
  return 'width' in model && model.width !== 64 ? { part: 'width', needed: 64 } : null;
}

function modelOf(source: WeightsSource): TimmModel | null {
  switch (source.kind) {
    case 'torchvision':
      // torchvision's ResNets put the stride in the 3x3 convolution, as in variant B.
      return { model: source.name.split('.')[0] as ModelName, variant: 'B' };
    case 'timm': {
      const [model = ''] = source.name.split('.');
      return Object.hasOwn(TIMM_MODELS, model) ? (TIMM_MODELS[model] as TimmModel) : null;
    }
    default:
      return null;
  }
}

/** Without bottlenecks there is no stride to move, so A equals B. */
function sameForm({ name, variant }: { name: ModelName; variant: string }, needed: string): boolean {
  const hasBottlenecks = name !== 'resnet18' && name !== 'resnet34';
  return variant === needed || (!hasBottlenecks && variant === 'A' && needed === 'B');
}
