import * as l10n from '@vscode/l10n';
import { formatBytes } from '../../shared/format';
import { datasetError } from '../errors';
import type { SplitTable } from '../table';

export type PixelTable = Extract<SplitTable, { kind: 'pixels' }>;

/**
 * Bytes that threads share.
 *
 * @param where what they are read from, for errors
 * @throws UserError when there is not as much memory
 */
export function sharedBytes(length: number, where: string): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(length));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw datasetError(
      where,
      l10n.t('Its images need {0} of memory, more than there is.', formatBytes(length)),
      l10n.t('Store them as files in a folder for each class, and use the data set image_folder.'),
      { cause: error },
    );
  }
}

/** Labels that threads share. */
export function sharedLabels(labels: ArrayLike<number>): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(labels.length * 4));
  shared.set(labels);
  return shared;
}

/**
 * Takes images out of a table. Those that stay move together in place, so that images that fill the memory are not
 * copied: the table that was given is no longer of use.
 */
export function takeImages(
  table: PixelTable,
  isTaken: (index: number) => boolean,
  where: string,
): { readonly kept: PixelTable; readonly taken: PixelTable } {
  const { pixels, labels, height, width, channels } = table;
  const imageBytes = height * width * channels;
  const indices = Array.from(labels.keys()).filter(isTaken);
  const takenPixels = sharedBytes(indices.length * imageBytes, where);
  const takenLabels = sharedLabels(indices.map((index) => labels[index]!));
  let next = 0;
  let kept = 0;
  for (let index = 0; index < labels.length; index++) {
    const start = index * imageBytes;
    if (index === indices[next]) {
      takenPixels.set(pixels.subarray(start, start + imageBytes), next++ * imageBytes);
      continue;
    }
    if (kept !== index) {
      pixels.copyWithin(kept * imageBytes, start, start + imageBytes);
      labels[kept] = labels[index]!;
    }
    kept++;
  }
  return {
    kept: { ...table, pixels: pixels.subarray(0, kept * imageBytes), labels: labels.subarray(0, kept) },
    taken: { ...table, pixels: takenPixels, labels: takenLabels },
  };
}
