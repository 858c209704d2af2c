/** A file of CIFAR's: images of 32 x 32 pixels in three colours, each colour's plane after the other. Pure. */

import * as l10n from '@vscode/l10n';
import { PickleDict, PickleError, type PickleValue, pickleText, readPickle } from '../../shared/pickle';
import { pickledArray } from '../../shared/pickleNumpy';

/** Pixels of a side. */
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

/** Bytes that are no such file; its message is a sentence. */
export class CifarError extends Error {
  override readonly name = 'CifarError';
}

/**
 * The binary version: records of labels and an image each.
 *
 * @param labelAt which of a record's `labelBytes` is the label
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
        'The file is cut short or no file of CIFAR: {0} bytes are no multiple of {1}.',
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
 * The Python version: a pickled dictionary with the array `data` [count, 3072] and a list of labels.
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
    throw new CifarError(l10n.t('Its {0} is no array of {1} bytes an image.', 'data', IMAGE_BYTES));
  }
  const [count = 0] = data.shape;
  const values = batch.get(key);
  if (!Array.isArray(values) || !values.every(isLabel)) {
    throw new CifarError(l10n.t('Its {0} is no list of labels.', key));
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
 * Class names in a pickled dictionary.
 *
 * @throws CifarError
 */
export function readNames(bytes: Uint8Array, key: string): string[] {
  const names = dictionaryOf(bytes).get(key);
  const texts = Array.isArray(names) ? names.map(pickleText) : [];
  if (texts.length === 0 || texts.includes(null)) {
    throw new CifarError(l10n.t('Its {0} is no list of names.', key));
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
  throw new CifarError(l10n.t('The pickle holds something else than a dictionary.'));
}

function isLabel(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256;
}

function checkLabels(labels: Uint8Array, classes: number): void {
  const image = labels.findIndex((label) => label >= classes);
  if (image < 0) return;
  throw new CifarError(
    l10n.t('The label of image {0} is {1}, and there are {2} classes.', image, labels[image]!, classes),
  );
}
