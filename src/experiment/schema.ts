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

/** A bare trick is written `true`, one that is switched off `false`; otherwise its options. */
function trickSchema<Options extends z.ZodObject>(trick: Trick<string, Options>) {
  return z.union([z.boolean(), trick.options]).optional().describe(`${trick.formula} (${trick.source})`);
}

const share = z.number().min(0).max(1);
const span = (least: number, most: number, [low, high]: Range) =>
  z.tuple([z.number().min(least).max(most), z.number().min(least).max(most)]).default([low, high]);
const STEPS = AUGMENTATION_STEP_DEFAULTS;

/** One random change to training images; a bare name stands for its defaults. */
export const augmentationStepSchema = z.discriminatedUnion('step', [
  z.strictObject({
    step: z.literal('random_resized_crop').describe('A crop of random area and aspect, resized.'),
    area: span(0, 1, STEPS.random_resized_crop.area).describe(
      'The least and the most share of the image that is kept.',
    ),
    aspect: span(0.01, 100, STEPS.random_resized_crop.aspect).describe(
      'The least and the most width / height.',
    ),
  }),
  z.strictObject({
    step: z.literal('padded_crop').describe('A random shift, with zeros moving in.'),
    padding: z
      .int()
      .positive()
      .max(1024)
      .optional()
      .describe('Pixels on each side; by default an eighth of image_size.'),
  }),
  z.strictObject({
    step: z.literal('flip').describe('Left to right.'),
    probability: share.default(STEPS.flip.probability),
  }),
  z.strictObject({
    step: z.literal('vertical_flip').describe('Upside down.'),
    probability: share.default(STEPS.flip.probability),
  }),
  z.strictObject({
    step: z.literal('color_jitter').describe('Random brightness, contrast, saturation and hue.'),
    brightness: span(0, 10, STEPS.color_jitter.brightness),
    contrast: span(0, 10, STEPS.color_jitter.contrast),
    saturation: span(0, 10, STEPS.color_jitter.saturation),
    hue: span(-0.5, 0.5, STEPS.color_jitter.hue).describe('Turns of the colour circle.'),
  }),
  z.strictObject({
    step: z.literal('pca_noise').describe("Noise along the principal components of ImageNet's colours."),
    std: z.number().positive().max(10).default(STEPS.pca_noise.std),
  }),
  z.strictObject({
    step: z.literal('randaugment').describe('Random operations of one strength.'),
    operations: z.int().positive().max(10).default(STEPS.randaugment.operations),
    magnitude: z
      .int()
      .min(0)
      .max(RANDAUGMENT_MAX_MAGNITUDE)
      .default(STEPS.randaugment.magnitude)
      .describe('Strength, of 30.'),
  }),
  z.strictObject({
    step: z.literal('trivialaugment').describe('One random operation of random strength.'),
  }),
]);

const STEP_PRESETS = Object.keys(AUGMENTATION_PRESETS) as AugmentationPreset[];
const STEP_NAMES = augmentationStepSchema.options.map(({ shape }) => shape.step.value);
const augment = z.union([
  z.enum(['flip', 'crop_flip', ...STEP_PRESETS]),
  z.array(z.union([z.enum(STEP_NAMES), augmentationStepSchema])).max(20),
]);

const batch = {
  batch_size: z.int().positive().default(128).describe('Images in a training step.'),
  augment: augment
    .default('none')
    .describe('Random changes to training images: a preset, or a list of steps.'),
  shuffle: z
    .boolean()
    .default(true)
    .describe('Whether each epoch has an order of its own; false keeps the order of the data set.'),
  sampling: z
    .enum(['uniform', 'balanced'])
    .default('uniform')
    .describe('Whether an epoch takes each image once, or each class as often as any other.'),
};

const perChannel = (value: z.ZodNumber) => z.union([value, z.array(value).min(1).max(3)]);

/** How images come to the network, of all data sets but the synthetic one. */
const images = {
  image_size: z
    .int()
    .positive()
    .max(4096)
    .optional()
    .describe("Pixels of a side of what the network sees; by default the images' own, or the model's."),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe('1 for grey, 3 for colour; by default as the images are.'),
  interpolation: z
    .enum(INTERPOLATIONS)
    .optional()
    .describe('How images are resized, antialiased; by default bilinear, or as the weights were trained.'),
  crop_pct: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe('Share of the short edge that validation keeps, by a central crop.'),
  mean: perChannel(z.number().min(0).max(1))
    .optional()
    .describe("What pixels are normalised by, in 0..1, by channel; by default the images' or the weights'."),
  std: perChannel(z.number().positive().max(1))
    .optional()
    .describe('The standard deviation that goes with mean, in 0..1.'),
  presize: z
    .union([z.int().positive().max(4096), z.literal(false)])
    .optional()
    .describe('Pixels of the short edge to which images are resized once and stored; false never does.'),
  on_bad_image: z
    .enum(['fail', 'skip'])
    .optional()
    .describe('Whether an unreadable image ends the run, or is left out; by default fail.'),
};

const split = z
  .strictObject({
    validation: z.number().gt(0).lt(1).default(0.1).describe('Share of the training images.'),
    seed: z.int().min(0).default(0).describe('Which images they are.'),
    group_by: z
      .string()
      .min(1)
      .optional()
      .describe('Keeps images on one side: a pattern over the path such as {patient}_*, or a column.'),
    fold: z
      .strictObject({
        index: z.int().min(0).describe('Which of them, from 0.'),
        of: z.int().min(2).max(1000).describe('How many there are.'),
      })
      .optional()
      .describe(
        'In place of the share: one of so many parts of equal size, stratified by class. Studies set it, so that each block has its own.',
      ),
  })
  .prefault({})
  .describe('How validation images are split from the training images, where there are none.');

const path = z.string().min(1);

const data = z.discriminatedUnion('dataset', [
  z.strictObject({
    dataset: z.literal('fashion-mnist-sample').describe('12,000 + 2,000 images, inside the package.'),
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('fashion-mnist').describe('60,000 + 10,000 images, found or downloaded.'),
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('image_folder').describe('A folder of images, in a folder for each class.'),
    path: path.describe("The folder, relative to this file's: with train and val in it, or the classes."),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('csv').describe('A table of image files and their labels.'),
    path: path.describe(
      "The table, relative to this file's folder; image files are relative to the table's.",
    ),
    image_column: z.string().min(1).default('path').describe('The column of image files.'),
    label_column: z.string().min(1).default('label').describe('The column of class names.'),
    split_column: z
      .string()
      .min(1)
      .optional()
      .describe('The column that says train, validation or test; without it, split says.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('cifar10').describe('50,000 + 10,000 images of 32 x 32 in 10 classes.'),
    path: path.optional().describe('A folder or the published archive; without it, found or downloaded.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('cifar100').describe('50,000 + 10,000 images of 32 x 32 in 100 classes.'),
    path: path.optional().describe('A folder or the published archive; without it, found or downloaded.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('idx').describe("MNIST's files: MNIST, EMNIST, KMNIST and their like."),
    path: path.describe('The folder of the four files, plain or gzipped.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('npz').describe("NumPy arrays in MedMNIST's or Keras' layout."),
    path: path.describe('The .npz file.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('parquet').describe("Hugging Face's image data sets."),
    path: path.describe('A file or a folder of .parquet files.'),
    image_column: z.string().min(1).default('image').describe('The column of images.'),
    label_column: z.string().min(1).default('label').describe('The column of labels.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('webdataset').describe('Shards: tar archives of key.jpg with key.cls or key.json.'),
    train: path.describe('Shards, such as shards/train-{000..009}.tar.'),
    validation: path.optional().describe('Shards; without them, split says.'),
    test: path.optional().describe('Shards that only a final test looks at.'),
    split,
    ...batch,
    ...images,
  }),
  z.strictObject({
    dataset: z.literal('synthetic').describe('Images drawn on demand, for tests and benchmarks.'),
    train_images: z.int().positive().default(SYNTHETIC_DEFAULTS.train_images),
    validation_images: z.int().positive().default(SYNTHETIC_DEFAULTS.validation_images),
    height: z.int().positive().max(4096).default(SYNTHETIC_DEFAULTS.height).describe('Pixels.'),
    width: z.int().positive().max(4096).default(SYNTHETIC_DEFAULTS.width).describe('Pixels.'),
    channels: z.int().positive().max(1024).default(SYNTHETIC_DEFAULTS.channels),
    classes: z.int().min(2).max(100_000).default(SYNTHETIC_DEFAULTS.classes),
    seed: z
      .int()
      .min(0)
      .default(SYNTHETIC_DEFAULTS.seed)
      .describe("Which images are drawn, apart from the experiment's seed."),
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
      "Pixels of a side of the images; by default the data's, or without data what the model is for.",
    ),
  classes: z
    .int()
    .min(2)
    .max(100_000)
    .optional()
    .describe("Classes to tell apart; by default the data's, or without data what the model is for."),
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
    name: z.enum(RESNET_NAMES).describe('ResNet as trained on ImageNet.'),
    width: z.int().positive().multipleOf(2).default(64).describe('Channels of the stem and the first stage.'),
    variant: z
      .enum(['A', 'B', 'C', 'D'])
      .default('A')
      .describe('The form of He et al. 2018: A is the plain one, and each later one adds a tweak.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('resnet9').describe('The fast ResNet of DAWNBench, for small images.'),
    width: z.int().positive().default(64).describe('Channels of the first convolution.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('mobilenet_v1').describe('MobileNet V1, of depthwise convolutions.'),
    width_multiplier: widthMultiplier,
    activation: z
      .enum(['relu', 'relu6'])
      .default('relu')
      .describe("relu as in the paper; relu6 as in its authors' code and in timm, whose weights want it."),
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
    name: z.literal('densenet121').describe('DenseNet-121, as trained on ImageNet.'),
    growth_rate: z.int().positive().default(32).describe('Channels that each layer adds.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('cnn').describe('Two convolutions and two fully connected layers.'),
    width: z.int().positive().default(32).describe('Filters of the first convolution.'),
    ...task,
  }),
  z.strictObject({
    name: z.literal('mlp').describe('Fully connected layers alone.'),
    hidden: z
      .array(z.int().positive().max(65_536))
      .max(100)
      .default([512, 512])
      .describe('Values of each hidden layer.'),
    ...task,
  }),
]);

const momentum = z.number().min(0).lt(1).default(0.9).describe('Share of the velocity kept at each step.');

function rateAndDecay(base_lr: number, weight_decay: number) {
  return {
    base_lr: z.number().positive().default(base_lr).describe('Learning rate before scaling.'),
    weight_decay: z
      .number()
      .min(0)
      .default(weight_decay)
      .describe('Times the weight, added to its gradient; adamw and lamb take it off the weight.'),
    head_learning_rate: z
      .union([z.number().positive(), z.string().regex(/^(?=.*[1-9])\d+(\.\d+)?x$/)])
      .default('1x')
      .describe(
        "The classifier's learning rate: a multiple of base_lr such as 10x, or a number in its place, which is scaled and scheduled alike.",
      ),
    layer_decay: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe(
        'What the learning rate is multiplied by from each stage to the one before it, from the head to the stem, as in timm.',
      ),
  };
}

function moments(epsilon: number) {
  const share = z.number().min(0).lt(1);
  return {
    beta1: share.default(0.9).describe('Share of the mean gradient kept at each step.'),
    beta2: share.default(0.999).describe('Share of the mean square kept at each step.'),
    epsilon: z.number().positive().default(epsilon).describe('Added to the root of the mean square.'),
  };
}

/** The rates and decays of adam, adamw and lamb are PyTorch's and timm's defaults, those of sgd and lars the paper's. */
const optimizer = z.discriminatedUnion('name', [
  z.strictObject({
    // A file that names no optimizer gets this one.
    name: z.literal('sgd').optional().describe('Stochastic gradient descent with momentum.'),
    ...rateAndDecay(0.1, 0.0001),
    momentum,
    nesterov: z.boolean().default(true).describe("Nesterov's accelerated gradient, as in the paper."),
  }),
  z.strictObject({
    name: z.literal('adam').describe('Adam, with weight decay in the gradient.'),
    ...rateAndDecay(0.001, 0),
    ...moments(1e-8),
  }),
  z.strictObject({
    name: z.literal('adamw').describe('Adam, with weight decay apart from the gradient.'),
    ...rateAndDecay(0.001, 0.01),
    ...moments(1e-8),
  }),
  z.strictObject({
    name: z.literal('lars').describe('SGD with momentum and a trust ratio for each layer.'),
    ...rateAndDecay(0.1, 0.0001),
    momentum,
    trust_coefficient: z
      .number()
      .positive()
      .default(0.001)
      .describe('What every trust ratio is multiplied by.'),
  }),
  z.strictObject({
    name: z.literal('lamb').describe('Adam with a trust ratio for each layer.'),
    ...rateAndDecay(0.001, 0.01),
    ...moments(1e-6),
  }),
]);

const factor = z.number().positive().lt(1).default(0.1).describe('What the rate is multiplied by.');

/** A decay as a mapping; a bare name stands for its defaults. */
export const decaySchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant') }),
  z.strictObject({
    name: z.literal('step'),
    every: z
      .number()
      .positive()
      .optional()
      .describe('Epochs between two falls; by default a quarter of the training, as in the paper.'),
    factor,
  }),
  z.strictObject({
    name: z.literal('multi_step'),
    milestones: z
      .array(z.number().positive())
      .max(MOST_MILESTONES)
      .default([30, 60, 90])
      .describe('Epochs at which the rate is multiplied by factor.'),
    factor,
  }),
  z.strictObject({ name: z.literal('cosine') }),
  z.strictObject({ name: z.literal('linear') }),
  z.strictObject({
    name: z.literal('polynomial'),
    power: z.number().positive().default(2).describe('Of the share of steps left.'),
  }),
  z.strictObject({
    name: z.literal('one_cycle'),
    rise_share: z.number().min(0).lt(1).default(0.3).describe('Share of the steps in which the rate rises.'),
    start_factor: z
      .number()
      .positive()
      .max(1)
      .default(1 / 25)
      .describe('The first rate as a share of the peak.'),
    end_factor: z.number().min(0).max(1).default(4e-6).describe('The last rate as a share of the peak.'),
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
  epochs: z.int().positive().default(120).describe('Passes over the training images.'),
  decay: decay.default('step').describe('How the rate falls after warmup.'),
  update: z.enum(['step', 'epoch']).default('step').describe('How often the rate changes.'),
});

const loss = z.strictObject({
  class_weights: z
    .enum(['none', 'balanced'])
    .default('none')
    .describe(
      'Whether the loss of an image counts by its class: balanced takes images / (classes x images of the class).',
    ),
});

const weights = z
  .string()
  .min(1)
  .meta({
    description:
      'A weights file of PyTorch or safetensors, relative to this file, or published weights as torchvision:NAME or timm:NAME, which are downloaded.',
    examples: [...PUBLISHED_WEIGHTS],
  });

const init = z.strictObject({
  weights,
  head: z
    .enum(['auto', 'new'])
    .default('auto')
    .describe('auto: a new classifier where the weights have other classes; new: always.'),
  freeze: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Stages and modules that are not trained, such as [stem, layer1]; their batch norms keep their statistics.',
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

/** What a person writes in an experiment file; every default is the paper's, or stated beside it. */
export const experimentSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1).max(200).describe('Names the runs.'),
  data: data.describe('What to train on.'),
  model: model.describe('What to train.'),
  loss: loss.prefault({}).describe('What training minimises.'),
  optimizer: optimizer.prefault({}).describe('How weights are updated.'),
  schedule: schedule.prefault({}).describe('How long to train, and the learning rate over that time.'),
  tricks: tricks.prefault({}).describe('Training tricks; `true` takes a trick as the paper has it.'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1)
    .describe('The same seed gives the same run on one engine.'),
  init: z
    .union([weights, init])
    .optional()
    .describe('The weights that training starts from, alone or with options.'),
  engine: z
    .enum(ENGINE_REQUESTS)
    .default('auto')
    .describe('What computes; auto takes the fastest that works.'),
});

/** A validated experiment, defaults filled in. */
export type Experiment = z.output<typeof experimentSchema> & {
  /** What an index knows of the person's own images that it names; left out where nobody has looked at them. */
  readonly facts?: SourceFacts | undefined;
};
