import { closeSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { nameAt, type SplitTable, type StoredImage } from '../../../datasets/table';
import { assertNever } from '../../../shared/assertNever';
import { openRegularSync } from '../../../system/regularFiles';

/** A file that is another than the training saw before. */
export class ChangedFileError extends Error {
  override readonly name = 'ChangedFileError';
}

/** By file, its time of change and its size when a training first read it, [files, 2]; zeros before. */
export type Stamps = Float64Array;

/** Files whose changes are watched for: one an image, or those that hold many. */
export function stampCount(table: SplitTable): number {
  switch (table.kind) {
    case 'files':
      return table.labels.length;
    case 'ranges':
      return table.files.length;
    case 'pixels':
      return 0;
    default:
      return assertNever(table);
  }
}

/**
 * Reads an image as it is stored, in the caller's own thread: it costs a tenth of the processor time that the system's
 * asynchronous calls take.
 *
 * @param stamps of the table's files; enters those that are read for the first time
 * @throws the file system's error; ChangedFileError
 */
export function readImage(table: SplitTable, index: number, stamps: Stamps): StoredImage {
  switch (table.kind) {
    case 'files':
      return encoded(join(table.root, nameAt(table.names, index)), stamps, index, 0, null);
    case 'ranges': {
      const file = table.file[index]!;
      return encoded(table.files[file]!, stamps, file, table.offset[index]!, table.length[index]!);
    }
    case 'pixels': {
      const { height, width, channels } = table;
      const size = height * width * channels;
      const pixels = table.pixels.subarray(index * size, (index + 1) * size);
      return { kind: 'pixels', image: { pixels, height, width, channels } };
    }
    default:
      return assertNever(table);
  }
}

/** @param length bytes; null for all of the file */
function encoded(
  path: string,
  stamps: Stamps,
  file: number,
  offset: number,
  length: number | null,
): StoredImage {
  const descriptor = openRegularSync(path);
  try {
    const { mtimeMs, size } = fstatSync(descriptor);
    const [changedBefore, sizeBefore] = [stamps[2 * file]!, stamps[2 * file + 1]!];
    const isKnown = changedBefore !== 0 || sizeBefore !== 0;
    if (isKnown && (mtimeMs !== changedBefore || size !== sizeBefore)) throw new ChangedFileError();
    stamps[2 * file] = mtimeMs;
    stamps[2 * file + 1] = size;
    // Not of Node's pool, whose parts a native decoder cannot be given alone.
    const bytes = Buffer.allocUnsafeSlow(length ?? size);
    let end = 0;
    while (end < bytes.length) {
      const read = readSync(descriptor, bytes, end, bytes.length - end, offset + end);
      if (read === 0) break;
      end += read;
    }
    return { kind: 'encoded', bytes: bytes.subarray(0, end) };
  } finally {
    closeSync(descriptor);
  }
}
