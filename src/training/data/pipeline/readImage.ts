import { closeSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { nameAt, type SplitTable, type StoredImage } from '../../../datasets/table';
import { assertNever } from '../../../shared/assertNever';
import { openRegularSync } from '../../../system/regularFiles';

/** A file changed since training first read it. */
export class ChangedFileError extends Error {
  override readonly name = 'ChangedFileError';
}

/** Per file, its mtime and its size when training first read it, [files, 2]. Zeros before that. */
export type Stamps = Float64Array;

/** Returns the number of files to watch for changes: one per image, or those with many images. */
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
 * Reads a stored image synchronously in the calling thread, which takes much less CPU time than the system's
 * asynchronous calls. See docs/performance.md.
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

/** @param length in bytes; null for the whole file */
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
    // Not from Node's pool, because a native decoder cannot take just a part of that.
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
