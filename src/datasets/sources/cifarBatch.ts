/** Reads a CIFAR file: images of 32 x 32 pixels in three color planes, one after the other. Pure. */

import * as l10n from '@vscode/l10n';
import {
  PickleDict,
  PickleError,
  type PickleValue,
  pickleText,
  readPickle,
} from '../../shared/pickle/pickle';
import { pickledArray } from '../../shared/pickle/pickleNumpy';

/** Side length in pixels. */
export const SIDE = 32;
const PLANE_BYTES = SIDE * SIDE;
const IMAGE_BYTES = 3 * PLANE_BYTES;

export interface CifarBatch {
  readonly labels: Uint8Array;
  /** Image i begins at `start + i * stride`: bytes [3, 32, 32]. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** The error for bytes that are not a CIFAR file. Its message is a sentence. */
export class CifarError extends Error {
  override readonly name = 'CifarError';
}

/**
 * Reads the binary version: records with labels and one image.
 *
 * @param labelAt the index of the label among a record's `labelBytes`
 * @throws CifarError
 */
export function readBinaryBatch(
  bytes: Uint8Array,
  { labelBytes, labelAt, classes }: { labelBytes: number; labelAt: number; classes: number },
): CifarBatch {
  const stride = labelBytes + IMAGE_BYTES;
  const count = bytes.length / stride;
  if (count === 0) throw new CifarError(l10n.t('The file is empty.'));
  if (!Number.isInteger(count)) {
    throw new CifarError(
      l10n.t(
        'The file is truncated or not a CIFAR file: {0} bytes is not a multiple of {1}.',
        bytes.length,
        stride,
      ),
    );
  }
  const labels = Uint8Array.from({ length: count }, (_, image) => bytes[image * stride + labelAt]!);
  checkLabels(labels, classes);
  return { labels, bytes, start: labelBytes, stride };
}

/**
 * Reads the Python version: a pickled dictionary with the array `data` [count, 3072] and a list of labels.
 *
 * @throws CifarError
 */
export function readPickledBatch(
  bytes: Uint8Array,
  { labels: key, classes }: { labels: string; classes: number },
): CifarBatch {
  const batch = dictionaryOf(bytes);
  const data = pickledArray(batch.get('data'));
  if (data?.dtype !== 'u1' || data.shape.length !== 2 || data.shape[1] !== IMAGE_BYTES || data.isFortran) {
    throw new CifarError(l10n.t('Its {0} is not an array of {1} bytes per image.', 'data', IMAGE_BYTES));
  }
  const [count = 0] = data.shape;
  const values = batch.get(key);
  if (!Array.isArray(values) || !values.every(isLabel)) {
    throw new CifarError(l10n.t('Its {0} is not a list of labels.', key));
  }
  if (values.length !== count) {
    throw new CifarError(l10n.t('It has {0} labels for {1} images.', values.length, count));
  }
  if (count === 0) throw new CifarError(l10n.t('The file is empty.'));
  const labels = Uint8Array.from(values);
  checkLabels(labels, classes);
  return { labels, bytes: data.bytes, start: 0, stride: IMAGE_BYTES };
}

/**
 * Reads class names from a pickled dictionary.
 *
 * @throws CifarError
 */
export function readNames(bytes: Uint8Array, key: string): string[] {
  const names = dictionaryOf(bytes).get(key);
  const texts = Array.isArray(names) ? names.map(pickleText) : [];
  if (texts.length === 0 || texts.includes(null)) {
    throw new CifarError(l10n.t('Its {0} is not a list of names.', key));
  }
  return texts as string[];
}

/** Writes a batch's images as bytes [count, 32, 32, 3]. */
export function rgbOf({ labels, bytes, start, stride }: CifarBatch, target: Uint8Array): void {
  let at = 0;
  for (let image = 0; image < labels.length; image++) {
    const red = start + image * stride;
    for (let pixel = red; pixel < red + PLANE_BYTES; pixel++) {
      target[at++] = bytes[pixel]!;
      target[at++] = bytes[pixel + PLANE_BYTES]!;
      target[at++] = bytes[pixel + 2 * PLANE_BYTES]!;
    }
  }
}

function dictionaryOf(bytes: Uint8Array): PickleDict {
  try {
    const value = readPickle(bytes);
    if (value instanceof PickleDict) return value;
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new CifarError(l10n.t('The pickle cannot be read: {0}.', error.message), { cause: error });
  }
  throw new CifarError(l10n.t('The pickle does not contain a dictionary.'));
}

function isLabel(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256;
}

function checkLabels(labels: Uint8Array, classes: number): void {
  const image = labels.findIndex((label) => label >= classes);
  if (image < 0) return;
  throw new CifarError(
    l10n.t('The label of image {0} is {1}, but there are {2} classes.', image, labels[image]!, classes),
  );
}
