import * as l10n from '@vscode/l10n';
import { formatBytes } from '../../shared/format';
import { datasetError } from '../errors';
import type { SplitTable } from '../table';

export type PixelTable = Extract<SplitTable, { kind: 'pixels' }>;

/**
 * Allocates bytes in shared memory.
 *
 * @param where the source of the bytes, for errors
 * @throws UserError if there is not enough memory
 */
export function sharedBytes(length: number, where: string): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(length));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw datasetError(
      where,
      l10n.t('Its images need {0} of memory, more than is available.', formatBytes(length)),
      l10n.t('Store them as files in one folder per class, and use the data set image_folder.'),
      { cause: error },
    );
  }
}

/** Copies labels to shared memory. */
export function sharedLabels(labels: ArrayLike<number>): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(labels.length * 4));
  shared.set(labels);
  return shared;
}

/**
 * Moves images out of a table. The remaining images are compacted in place, because there may be no memory for a copy.
 * This invalidates the input table.
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
