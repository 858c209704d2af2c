import { z } from 'zod';
import { CIFAR_RESNET_NAMES, RESNET_NAMES } from '../models/catalog';
import {
  AUGMENTATION_PRESETS,
  AUGMENTATION_STEP_DEFAULTS,
  type AugmentationPreset,
  INTERPOLATIONS,
  RANDAUGMENT_MAX_MAGNITUDE,
  type Range,
} from '../recipe/augmentation';
import { type SourceFacts, SYNTHETIC_DEFAULTS } from '../recipe/datasets';
import { MOST_MILESTONES } from '../recipe/draft';
import { ENGINE_REQUESTS } from '../recipe/engineNames';
import { PUBLISHED_WEIGHTS } from '../recipe/pretrained';
import { TRICKS } from '../tricks/registry';
import type { Trick } from '../tricks/trick';

/** A trick is `true` for its defaults, `false` to switch it off, or its options. */
function trickSchema<Options extends z.ZodObject>(trick: Trick<string, Options>) {
  return z.union([z.boolean(), trick.options]).optional().describe(`${trick.formula} (${trick.source})`);
}

const share = z.number().min(0).max(1);
const span = (least: number, most: number, [low, high]: Range) =>
  z.tuple([z.number().min(least).max(most), z.number().min(least).max(most)]).default([low, high]);
const STEPS = AUGMENTATION_STEP_DEFAULTS;

/** One random augmentation of training images. A bare name uses its defaults. */
export const augmentationStepSchema = z.discriminatedUnion('step', [
  z.strictObject({
    step: z
      .literal('random_resized_crop')
      .describe('Crops a random area at a random aspect ratio and resizes it to image_size.'),
    area: span(0, 1, STEPS.random_resized_crop.area).describe(
      'Minimum and maximum fraction of the image area kept.',
    ),
    aspect: span(0.01, 100, STEPS.random_resized_crop.aspect).describe(
      'Minimum and maximum width / height of the crop.',
    ),
  }),
  z.strictObject({
    step: z.literal('padded_crop').describe('Pads with zeros, then crops image_size at a random position.'),
    padding: z
      .int()
      .positive()
      .max(1024)
      .optional()
      .describe('Pixels on each side. The default is image_size / 8.'),
  }),
  z.strictObject({
    step: z.literal('flip').describe('Mirrors left to right.'),
    probability: share.default(STEPS.flip.probability).describe('Probability of mirroring an image.'),
  }),
  z.strictObject({
    step: z.literal('vertical_flip').describe('Mirrors top to bottom.'),
    probability: share.default(STEPS.flip.probability).describe('Probability of mirroring an image.'),
  }),
  z.strictObject({
    step: z
      .literal('color_jitter')
      .describe('Scales brightness, contrast and saturation by random factors and shifts the hue.'),
    brightness: span(0, 10, STEPS.color_jitter.brightness).describe('Minimum and maximum factor.'),
    contrast: span(0, 10, STEPS.color_jitter.contrast).describe('Minimum and maximum factor.'),
    saturation: span(0, 10, STEPS.color_jitter.saturation).describe('Minimum and maximum factor.'),
    hue: span(-0.5, 0.5, STEPS.color_jitter.hue).describe('Hue shift in turns of the color circle.'),
  }),
  z.strictObject({
    step: z.literal('pca_noise').describe("Adds noise along the principal components of ImageNet's colors."),
    std: z
      .number()
      .positive()
      .max(10)
      .default(STEPS.pca_noise.std)
      .describe('Standard deviation of the coefficients.'),
  }),
  z.strictObject({
    step: z.literal('randaugment').describe('Applies random operations, all at one magnitude.'),
    operations: z
      .int()
      .positive()
      .max(10)
      .default(STEPS.randaugment.operations)
      .describe('Operations per image.'),
    magnitude: z
      .int()
      .min(0)
      .max(RANDAUGMENT_MAX_MAGNITUDE)
      .default(STEPS.randaugment.magnitude)
      .describe('Magnitude from 0 to 30.'),
  }),
  z.strictObject({
    step: z.literal('trivialaugment').describe('Applies one random operation at a random magnitude.'),
  }),
]);

const STEP_PRESETS = Object.keys(AUGMENTATION_PRESETS) as AugmentationPreset[];
const STEP_NAMES = augmentationStepSchema.options.map(({ shape }) => shape.step.value);
const augment = z.union([
  z.enum(['flip', 'crop_flip', ...STEP_PRESETS]),
  z.array(z.union([z.enum(STEP_NAMES), augmentationStepSchema])).max(20),
]);

const batch = {
  batch_size: z.int().positive().default(128).describe('Images per batch.'),
  augment: augment.default('none').describe('Augmentation of training images: a preset or a list of steps.'),
  shuffle: z
    .boolean()
    .default(true)
    .describe('Whether to shuffle every epoch; false keeps the order of the data set.'),
  sampling: z
    .enum(['uniform', 'balanced'])
    .default('uniform')
    .describe('uniform draws each image once per epoch; balanced draws every class equally often.'),
};

const perChannel = (value: z.ZodNumber) => z.union([value, z.array(value).min(1).max(3)]);

/** How images are prepared for the network, for all data sets except the synthetic one. */
const images = {
  image_size: z
    .int()
    .positive()
    .max(4096)
    .optional()
    .describe("Side of the network's input in pixels. The default is the size of the images or the model."),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe(
      '1 for grayscale, 3 for color. The default is that of the images, or 3 with published weights.',
    ),
  interpolation: z
    .enum(INTERPOLATIONS)
    .optional()
    .describe(
      'Filter for resizing, with antialiasing. The default is bilinear, or that of the published weights.',
    ),
  crop_pct: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe('Fraction of the short edge that the center crop of validation keeps.'),
  mean: perChannel(z.number().min(0).max(1))
    .optional()
    .describe(
      'Mean for normalization, 0 to 1, one value or one per channel. The default is that of the training images, or of the published weights.',
    ),
  std: perChannel(z.number().positive().max(1))
    .optional()
    .describe('Standard deviation for normalization, 0 to 1, as for mean.'),
  presize: z
    .union([z.int().positive().max(4096), z.literal(false)])
    .optional()
    .describe('Resizes images once to this short edge in pixels and stores them; false disables it.'),
  on_bad_image: z
    .enum(['fail', 'skip'])
    .optional()
    .describe('Whether an unreadable image fails the run or is skipped. The default is fail.'),
};

const split = z
  .strictObject({
    validation: z.number().gt(0).lt(1).default(0.1).describe('Fraction of the training images.'),
    seed: z.int().min(0).default(0).describe('Seed of the split.'),
    group_by: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Keeps the images of a group on one side of the split: a path pattern such as {patient}_*, or a column.',
      ),
    fold: z
      .strictObject({
        index: z.int().min(0).describe('Index of the fold, from 0.'),
        of: z.int().min(2).max(1000).describe('Number of folds.'),
      })
      .optional()
      .describe(
        'Uses one of several equal, class-stratified folds for validation, instead of a fraction. Studies set it for each block.',
      ),
  })
  .prefault({})
  .describe('Splits validation images off the training images if the data set has none.');

const path = z.string().min(1);

const data = z.discriminatedUnion('dataset', [
  z.strictObject({
    dataset: z
      .literal('fashion-mnist-sample')
      .describe('12,000 training and 2,000 validation images of Fashion-MNIST, included in the package.'),
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z
      .literal('fashion-mnist')
      .describe('60,000 training and 10,000 validation images, found on disk or downloaded.'),
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('image_folder').describe('A folder with a subfolder of images for each class.'),
    path: path.describe('The folder, relative to this file. It holds train and val, or the class folders.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('csv').describe('A CSV table of image files and labels.'),
    path: path.describe('The table, relative to this file. Image paths in it are relative to the table.'),
    image_column: z.string().min(1).default('path').describe('Column of image paths.'),
    label_column: z.string().min(1).default('label').describe('Column of class names.'),
    split_column: z
      .string()
      .min(1)
      .optional()
      .describe('Column with train, validation or test. Without it, split applies.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('cifar10').describe('CIFAR-10: 50,000 + 10,000 images of 32 x 32 in 10 classes.'),
    path: path
      .optional()
      .describe(
        'A folder or the published archive. Without it, the data set is found on disk or downloaded.',
      ),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('cifar100').describe('CIFAR-100: 50,000 + 10,000 images of 32 x 32 in 100 classes.'),
    path: path
      .optional()
      .describe(
        'A folder or the published archive. Without it, the data set is found on disk or downloaded.',
      ),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('idx').describe('IDX files, the format of MNIST, EMNIST and KMNIST.'),
    path: path.describe('Folder of the four files, plain or gzipped.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('npz').describe('NumPy arrays in the layout of MedMNIST or Keras.'),
    path: path.describe('The .npz file.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('parquet').describe('Parquet files in the layout of Hugging Face image data sets.'),
    path: path.describe('A file or a folder of .parquet files.'),
    image_column: z.string().min(1).default('image').describe('Column of images.'),
    label_column: z.string().min(1).default('label').describe('Column of labels.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z
      .literal('webdataset')
      .describe('WebDataset shards: tar archives of key.jpg with key.cls or key.json.'),
    train: path.describe('Training shards, such as shards/train-{000..009}.tar.'),
    validation: path.optional().describe('Validation shards. Without them, split applies.'),
    test: path.optional().describe('Test shards, which only tricks test reads.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('synthetic').describe('Generated images, for tests and benchmarks.'),
    train_images: z.int().positive().default(SYNTHETIC_DEFAULTS.train_images).describe('Training images.'),
    validation_images: z
      .int()
      .positive()
      .default(SYNTHETIC_DEFAULTS.validation_images)
      .describe('Validation images.'),
    height: z
      .int()
      .positive()
      .max(4096)
      .default(SYNTHETIC_DEFAULTS.height)
      .describe('Height of the images in pixels.'),
    width: z
      .int()
      .positive()
      .max(4096)
      .default(SYNTHETIC_DEFAULTS.width)
      .describe('Width of the images in pixels.'),
    channels: z
      .int()
      .positive()
      .max(1024)
      .default(SYNTHETIC_DEFAULTS.channels)
      .describe('Channels of the images.'),
    classes: z.int().min(2).max(100_000).default(SYNTHETIC_DEFAULTS.classes).describe('Number of classes.'),
    seed: z
      .int()
      .min(0)
      .default(SYNTHETIC_DEFAULTS.seed)
      .describe("Seed of the images, independent of the experiment's seed."),
    ...batch,
  }),
]);

const task = {
  input_size: z
    .int()
    .positive()
    .max(4096)
    .optional()
    .describe(
      'Side of the images in pixels. The default is that of the data, or without data that of the model.',
    ),
  classes: z
    .int()
    .min(2)
    .max(100_000)
    .optional()
    .describe('Number of classes. The default is that of the data, or without data that of the model.'),
};

const widthMultiplier = z
  .number()
  .positive()
  .max(16)
  .default(1)
  .describe('Multiplies the channels of every layer.');

const model = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.enum(CIFAR_RESNET_NAMES).describe('The CIFAR form of ResNet, for small images.'),
    width: z.int().positive().default(16).describe('Channels of the first stage.'),
    ...task,
  }),
  z.strictObject({
    name: z.enum(RESNET_NAMES).describe('The ImageNet form of ResNet.'),
    width: z.int().positive().multipleOf(2).default(64).describe('Channels of the stem and the first stage.'),
    variant: z
      .enum(['A', 'B', 'C', 'D'])
      .default('A')
      .describe(
        'The variant of He et al. 2018: A is the original, and B, C and D each add a tweak to the one before.',
      ),
    ...task,
  }),
  z.strictObject({
    name: z.literal('resnet9').describe('The fast ResNet of DAWNBench, for small images.'),
    width: z.int().positive().default(64).describe('Channels of the first convolution.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('mobilenet_v1').describe('MobileNet V1, with depthwise separable convolutions.'),
    width_multiplier: widthMultiplier,
    activation: z
      .enum(['relu', 'relu6'])
      .default('relu')
      .describe(
        "relu as in the paper, or relu6 as in the authors' code and timm. Weights from timm need relu6.",
      ),
    ...task,
  }),
  z.strictObject({
    name: z.literal('inception_v3').describe('Inception-V3, for images of at least 75 x 75.'),
    width_multiplier: widthMultiplier,
    ...task,
  }),
  z.strictObject({
    name: z.literal('vgg16_bn').describe('VGG-16 with batch norm, for images of at least 32 x 32.'),
    width: z.int().positive().default(64).describe('Channels of the first stage.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('densenet121').describe('DenseNet-121, for ImageNet.'),
    growth_rate: z.int().positive().default(32).describe('Channels that each layer adds.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('cnn').describe('Two convolutions and two fully connected layers.'),
    width: z.int().positive().default(32).describe('Filters of the first convolution.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('mlp').describe('A multilayer perceptron: only fully connected layers.'),
    hidden: z
      .array(z.int().positive().max(65_536))
      .max(100)
      .default([512, 512])
      .describe('Units of each hidden layer.'),
    ...task,
  }),
]);

const momentum = z.number().min(0).lt(1).default(0.9).describe('Momentum factor.');

function rateAndDecay(base_lr: number, weight_decay: number) {
  return {
    base_lr: z
      .number()
      .positive()
      .default(base_lr)
      .describe('Base learning rate, before linear scaling and the schedule.'),
    weight_decay: z
      .number()
      .min(0)
      .default(weight_decay)
      .describe('Weight decay: L2 regularization added to the gradient, or decoupled with adamw and lamb.'),
    head_learning_rate: z
      .union([z.number().positive(), z.string().regex(/^(?=.*[1-9])\d+(\.\d+)?x$/)])
      .default('1x')
      .describe(
        'Learning rate of the classifier: a multiple of base_lr such as 10x, or a base learning rate, which is scaled and scheduled alike.',
      ),
    layer_decay: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe(
        'Layer-wise learning rate decay, as in timm: the factor from each stage to the one before it, from head to stem.',
      ),
  };
}

function moments(epsilon: number) {
  const share = z.number().min(0).lt(1);
  return {
    beta1: share.default(0.9).describe('Decay of the running mean of the gradient.'),
    beta2: share.default(0.999).describe('Decay of the running mean of the squared gradient.'),
    epsilon: z
      .number()
      .positive()
      .default(epsilon)
      .describe('Added to the denominator for numerical stability.'),
  };
}

/**
 * The learning rates and weight decays of adam, adamw and lamb are PyTorch's and timm's defaults. Those of sgd and lars
 * are the paper's.
 */
const optimizer = z.discriminatedUnion('name', [
  z.strictObject({
    // The default if a file names no optimizer.
    name: z.literal('sgd').optional().describe('Stochastic gradient descent with momentum. The default.'),
    ...rateAndDecay(0.1, 0.0001),
    momentum,
    nesterov: z.boolean().default(true).describe('Whether to use Nesterov momentum, as in the paper.'),
  }),
  z.strictObject({
    name: z.literal('adam').describe('Adam, with L2 regularization in the gradient.'),
    ...rateAndDecay(0.001, 0),
    ...moments(1e-8),
  }),
  z.strictObject({
    name: z.literal('adamw').describe('Adam with decoupled weight decay.'),
    ...rateAndDecay(0.001, 0.01),
    ...moments(1e-8),
  }),
  z.strictObject({
    name: z.literal('lars').describe('SGD with momentum and a trust ratio per layer.'),
    ...rateAndDecay(0.1, 0.0001),
    momentum,
    trust_coefficient: z.number().positive().default(0.001).describe('Multiplies every trust ratio.'),
  }),
  z.strictObject({
    name: z.literal('lamb').describe('Adam with a trust ratio per layer.'),
    ...rateAndDecay(0.001, 0.01),
    ...moments(1e-6),
  }),
]);

const factor = z
  .number()
  .positive()
  .lt(1)
  .default(0.1)
  .describe('Multiplies the learning rate at each decay.');

/** A decay as a mapping. A bare name uses its defaults. */
export const decaySchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant').describe('No decay.') }),
  z.strictObject({
    name: z.literal('step').describe('Multiplies the learning rate by factor at equal intervals.'),
    every: z
      .number()
      .positive()
      .optional()
      .describe('Epochs between two decays. The default is a quarter of the training, as in the paper.'),
    factor,
  }),
  z.strictObject({
    name: z.literal('multi_step').describe('Multiplies the learning rate by factor at each milestone.'),
    milestones: z
      .array(z.number().positive())
      .max(MOST_MILESTONES)
      .default([30, 60, 90])
      .describe('Epochs at which the learning rate is multiplied by factor.'),
    factor,
  }),
  z.strictObject({ name: z.literal('cosine').describe('Half a cosine, from the peak to 0.') }),
  z.strictObject({ name: z.literal('linear').describe('A straight line, from the peak to 0.') }),
  z.strictObject({
    name: z.literal('polynomial').describe('The fraction of steps left to a power, from the peak to 0.'),
    power: z.number().positive().default(2).describe('Exponent of the fraction of steps left.'),
  }),
  z.strictObject({
    name: z.literal('one_cycle').describe('Rises to the peak, then falls, each along half a cosine.'),
    rise_share: z
      .number()
      .min(0)
      .lt(1)
      .default(0.3)
      .describe('Fraction of the steps in which the learning rate rises.'),
    start_factor: z
      .number()
      .positive()
      .max(1)
      .default(1 / 25)
      .describe('Initial learning rate as a fraction of the peak.'),
    end_factor: z
      .number()
      .min(0)
      .max(1)
      .default(4e-6)
      .describe('Final learning rate as a fraction of the peak.'),
  }),
]);

const DECAY_NAMES = [
  'constant',
  'step',
  'multi_step',
  'cosine',
  'linear',
  'polynomial',
  'one_cycle',
] as const;
const decay = z.union([z.enum(DECAY_NAMES), decaySchema]);

const schedule = z.strictObject({
  epochs: z.int().positive().default(120).describe('Number of epochs.'),
  decay: decay
    .default('step')
    .describe('Learning rate decay after warmup: a name, or a mapping with options.'),
  update: z
    .enum(['step', 'epoch'])
    .default('step')
    .describe('Whether the learning rate changes every step or every epoch.'),
});

const loss = z.strictObject({
  class_weights: z
    .enum(['none', 'balanced'])
    .default('none')
    .describe(
      'Class weights of the loss: balanced weighs an image by images / (classes x images of its class).',
    ),
});

const weights = z
  .string()
  .min(1)
  .meta({
    description:
      'A PyTorch or safetensors file, relative to this file, or published weights to download: torchvision:NAME or timm:NAME.',
    examples: [...PUBLISHED_WEIGHTS],
  });

const init = z.strictObject({
  weights,
  head: z
    .enum(['auto', 'new'])
    .default('auto')
    .describe('auto replaces the classifier if the classes differ; new always replaces it.'),
  freeze: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Stages and modules to freeze, such as [stem, layer1]. Their batch norms keep their statistics.',
    ),
});

type TrickSchemas = {
  [Name in keyof typeof TRICKS]: ReturnType<typeof trickSchema<(typeof TRICKS)[Name]['options']>>;
};
const tricks = z.strictObject(
  Object.fromEntries(
    Object.values(TRICKS).map((trick) => [trick.name, trickSchema<z.ZodObject>(trick)]),
  ) as TrickSchemas,
);

/** The schema of an experiment file. Every default is the paper's, or is stated next to it. */
export const experimentSchema = z.strictObject({
  $schema: z.string().optional().describe('JSON Schema of the file, for editors. Ignored.'),
  name: z.string().min(1).max(200).describe('Name of the experiment, which its runs carry.'),
  data: data.describe('The data set and how its images are prepared.'),
  model: model.describe('The network.'),
  loss: loss.prefault({}).describe('The training loss.'),
  optimizer: optimizer.prefault({}).describe('The optimizer and its learning rate.'),
  schedule: schedule.prefault({}).describe('The length of the training and the learning rate schedule.'),
  tricks: tricks
    .prefault({})
    .describe('Training tricks. `true` uses the default options, `false` switches a trick off.'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1)
    .describe('Random seed. The same seed reproduces a run on the same engine.'),
  init: z
    .union([weights, init])
    .optional()
    .describe('Initial weights: a name alone, or a mapping with options.'),
  engine: z
    .enum(ENGINE_REQUESTS)
    .default('auto')
    .describe('The engine that computes. auto uses the fastest that works.'),
});

/** A validated experiment with its defaults filled in. */
export type Experiment = z.output<typeof experimentSchema> & {
  /** The index's facts about the user's own images. Absent if they have not been indexed. */
  readonly facts?: SourceFacts | undefined;
};
