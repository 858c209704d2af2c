import * as l10n from '@vscode/l10n';
import { stringify } from 'yaml';
import { rename } from '../experiment/edits';
import { parseDocument } from '../experiment/text/document';
import { applyEdits } from '../experiment/text/textEdits';
import type { OwnDatasetRequest, SourceFacts } from '../recipe/datasets';
import { counted } from '../shared/counted';
import { formatCount, formatNumber } from '../shared/format';
import { IMBALANCE } from './dataAdvice';

/** Inputs of a starter experiment: indexed images and optional published weights. */
export interface StarterRequest {
  readonly name: string;
  readonly data: OwnDatasetRequest;
  readonly facts: SourceFacts;
  readonly weights?: StarterWeights | null;
}

/** Published weights, such as torchvision:resnet18, and their model. */
export interface StarterWeights {
  readonly name: string;
  readonly model: Readonly<Record<string, unknown>>;
}

/** Weights to fine-tune, the most common first. torchvision's ResNets with bottlenecks are variant B. */
export const STARTER_WEIGHTS: readonly StarterWeights[] = [
  { name: 'torchvision:resnet18', model: { name: 'resnet18' } },
  { name: 'torchvision:resnet50', model: { name: 'resnet50', variant: 'B' } },
  { name: 'torchvision:resnet34', model: { name: 'resnet34' } },
  { name: 'torchvision:resnet101', model: { name: 'resnet101', variant: 'B' } },
  { name: 'torchvision:resnet152', model: { name: 'resnet152', variant: 'B' } },
  { name: 'torchvision:densenet121', model: { name: 'densenet121' } },
  { name: 'torchvision:inception_v3', model: { name: 'inception_v3' } },
  { name: 'torchvision:vgg16_bn', model: { name: 'vgg16_bn' } },
];

/** Images up to this size are trained at their own size, with a network made for small images. */
const SMALL_SIDE = 64;
/** Fewer steps make an epoch uninformative, and batch norm needs at least this many images. */
const BATCHES = { least: 8, most: 128, stepsAnEpoch: 20 } as const;
/** From scratch: total number of images seen, which bounds the epochs of large and small data sets. */
const IMAGES_SEEN = 600_000;
const EPOCHS = { least: 15, most: 120 } as const;

/** A line of a starter: a key, its value, and the reason. */
type Line = readonly [key: string, value: unknown, why?: string];

/**
 * Returns an experiment file to start from. Its numbers suit the data, and a comment next to each gives the reason.
 * From scratch it follows the paper's recipe. Fine-tuning uses the usual values for small data sets.
 */
export function starterExperiment(request: StarterRequest): string {
  const { name, weights } = request;
  const parts = weights ? fineTuning(request, weights) : fromScratch(request);
  const title = weights
    ? l10n.t('Fine-tunes {0} on {1}.', weights.name, factsText(request.facts))
    : l10n.t('Trains from scratch on {0}.', factsText(request.facts));
  return [`# ${title}`, entry('name', name), ...parts].join('\n');
}

/**
 * The example that a new experiment starts from if a person has no images yet. It is small and trains quickly. See
 * docs/performance.md.
 */
export const SMALL_EXAMPLE = 'first-steps';

/** Returns the text of an example with a new name. */
export function namedExample(text: string, name: string): string {
  const renamed = rename(parseDocument(text, 'example.yaml'), name);
  return renamed.ok ? applyEdits(text, renamed.edits) : text;
}

/**
 * Returns an experiment's file name without its extension: its name, with characters that file names cannot contain
 * replaced.
 */
export function fileNameFor(name: string): string {
  return name.replace(/[\\/:*?"<>|]/g, '-');
}

function factsText({ trainImages, validationImages, classNames }: SourceFacts): string {
  return l10n.t(
    '{0} of {1}, with {2} for validation',
    counted(trainImages, 'image'),
    counted(classNames.length, 'class'),
    formatCount(validationImages),
  );
}

function fromScratch({ data, facts }: StarterRequest): string[] {
  const side = facts.shortEdge.median;
  const isSmall = side <= SMALL_SIDE;
  const size = isSmall ? Math.max(16, Math.round(side / 4) * 4) : 128;
  const batch = batchSize(facts.trainImages);
  const epochs = clamp(Math.round(IMAGES_SEEN / facts.trainImages), EPOCHS.least, EPOCHS.most);
  const warmup = Math.max(1, Math.round(epochs * 0.05));
  return [
    section('data', [
      ...sourceLines(data),
      ['image_size', size, sizeReason(side, isSmall)],
      ['batch_size', batch, batchReason(facts.trainImages, batch)],
      isSmall
        ? ['augment', 'cifar', l10n.t('shifts and flips: other crops lose too much of small images')]
        : ['augment', cropAndFlip(), l10n.t('random crops of 35% to 100% of the area, and flips')],
      ...balance(facts),
    ]),
    section('model', [
      [
        'name',
        isSmall ? 'resnet20' : 'resnet18',
        isSmall ? l10n.t('made for small images') : l10n.t('a good first model; resnet50 is slower'),
      ],
    ]),
    section('optimizer', [
      [
        'base_lr',
        0.1,
        l10n.t("the paper's value for a batch of 256; linear_scaling adapts it to the batch above"),
      ],
      ['weight_decay', 0.0001, l10n.t('from the paper')],
    ]),
    section('schedule', [
      ['epochs', epochs, l10n.t('about {0} seen in total', counted(epochs * facts.trainImages, 'image'))],
      ['decay', 'cosine', l10n.t('no milestones to choose')],
    ]),
    section('tricks', [
      ['linear_scaling', { base_batch_size: 256 }],
      ['warmup', { epochs: warmup }, l10n.t('training is least stable in the first steps')],
      ['zero_gamma', true],
      ['label_smoothing', { epsilon: 0.1 }],
    ]),
  ];
}

/** Returns the usual values for fine-tuning: a low learning rate, ten times that for the new head, few epochs. */
function fineTuning({ data, facts }: StarterRequest, weights: StarterWeights): string[] {
  const batch = Math.min(64, batchSize(facts.trainImages));
  return [
    section('data', [
      ...sourceLines(data),
      ['batch_size', batch, batchReason(facts.trainImages, batch)],
      ['augment', cropAndFlip(), l10n.t('crops of at least 35%: smaller crops suit training from scratch')],
      ...balance(facts),
    ]),
    section(
      'model',
      Object.entries(weights.model).map(([key, value]): Line => [key, value]),
    ),
    section('init', [
      ['weights', weights.name, l10n.t('sets the size, mean and std of the images too')],
      ['head', 'auto', l10n.t('a new classifier for {0}', counted(facts.classNames.length, 'class'))],
    ]),
    section('optimizer', [
      ['base_lr', 0.01 * (batch / 64), l10n.t('0.01 for a batch of 64: the weights are already good')],
      ['momentum', 0.9],
      ['weight_decay', 0.0001],
      ['head_learning_rate', '10x', l10n.t('the new classifier starts from scratch')],
    ]),
    section('schedule', [
      ['epochs', 15, l10n.t('enough if the weights fit; more epochs help little')],
      ['decay', 'cosine'],
    ]),
    section('tricks', [
      ['warmup', { epochs: 1 }, l10n.t('keeps the new classifier from disturbing the rest')],
    ]),
  ];
}

function sourceLines(data: OwnDatasetRequest): Line[] {
  return Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]): Line =>
        key === 'split'
          ? [
              key,
              withoutUndefined(value as object),
              l10n.t('used if there is no folder of validation images'),
            ]
          : [key, value],
    );
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}

function cropAndFlip(): unknown {
  return [{ step: 'random_resized_crop', area: [0.35, 1] }, 'flip'];
}

/** Samples rare classes as often as others if the largest class is several times the smallest. */
function balance({ trainCounts }: SourceFacts): Line[] {
  const most = Math.max(...trainCounts);
  const least = Math.min(...trainCounts);
  if (!(least > 0) || most < IMBALANCE * least) return [];
  const ratio = formatNumber(Math.round((most / least) * 10) / 10);
  return [
    ['sampling', 'balanced', l10n.t('the largest class has {0} times as many images as the smallest', ratio)],
  ];
}

/** Returns the largest power of two that leaves enough steps per epoch. */
function batchSize(trainImages: number): number {
  let batch: number = BATCHES.most;
  while (batch > BATCHES.least && trainImages / batch < BATCHES.stepsAnEpoch) batch /= 2;
  return Math.max(1, Math.min(batch, trainImages));
}

function batchReason(trainImages: number, batch: number): string {
  return l10n.t('{0} per epoch', counted(Math.floor(trainImages / batch), 'step'));
}

function sizeReason(side: number, isSmall: boolean): string {
  return isSmall
    ? l10n.t("the images' native size")
    : l10n.t('a third of the cost of 224; the median short edge of the images is {0}', formatCount(side));
}

function section(name: string, lines: readonly Line[]): string {
  return `\n${name}:\n${lines.map(([key, value, why]) => `  ${entry(key, value, why)}`).join('\n')}`;
}

function entry(key: string, value: unknown, why?: string): string {
  const written = stringify({ [key]: value }, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  // The outer mapping is in flow style, too.
  const line = written.slice(1, -1).trim();
  return why === undefined ? line : `${line} # ${why}`;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
