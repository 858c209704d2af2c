import * as l10n from '@vscode/l10n';
import { datasetError } from './errors';

export interface IdxArray {
  /** Sizes, the outermost first: [count] of labels, [count, height, width] of images. */
  readonly dimensions: readonly number[];
  /** A view of the bytes after the header, in row-major order. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX array of unsigned bytes (the format of MNIST's page, LeCun, Cortes and Burges): two zero bytes,
 * the type, the number of dimensions, each dimension as a big-endian 32-bit integer, then exactly the values.
 *
 * @param rank the number of dimensions it must have
 * @param where the file the bytes come from, for errors
 * @param remedy what to do about a damaged file, for errors
 * @throws UserError when the bytes are anything else, cut short or too long
 */
export function readIdx(bytes: Uint8Array, rank: number, where: string, remedy: string): IdxArray {
  const damaged = (what: string) => datasetError(where, what, remedy);
  const headerBytes = 4 + 4 * rank;
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
  const expectedBytes = headerBytes + dimensions.reduce((product, size) => product * size, 1);
  if (bytes.length < expectedBytes) {
    throw damaged(l10n.t('The file is cut short: {0} of {1} bytes.', bytes.length, expectedBytes));
  }
  if (bytes.length > expectedBytes) {
    throw damaged(l10n.t('The file is too long: {0} bytes for {1}.', bytes.length, expectedBytes));
  }
  return { dimensions, values: bytes.subarray(headerBytes) };
}
