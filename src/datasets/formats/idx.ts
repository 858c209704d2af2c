import * as l10n from '@vscode/l10n';
import { datasetError } from '../errors';

export interface IdxArray {
  /** Sizes, the outermost first: [count] of labels, [count, height, width] of images. */
  readonly dimensions: readonly number[];
  /** A view of the bytes after the header, in row-major order. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/** Bytes before the values of an array of that many dimensions. */
export function idxHeaderBytes(rank: number): number {
  return 4 + 4 * rank;
}

/**
 * Reads the header of an IDX array of unsigned bytes (the format of MNIST's page, LeCun, Cortes and Burges): two zero
 * bytes, the type, the number of dimensions, then each dimension as a big-endian 32-bit integer.
 *
 * @param bytes the file, or as many of its first bytes as a header of that rank has
 * @param rank the number of dimensions it must have
 * @param where the file the bytes come from, for errors
 * @param remedy what to do about a damaged file, for errors
 * @returns the sizes, none of them 0
 * @throws UserError when the bytes are anything else
 */
export function readIdxHeader(bytes: Uint8Array, rank: number, where: string, remedy: string): number[] {
  const damaged = (what: string) => datasetError(where, what, remedy);
  const headerBytes = idxHeaderBytes(rank);
  if (bytes.length < headerBytes) {
    throw damaged(l10n.t('The file is cut short: {0} of at least {1} bytes.', bytes.length, headerBytes));
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
 * Reads an IDX array of unsigned bytes: its header, then exactly the values.
 *
 * @throws UserError when the bytes are anything else, cut short or too long
 */
export function readIdx(bytes: Uint8Array, rank: number, where: string, remedy: string): IdxArray {
  const dimensions = readIdxHeader(bytes, rank, where, remedy);
  const headerBytes = idxHeaderBytes(rank);
  const expectedBytes = headerBytes + valuesOf(dimensions);
  if (bytes.length < expectedBytes) throw cutShort(bytes.length, expectedBytes, where, remedy);
  if (bytes.length > expectedBytes) throw tooLong(bytes.length, expectedBytes, where, remedy);
  return { dimensions, values: bytes.subarray(headerBytes) };
}

/** How many values an array has. */
export function valuesOf(dimensions: readonly number[]): number {
  return dimensions.reduce((product, size) => product * size, 1);
}

export function cutShort(bytes: number, expectedBytes: number, where: string, remedy: string) {
  return datasetError(
    where,
    l10n.t('The file is cut short: {0} of {1} bytes.', bytes, expectedBytes),
    remedy,
  );
}

export function tooLong(bytes: number, expectedBytes: number, where: string, remedy: string) {
  return datasetError(
    where,
    l10n.t('The file is too long: {0} bytes for {1}.', bytes, expectedBytes),
    remedy,
  );
}
