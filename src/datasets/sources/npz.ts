import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import type { NpyValues } from '../../shared/npy';
import { datasetError } from '../errors';
import { type NpzEntry, NpzFile } from '../formats/npzFile';
import type { Lister } from '../listing';
import { classNamesIn, namesForLabels } from './classNames';
import { pixelDataset } from './pixelDataset';
import { type PixelTable, sharedBytes } from './pixelTable';

type ArrayRequest = Extract<OwnDatasetRequest, { dataset: 'idx' | 'npz' }>;
type Split = 'train' | 'validation' | 'test';

/** Names of a split's images and labels, in lower case: MedMNIST's, then Keras'. */
const LAYOUTS: readonly Readonly<Record<Split, readonly (readonly [images: string, labels: string])[]>>[] = [
  {
    train: [['train_images', 'train_labels']],
    validation: ['val', 'valid', 'validation'].map((name) => [`${name}_images`, `${name}_labels`] as const),
    test: [['test_images', 'test_labels']],
  },
  {
    train: [['x_train', 'y_train']],
    validation: ['val', 'valid', 'validation'].map((name) => [`x_${name}`, `y_${name}`] as const),
    test: [['x_test', 'y_test']],
  },
];

/**
 * Lists a .npz file in MedMNIST's layout (`train_images`, `train_labels` and so on) or Keras' (`x_train`, `y_train`).
 * Images are [count, height, width] or [count, height, width, 1 or 3] with integers from 0 to 255. Labels are [count]
 * or [count, 1]. Without validation arrays, validation images are split from the training images by image number.
 * Without test arrays, there is no test split. Class names come from `classes.txt` next to the file; otherwise they are
 * the labels.
 */
export const listNpz: Lister<ArrayRequest> = async (request, options) => {
  const path = resolve(options.folder, request.path);
  const file = await NpzFile.open(path, options);
  try {
    const pairs = pairsOf(file);
    const train = await readPair(file, pairs.train!);
    const validation =
      pairs.validation && sameSize(await readPair(file, pairs.validation), train, file, pairs);
    const test = pairs.test && sameSize(await readPair(file, pairs.test), train, file, pairs);
    const tables = [train, validation, test].flatMap((table) => (table ? [table.labels] : []));
    const classNames = namesForLabels(tables, await classNamesIn(dirname(path)), path);
    return pixelDataset({ train, validation, test }, { classNames, split: request.split, where: path });
  } finally {
    file.close();
  }
};

type Pair = readonly [images: string, labels: string];
type Pairs = Readonly<Record<Split, Pair | null>>;

/** @throws UserError if there are no training images or labels, or images without labels */
function pairsOf(file: NpzFile): Pairs {
  const names = new Map(file.names.map((name) => [name.toLowerCase(), name]));
  const remedy = l10n.t(
    'Save {0} and {1}, or {2} and {3}.',
    'train_images',
    'train_labels',
    'x_train',
    'y_train',
  );
  const layout = LAYOUTS.find(({ train }) => names.has(train[0]![0]));
  if (!layout) {
    const found = file.names.length > 0 ? file.names.join(', ') : l10n.t('none');
    throw datasetError(file.path, l10n.t('It has no training images. Its arrays: {0}.', found), remedy);
  }
  const pairOf = (split: Split): Pair | null => {
    const pair = layout[split].find(([images]) => names.has(images));
    if (!pair) return null;
    const [images, labels] = pair.map((name) => names.get(name));
    if (images !== undefined && labels !== undefined) return [images, labels];
    throw datasetError(file.path, l10n.t('It has {0}, but no {1}.', images ?? pair[0], pair[1]), remedy);
  };
  return { train: pairOf('train'), validation: pairOf('validation'), test: pairOf('test') };
}

async function readPair(file: NpzFile, [imageName, labelName]: Pair): Promise<PixelTable> {
  const images = await file.headerOf(imageName);
  const size = sizeOf(images);
  const labels = labelsOf(await readLabels(file, labelName, images), labelName, file);
  const pixels = sharedBytes(
    images.shape.reduce((product, extent) => product * extent, 1),
    images.where,
  );
  if (images.type === 'uint8') await file.readBytes(images, pixels);
  else toBytes(await file.readValues(images), images, pixels);
  return { kind: 'pixels', pixels, ...size, labels };
}

/** @throws UserError if the array does not have the shape of images */
function sizeOf({ shape, where }: NpzEntry): Pick<PixelTable, 'height' | 'width' | 'channels'> {
  const [count = 0, height = 0, width = 0, channels = 1] = shape;
  const isImages = shape.length === 3 || (shape.length === 4 && (channels === 1 || channels === 3));
  if (isImages && count > 0 && height > 0 && width > 0)
    return { height, width, channels: channels === 3 ? 3 : 1 };
  const isChannelsFirst = shape.length === 4 && (height === 1 || height === 3);
  throw datasetError(
    where,
    l10n.t(
      'Its shape is [{0}], but images must be [count, height, width] or [count, height, width, 1 or 3].',
      shape.join(', '),
    ),
    isChannelsFirst
      ? l10n.t('Save it with the channels last: {0}.', 'x.transpose(0, 2, 3, 1)')
      : l10n.t('Save one or more two-dimensional gray or RGB images.'),
  );
}

/** @throws UserError if a split does not have exactly one label per image */
async function readLabels(file: NpzFile, name: string, images: NpzEntry): Promise<NpyValues> {
  const labels = await file.headerOf(name);
  const [count = 0, columns = 1] = labels.shape;
  if (labels.shape.length > 2 || columns > 1) {
    throw datasetError(
      labels.where,
      l10n.t(
        'Its shape is [{0}]: each image has several labels, but models here predict a single class.',
        labels.shape.join(', '),
      ),
      l10n.t('Save one class number per image. For one-hot rows: {0}.', 'y.argmax(axis=1)'),
    );
  }
  if (labels.shape.length === 0 || columns !== 1 || count !== images.shape[0]) {
    throw datasetError(
      labels.where,
      l10n.t(
        'It has {0} labels, but {1} has {2} images.',
        count * columns,
        images.name,
        images.shape[0] ?? 0,
      ),
      l10n.t('Save one class number per image.'),
    );
  }
  return file.readValues(labels);
}

/** @throws UserError if a value is not a class number */
function labelsOf(values: NpyValues, name: string, file: NpzFile): Uint32Array {
  const labels = new Uint32Array(new SharedArrayBuffer(values.length * 4));
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index]);
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw datasetError(
        `${file.path}, ${name}`,
        l10n.t('Label {0} is {1}, but class numbers must be whole numbers starting at 0.', index, value),
        l10n.t('Number the classes from 0, and remove images without a label.'),
      );
    }
    labels[index] = value;
  }
  return labels;
}

/**
 * Converts pixels stored as larger number types.
 *
 * @throws UserError if they are not integers from 0 to 255, or are floats with a maximum of at most 1
 */
function toBytes(values: NpyValues, { where, type }: NpzEntry, target: Uint8Array): void {
  let most = 0;
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index]);
    if (!Number.isInteger(value) || value < 0 || value > 255) {
      throw datasetError(
        where,
        l10n.t('Value {0} is {1}, but pixels must be whole numbers from 0 to 255.', index, value),
        bytesRemedy(),
      );
    }
    target[index] = value;
    most = Math.max(most, value);
  }
  // Images with only the values 0 and 1 would be nearly black.
  if (most > 1 || !type.startsWith('float')) return;
  throw datasetError(
    where,
    l10n.t('Its values are from 0 to 1, but pixels must be from 0 to 255.'),
    bytesRemedy(),
  );
}

function bytesRemedy(): string {
  return l10n.t('Save it as bytes. For values from 0 to 1: {0}.', "(x * 255).round().astype('uint8')");
}

/** @throws UserError if a split's images differ in size from the training images */
function sameSize(table: PixelTable, train: PixelTable, file: NpzFile, pairs: Pairs): PixelTable {
  const shape = ({ height, width, channels }: PixelTable) => `${height} x ${width} x ${channels}`;
  if (shape(table) === shape(train)) return table;
  throw datasetError(
    file.path,
    l10n.t(
      'Images have different sizes: {0} in {1}, but {2} in another split.',
      shape(train),
      pairs.train![0],
      shape(table),
    ),
    l10n.t('Save images of one size, or store them as files in one folder per class.'),
  );
}
