import * as l10n from '@vscode/l10n';
import { datasetError } from '../errors';

export interface IdxArray {
  /** Sizes, outermost first: [count] for labels, [count, height, width] for images. */
  readonly dimensions: readonly number[];
  /** A view of the bytes after the header, in row-major order. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/** Returns the size in bytes of the header of an array with this many dimensions. */
export function idxHeaderBytes(rank: number): number {
  return 4 + 4 * rank;
}

/**
 * Reads the header of an IDX array of unsigned bytes (the format of MNIST's page, LeCun, Cortes and Burges): two zero
 * bytes, the type, the number of dimensions, then each dimension as a big-endian 32-bit integer.
 *
 * @param bytes the file, or at least the bytes of a header of that rank
 * @param rank the required number of dimensions
 * @param where the file that the bytes come from, for errors
 * @param remedy how to fix a damaged file, for errors
 * @returns the sizes, all nonzero
 * @throws UserError if the bytes are not such a header
 */
export function readIdxHeader(bytes: Uint8Array, rank: number, where: string, remedy: string): number[] {
  const damaged = (what: string) => datasetError(where, what, remedy);
  const headerBytes = idxHeaderBytes(rank);
  if (bytes.length < headerBytes) {
    throw damaged(l10n.t('The file is truncated: {0} of at least {1} bytes.', bytes.length, headerBytes));
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  if (header.getUint16(0) !== 0 || header.getUint8(2) !== UNSIGNED_BYTE) {
    throw damaged(l10n.t('This is not an IDX file of unsigned bytes.'));
  }
  if (header.getUint8(3) !== rank) {
    throw damaged(l10n.t('The IDX file has {0} dimensions, not {1}.', header.getUint8(3), rank));
  }
  const dimensions = Array.from({ length: rank }, (_, axis) => header.getUint32(4 + 4 * axis));
  if (dimensions.includes(0)) {
    throw damaged(l10n.t('The IDX file is empty: its dimensions are {0}.', dimensions.join(' x ')));
  }
  return dimensions;
}

/**
 * Reads an IDX array of unsigned bytes: its header, then exactly its values.
 *
 * @throws UserError if the bytes are not such an array, or are truncated or too long
 */
export function readIdx(bytes: Uint8Array, rank: number, where: string, remedy: string): IdxArray {
  const dimensions = readIdxHeader(bytes, rank, where, remedy);
  const headerBytes = idxHeaderBytes(rank);
  const expectedBytes = headerBytes + valuesOf(dimensions);
  if (bytes.length < expectedBytes) throw cutShort(bytes.length, expectedBytes, where, remedy);
  if (bytes.length > expectedBytes) throw tooLong(bytes.length, expectedBytes, where, remedy);
  return { dimensions, values: bytes.subarray(headerBytes) };
}

/** Returns the number of values in an array. */
export function valuesOf(dimensions: readonly number[]): number {
  return dimensions.reduce((product, size) => product * size, 1);
}

export function cutShort(bytes: number, expectedBytes: number, where: string, remedy: string) {
  return datasetError(
    where,
    l10n.t('The file is truncated: {0} of {1} bytes.', bytes, expectedBytes),
    remedy,
  );
}

export function tooLong(bytes: number, expectedBytes: number, where: string, remedy: string) {
  return datasetError(
    where,
    l10n.t('The file is too long: {0} bytes instead of {1}.', bytes, expectedBytes),
    remedy,
  );
}
